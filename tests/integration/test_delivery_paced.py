"""Limits in a send: the pump keeps to them, and whoever need not wait does not."""

from __future__ import annotations

import time
from datetime import timedelta

from newsletter.backends.base import Message, Outcome, Result
from newsletter.clock import SystemClock
from newsletter.config import LimitSettings
from newsletter.database import Database
from newsletter.delivery.breaker import Breaker
from newsletter.delivery.models import Status
from tests.integration.delivery_world import OK, FakeBackend, make_world


def test_a_send_is_no_faster_than_its_backend_may_be(database: Database) -> None:
    clock = SystemClock()
    world = make_world(database, clock, 60)
    backend = FakeBackend(lanes=8)
    began = time.monotonic()
    delivered = world.run(
        backend,
        deadline=clock.now() + timedelta(hours=1),
        limits={"fake": LimitSettings.model_validate({"rate": "40/s", "burst": 10})},
    )
    assert time.monotonic() - began > 50 / 40 - 0.75  # what it may be early by is told in the explanation
    assert delivered.done
    assert sorted(backend.sent) == list(range(1, 61))


def test_a_provider_that_wants_a_long_pause_is_left_and_the_send_ends_until_then(database: Database) -> None:
    """Its readers are still to go, at the time that it named, and the breaker is not what keeps them."""
    clock = SystemClock()
    world = make_world(database, clock, 40)
    busy = Outcome(Result.DEFERRED, 450, "4.2.0", "450 4.2.0 the river is full today")
    rule = {"text": ["river is full"], "class": "throttled", "pause": "10m"}
    complained: list[int] = []

    def answer(message: Message) -> Outcome:
        if not complained:
            complained.append(message.subscriber)
            return busy
        return OK

    breakers: dict[str, Breaker] = {}
    delivered = world.run(
        FakeBackend(answer=answer, lanes=2),
        deadline=clock.now() + timedelta(hours=1),
        breakers=breakers,
        limits={"fake": LimitSettings.model_validate({"replies": [rule]})},
    )
    assert not delivered.done
    assert delivered.next_due is not None
    assert timedelta(minutes=9) < delivered.next_due - clock.now() < timedelta(minutes=20)
    assert breakers["fake"].until is None
    assert world.count(Status.DEFERRED) == 1
    assert world.count(Status.ACCEPTED) <= 3  # what was on the wire at that moment
    assert world.balanced()
