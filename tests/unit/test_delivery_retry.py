"""Whose fault an outcome is, and when a message is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.backends.base import Outcome, Result
from newsletter.delivery.models import Status
from newsletter.delivery.retry import LAST_TRY, STEPS, Blame, blame, next_at, verdict

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
DEADLINE = NOW + timedelta(hours=6)
SECONDS = st.integers(0, 6 * 3600)


@pytest.mark.parametrize(
    ("outcome", "whose"),
    [
        (Outcome(Result.REJECTED, 550, "5.1.1"), Blame.READER),
        (Outcome(Result.REJECTED, 550, "5.2.1"), Blame.READER),
        (Outcome(Result.REJECTED, 552, "5.2.2"), Blame.READER),
        (Outcome(Result.REJECTED, 550, "5.4.4"), Blame.READER),
        (Outcome(Result.REJECTED, 556, "5.1.10"), Blame.READER),
        (Outcome(Result.REJECTED, 550), Blame.READER),
        (Outcome(Result.DEFERRED, 450), Blame.READER),
        (Outcome(Result.REJECTED, 554, "5.6.0"), Blame.MESSAGE),
        (Outcome(Result.REJECTED, 552, "5.3.4"), Blame.MESSAGE),
        (Outcome(Result.DEFERRED, 451, "4.3.0"), Blame.MESSAGE),
        (Outcome(Result.REJECTED, 554), Blame.MESSAGE),
        (Outcome(Result.REJECTED), Blame.MESSAGE),
        (Outcome(Result.REJECTED, 550, "5.7.1"), Blame.BACKEND),
        (Outcome(Result.REJECTED, 553, "5.1.8"), Blame.BACKEND),
        (Outcome(Result.DEFERRED, 421, "4.1.1"), Blame.BACKEND),
        (Outcome(Result.DEFERRED), Blame.BACKEND),
        (Outcome(Result.IN_DOUBT), Blame.BACKEND),
        (Outcome(Result.REJECTED, 550, "5.1.1", backend_fault=True), Blame.BACKEND),
    ],
    ids=lambda value: f"{value.code} {value.enhanced}" if isinstance(value, Outcome) else str(value),
)
def test_a_failure_is_put_where_it_belongs(outcome: Outcome, whose: Blame) -> None:
    assert blame(outcome) is whose


def test_tries_come_after_one_five_fifteen_thirty_and_sixty_minutes() -> None:
    """Each within a fifth of its step."""
    far = NOW + timedelta(days=30)
    for attempts, step in enumerate([*STEPS, STEPS[-1], STEPS[-1]], start=1):
        again = next_at(attempts, NOW, far, seed=7)
        assert again is not None
        assert step * 0.79 <= again - NOW <= step * 1.21


def test_the_same_seed_gives_the_same_instant_and_another_seed_another() -> None:
    assert next_at(3, NOW, DEADLINE, 1) == next_at(3, NOW, DEADLINE, 1)
    assert len({next_at(3, NOW, DEADLINE, seed) for seed in range(100)}) > 20


@given(attempts=st.integers(1, 40), seconds=SECONDS, seed=st.integers(0, 2**60))
def test_a_try_is_later_than_now_and_never_later_than_a_minute_before_the_deadline(
    attempts: int, seconds: int, seed: int
) -> None:
    now = NOW + timedelta(seconds=seconds)
    again = next_at(attempts, now, DEADLINE, seed)
    if again is None:
        assert now >= DEADLINE - LAST_TRY
    else:
        assert now < again <= DEADLINE - LAST_TRY


@given(seed=st.integers(0, 2**60))
def test_the_tries_of_a_reader_end(seed: int) -> None:
    """Following the schedule from the first attempt reaches the deadline in fewer than twenty tries."""
    now: datetime | None = NOW
    tries = 0
    while now is not None:
        tries += 1
        assert tries < 20
        now = next_at(tries, now, DEADLINE, seed)


@pytest.mark.parametrize(
    ("outcome", "resend", "status"),
    [
        (Outcome(Result.ACCEPTED, 250), False, Status.ACCEPTED),
        (Outcome(Result.IN_DOUBT), False, Status.IN_DOUBT),
        (Outcome(Result.IN_DOUBT), True, Status.DEFERRED),
        (Outcome(Result.REJECTED, 550, "5.1.1"), False, Status.REJECTED),
        (Outcome(Result.REJECTED, 550, "5.7.1"), False, Status.DEFERRED),
        (Outcome(Result.DEFERRED, 451), False, Status.DEFERRED),
    ],
)
def test_an_outcome_becomes_a_status(outcome: Outcome, resend: bool, status: Status) -> None:
    found, again = verdict(outcome, 1, NOW, DEADLINE, 1, resend=resend)
    assert found is status
    assert (again is not None) == (status is Status.DEFERRED)


def test_what_is_deferred_at_the_deadline_has_expired() -> None:
    assert verdict(Outcome(Result.DEFERRED, 451), 9, DEADLINE, DEADLINE, 1, resend=False) == (Status.EXPIRED, None)


@given(attempts=st.integers(1, 40), seconds=SECONDS, seed=st.integers(0, 2**60), asked=st.integers(1, 4 * 3600))
def test_a_server_that_asks_for_a_wait_gets_it_unless_the_deadline_comes_first(
    attempts: int, seconds: int, seed: int, asked: int
) -> None:
    now = NOW + timedelta(seconds=seconds)
    wait = timedelta(seconds=asked)
    again = next_at(attempts, now, DEADLINE, seed, wait)
    if again is not None and again != DEADLINE - LAST_TRY:
        assert wait <= again - now <= wait * 1.4 + timedelta(seconds=5)


def test_the_wait_in_the_words_of_a_deferral_is_kept() -> None:
    greylisted = Outcome(Result.DEFERRED, 450, "4.2.0", "450 4.2.0 Greylisted, try again in 300 seconds")
    _, again = verdict(greylisted, 1, NOW, DEADLINE, 1, resend=False)
    assert again is not None
    assert timedelta(seconds=300) <= again - NOW <= timedelta(seconds=425)


@pytest.mark.parametrize("code", [452, 552])
def test_after_too_many_recipients_the_rest_comes_at_once(code: int) -> None:
    result = Result.REJECTED if code >= 500 else Result.DEFERRED
    outcome = Outcome(result, code, f"{code // 100}.5.3", f"{code} too many recipients")
    status, again = verdict(outcome, 3, NOW, DEADLINE, 1, resend=False)
    assert status is Status.DEFERRED
    assert again is not None
    assert again - NOW <= timedelta(seconds=10)


@pytest.mark.parametrize(
    "words", ["blocked using a list", "message classified as spam", "rate limit exceeded", "relay access denied"]
)
def test_a_final_no_that_is_about_us_is_tried_again(words: str) -> None:
    outcome = Outcome(Result.REJECTED, 550, "5.1.1", f"550 5.1.1 {words}")
    assert verdict(outcome, 1, NOW, DEADLINE, 1, resend=False)[0] is Status.DEFERRED
