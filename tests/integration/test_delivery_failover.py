"""Failover: the first backend goes down in the middle, the second takes over, nobody is mailed twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from newsletter.backends.base import Message, Outcome, Result
from newsletter.database import Database
from newsletter.delivery.breaker import Breaker
from newsletter.delivery.models import Status
from newsletter.delivery.report import report
from newsletter.testing import FixedClock
from tests.integration.delivery_world import OK, FakeBackend, World, make_world

LOST = Outcome(Result.IN_DOUBT, reply="connection lost after the final dot", backend_fault=True)
DOWN = {
    "refused": Outcome(Result.DEFERRED, reply="connection refused", backend_fault=True),
    "421": Outcome(Result.DEFERRED, 421, "4.3.2", "421 4.3.2 shutting down", backend_fault=True),
    "policy": Outcome(Result.REJECTED, 554, "5.7.1", "554 5.7.1 client host blocked using a list", backend_fault=True),
    "in doubt": LOST,
}


class Switch(FakeBackend):
    """Works until ``fails`` says that it does not; remembers whose message it took."""

    def __init__(self, name: str, fails: Callable[[Switch], Outcome | None] = lambda _: None, lanes: int = 3) -> None:
        super().__init__(name, self._say, lanes)
        self.fails = fails
        self.accepted: list[int] = []
        self.doubtful: list[int] = []

    def _say(self, message: Message) -> Outcome:
        outcome = self.fails(self) or OK
        if outcome is OK:
            self.accepted.append(message.subscriber)
        elif outcome.result is Result.IN_DOUBT:
            self.doubtful.append(message.subscriber)
        return outcome


def after(count: int, outcome: Outcome) -> Callable[[Switch], Outcome | None]:
    """Down for good once it has taken so many."""
    return lambda backend: outcome if len(backend.accepted) >= count else None


def deliver(world: World, clock: FixedClock, *backends: Switch, breakers: dict[str, Breaker] | None = None) -> None:
    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    assert world.run(*backends, wait=timedelta(hours=5), sleep=sleep, breakers=breakers).done


@pytest.mark.parametrize("how", DOWN)
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_first_backend_that_goes_down_in_the_middle_leaves_nobody_out_and_nobody_twice(
    database: Database, clock: FixedClock, how: str, lanes: int
) -> None:
    world = make_world(database, clock, 60, backends=[["first", "second"]], batch_size=7)
    first, second = Switch("first", after(25, DOWN[how]), lanes), Switch("second", lanes=lanes)
    deliver(world, clock, first, second)
    copies = Counter(first.accepted + first.doubtful + second.accepted)
    assert set(copies) == set(range(1, 61))
    assert max(copies.values()) == 1
    assert len(first.accepted) == 25
    result = report(database, world.edition)
    assert (result.counts.accepted, result.counts.in_doubt) == (60 - len(first.doubtful), len(first.doubtful))
    assert world.balanced()


def test_few_readers_are_in_doubt_when_a_backend_swallows_messages(database: Database, clock: FixedClock) -> None:
    """The breaker opens on silences too: five in a row and what was on the wire, then a trial now and then."""
    world = make_world(database, clock, 200, backends=[["first", "second"]], batch_size=20)
    first, second = Switch("first", after(20, LOST)), Switch("second")
    deliver(world, clock, first, second)
    assert len(first.doubtful) <= 5 + first.lanes + 8
    assert world.count(Status.IN_DOUBT) == len(first.doubtful)


def test_under_resend_who_is_in_doubt_gets_one_copy_more_at_most_and_nobody_else(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 40, backends=[["first", "second"]], batch_size=7)
    first, second = Switch("first", after(15, LOST)), Switch("second")

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    assert world.run(first, second, wait=timedelta(hours=5), sleep=sleep, in_doubt="resend").done
    taken = Counter(first.accepted + second.accepted)
    assert taken == Counter(range(1, 41))
    assert world.count(Status.ACCEPTED) == 40


def test_what_the_first_rejects_for_good_the_second_does_not_try(database: Database, clock: FixedClock) -> None:
    unknown = Outcome(Result.REJECTED, 550, "5.1.1", "550 5.1.1 user unknown")
    world = make_world(database, clock, 30, backends=[["first", "second"]], batch_size=7)
    first, second = Switch("first", lambda _: unknown), Switch("second")
    deliver(world, clock, first, second)
    assert sorted(first.sent) == list(range(1, 31))
    assert second.sent == []
    assert world.count(Status.REJECTED) == 30


def test_greylisted_readers_do_not_open_the_breaker(database: Database, clock: FixedClock) -> None:
    """As an SMTP server says it: 4.7.1, which the backend takes for its own fault."""
    greylisted = Outcome(Result.DEFERRED, 450, "4.7.1", "450 4.7.1 Greylisted, come back soon", backend_fault=True)
    world = make_world(database, clock, 30, backends=[["first", "second"]], batch_size=30)
    seen: Counter[int] = Counter()

    def fails(backend: Switch) -> Outcome | None:
        seen[backend.sent[-1]] += 1
        return greylisted if seen[backend.sent[-1]] == 1 else None

    first, second = Switch("first", fails, lanes=1), Switch("second")
    deliver(world, clock, first, second)
    assert second.sent == []
    assert sorted(first.accepted) == list(range(1, 31))


def test_a_first_backend_that_has_recovered_takes_over_again_in_mid_send(database: Database, clock: FixedClock) -> None:
    """While the second is still at work: it does not have to come to an end first."""
    world = make_world(database, clock, 120, backends=[["first", "second"]], batch_size=10)
    refused = DOWN["refused"]
    first = Switch("first", lambda backend: refused if 20 < len(backend.sent) <= 25 else None, lanes=1)
    breakers: dict[str, Breaker] = {}

    async def slow(_: Message) -> None:
        if len(second.sent) <= 10:
            clock.advance(10)  # not all at once: its lease must live
        for _ in range(300 if len(second.sent) == 15 else 0):  # until the first has had its trial
            if len(first.sent) > 25:
                break
            await asyncio.sleep(0.01)

    second = Switch("second", lanes=1)
    second.before = slow
    deliver(world, clock, first, second, breakers=breakers)
    assert Counter(first.accepted + second.accepted) == Counter(range(1, 121))
    assert breakers["first"].until is None
    assert len(second.accepted) < 50 < len(first.accepted)


def test_the_next_edition_begins_with_the_first_backend(database: Database, clock: FixedClock) -> None:
    """A breaker that is kept from one run to the next lets a trial through after its rest, and then everything."""
    world = make_world(database, clock, 30, backends=[["first", "second"]], batch_size=10)
    breakers = {"first": Breaker(), "second": Breaker()}
    for _ in range(5):
        breakers["first"].failed(clock.now())
    clock.advance(61)
    first, second = Switch("first", lanes=1), Switch("second", lanes=1)
    deliver(world, clock, first, second, breakers=breakers)
    assert Counter(first.accepted + second.accepted) == Counter(range(1, 31))
    assert first.accepted
    assert breakers["first"].until is None


def test_when_both_are_down_the_work_waits_and_then_everyone_gets_it_once(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 40, backends=[["first", "second"]], batch_size=10)
    began = clock.now()

    def away(_: Switch) -> Outcome | None:
        return DOWN["refused"] if clock.now() - began < timedelta(minutes=30) else None

    first, second = Switch("first", away), Switch("second", away)
    deliver(world, clock, first, second)
    assert Counter(first.accepted + second.accepted) == Counter(range(1, 41))
    assert len(first.sent) + len(second.sent) < 40 + 60  # few tries while both were away
