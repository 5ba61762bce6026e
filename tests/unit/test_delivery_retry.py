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
