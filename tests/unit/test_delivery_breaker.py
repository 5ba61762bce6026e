"""The breaker of a backend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from newsletter.delivery.breaker import Breaker, Gate

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def opened() -> Breaker:
    breaker = Breaker(limit=3, rest=MINUTE)
    for _ in range(3):
        assert breaker.gate(NOW) is Gate.CLOSED
        breaker.failed(NOW)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_lets_a_trial_through_after_its_rest() -> None:
    breaker = opened()
    assert breaker.gate(NOW) is Gate.OPEN
    assert breaker.gate(NOW + MINUTE - timedelta(seconds=1)) is Gate.OPEN
    assert breaker.gate(NOW + MINUTE) is Gate.HALF_OPEN


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(limit=2)
    for _ in range(10):
        breaker.failed(NOW)
        breaker.succeeded()
    assert breaker.gate(NOW) is Gate.CLOSED


def test_a_trial_that_succeeds_closes_it() -> None:
    breaker = opened()
    breaker.succeeded()
    assert breaker.gate(NOW) is Gate.CLOSED


def test_each_failed_trial_doubles_the_rest_to_a_quarter_of_an_hour() -> None:
    breaker, now, rests = opened(), NOW, []
    for _ in range(6):
        assert breaker.until is not None
        now = breaker.until
        breaker.failed(now)
        rests.append((breaker.until - now) / MINUTE)
    assert rests == [2, 4, 8, 15, 15, 15]


def test_messages_that_were_on_the_wire_when_it_opened_do_not_lengthen_the_rest() -> None:
    breaker = opened()
    for _ in range(50):
        breaker.failed(NOW + timedelta(seconds=1))
    assert breaker.gate(NOW + MINUTE) is Gate.HALF_OPEN
