"""A pace: tokens, slowing down and speeding up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.pace import RECOVERY, SLOWEST, Pace, Plan, Told

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TEN = Plan(10.0, 20)


def fresh(plan: Plan = TEN) -> Pace:
    assert plan.rate is not None
    return Pace.full(plan.rate, plan.burst, NOW)


@given(
    rate=st.floats(0.01, 5000),
    burst=st.one_of(st.none(), st.integers(1, 500)),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(0, 400)), max_size=40),
)
def test_never_more_goes_than_the_burst_and_the_rate_allow(
    rate: float, burst: int | None, steps: list[tuple[float, int]]
) -> None:
    plan = Plan(rate, burst)
    pace, now, granted = fresh(plan), NOW, 0
    for seconds, want in steps:
        now += timedelta(seconds=seconds)
        pace, some = pace.refilled(plan, now).taken(want, now)
        assert 0 <= some <= want
        granted += some
        assert pace.tokens >= 0
    allowed = (burst or max(1.0, rate)) + rate * (now - NOW).total_seconds()
    assert granted <= allowed + 1e-6 * allowed


def test_a_throttling_halves_the_rate_once_a_rush_and_never_below_one_a_minute() -> None:
    pace, now = fresh(), NOW
    for _ in range(50):  # fifty connections hear it at once
        pace = pace.told(Told(throttled=True), now)
    assert pace.rate == 5.0
    for _ in range(30):
        now += timedelta(seconds=3)
        pace = pace.told(Told(throttled=True), now)
    assert pace.rate == SLOWEST


def test_it_speeds_up_by_equal_steps_after_the_hold_and_never_past_its_ceiling() -> None:
    pace = fresh().told(Told(throttled=True), NOW)
    assert pace.told(Told(accepted=5), NOW + SECOND).rate == 5.0  # held
    now, rates = NOW + timedelta(seconds=30), []
    for _ in range(700):
        now += SECOND
        pace = pace.told(Told(accepted=round(pace.rate)), now)
        rates.append(pace.rate)
    assert rates == sorted(rates)
    assert rates[-1] == 10.0
    climbed = next(number for number, rate in enumerate(rates) if rate >= 9.99)
    assert RECOVERY / 2 * 0.8 < climbed < RECOVERY / 2 * 1.2  # half of the way up


def test_a_long_silence_earns_one_step_and_not_the_way_up() -> None:
    pace = fresh().told(Told(rate=SLOWEST), NOW)
    pace = pace.told(Told(accepted=1000), NOW + timedelta(hours=5))
    assert pace.rate <= SLOWEST + 1.0 + 1e-9


def test_a_rule_can_name_the_rate_and_how_long_it_holds() -> None:
    until = NOW + timedelta(minutes=90)
    pace = fresh().told(Told(throttled=True, rate=1 / 60, held_until=until), NOW)
    assert pace.rate == 1 / 60
    assert pace.told(Told(accepted=9), until - SECOND).rate == 1 / 60
    assert pace.told(Told(accepted=9), until).rate > 1 / 60


def test_while_it_is_paused_nothing_is_granted_and_a_shorter_pause_does_not_end_it() -> None:
    pace = fresh().told(Told(paused_until=NOW + timedelta(minutes=5)), NOW)
    pace = pace.told(Told(paused_until=NOW + timedelta(minutes=1)), NOW)
    later = NOW + timedelta(minutes=2)
    assert pace.refilled(TEN, later).taken(5, later)[1] == 0
    assert pace.next_token(later) == 180
    end = NOW + timedelta(minutes=5)
    assert pace.refilled(TEN, end).taken(5, end)[1] == 5


def test_a_slower_pace_has_a_smaller_burst() -> None:
    pace = fresh().told(Told(throttled=True), NOW).refilled(TEN, NOW + timedelta(hours=1))
    assert pace.tokens == 10.0


def test_a_limit_that_was_changed_in_the_config_holds_at_once_and_a_slowed_rate_stays() -> None:
    assert fresh().configured(Plan(30.0)).rate == 30.0
    slowed = fresh().told(Told(throttled=True), NOW)
    assert (slowed.configured(Plan(30.0)).rate, slowed.configured(Plan(30.0)).ceiling) == (5.0, 30.0)
    assert slowed.configured(Plan(2.0)).rate == 2.0


def test_a_clock_that_goes_back_adds_nothing() -> None:
    pace, _ = fresh().taken(20, NOW)
    back = pace.refilled(TEN, NOW - timedelta(hours=1))
    assert back.tokens == 0.0
    assert back.refilled(TEN, NOW).tokens == 0.0
