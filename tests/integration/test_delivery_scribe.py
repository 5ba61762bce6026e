"""The ledger in a process of its own: the same as in a thread, and whoever of the two dies, nobody gets it twice."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta

import pytest

from newsletter.backends.base import Message, Outcome, Result
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.delivery import counter
from newsletter.delivery.models import Status
from newsletter.delivery.scribe import LedgerFailed, LedgerLost, ProcessWriter
from newsletter.errors import NewsletterError
from tests.integration.delivery_world import OK, FakeBackend, World, address, make_world, set_state, suppress

NO = Outcome(Result.REJECTED, 550, "5.1.1", "550 5.1.1 no such user")
BUSY = Outcome(Result.DEFERRED, 451, "4.3.0", "451 4.3.0 busy")


def options(world: World) -> dict[str, object]:
    return {"in_process": True, "deadline": world.clock.now() + timedelta(hours=6)}


def test_everyone_gets_it_once_and_every_outcome_is_kept(database: Database) -> None:
    world = make_world(database, SystemClock(), 3_000, batch_size=400)
    suppress(database, 11)
    answers = {7: NO, 8: BUSY}
    backend = FakeBackend(answer=lambda message: answers.get(message.subscriber, OK), lanes=20)
    delivered = world.run(backend, **options(world))
    assert sorted(backend.sent) == [number for number in range(1, 3_001) if number != 11]
    assert delivered.settled == {"accepted": 2_997, "rejected": 1, "deferred": 1, "suppressed": 1}
    statuses = world.statuses()
    assert [statuses[number] for number in (7, 8, 11)] == [Status.REJECTED, Status.DEFERRED, Status.SUPPRESSED]
    assert not delivered.done
    assert world.balanced()


def test_a_hold_from_elsewhere_stops_it_between_two_messages(database: Database) -> None:
    world = make_world(database, SystemClock(), 500)

    def hold(message: Message) -> None:
        if message.subscriber == 50:
            set_state(database, world.edition, "held")

    backend = FakeBackend(lanes=4, before=hold)
    delivered = world.run(backend, **options(world))
    assert delivered.stopped == "the edition is held"
    assert len(backend.sent) < 100
    assert world.count(Status.ACCEPTED) == len(backend.sent)


def test_when_it_is_killed_the_send_ends_with_one_line_and_goes_on_later(database: Database) -> None:
    world = make_world(database, SystemClock(), 2_000, batch_size=200)
    pump = None

    def kill(message: Message) -> None:
        if message.subscriber == 300:
            assert isinstance(pump.writer, ProcessWriter)
            os.kill(pump.writer.process_id, signal.SIGKILL)

    first = FakeBackend(lanes=4, before=kill)
    pump = world.pump(first, lease=timedelta(seconds=1), **options(world))
    with pytest.raises(LedgerLost, match="send again to go on"):
        asyncio.run(pump.run())
    second = FakeBackend(lanes=4)
    assert world.run(second, wait=timedelta(seconds=30), **options(world)).done
    doubtful = {number for number, status in world.statuses().items() if status is Status.IN_DOUBT}
    assert len(doubtful) <= 4
    assert set(first.sent) & set(second.sent) == set()
    assert set(first.sent) | set(second.sent) | doubtful == set(range(1, 2_001))
    assert world.balanced()


def test_who_stops_waiting_for_a_batchs_readers_leaves_the_next_one_his_own(database: Database) -> None:
    world = make_world(database, SystemClock(), 20, batch_size=10)
    suppress(database, 13)

    async def both() -> tuple[list[int], list[int]]:
        pump = world.pump(FakeBackend(), **options(world))
        async with pump.writer as writer:
            first, second = [await writer.call("claim", world.variants) for _ in range(2)]
            asked = asyncio.create_task(writer.read(first))
            await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            left, out = await writer.read(second)
            return [reader[0] for reader in left], [settled.subscriber for settled in out]

    assert asyncio.run(both()) == ([11, 12, 14, 15, 16, 17, 18, 19, 20], [13])


def test_what_cannot_be_told_to_the_other_process_ends_the_send_and_hangs_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(database, SystemClock(), 20)
    monkeypatch.setattr(counter, "_code", lambda outcome: object())
    with pytest.raises(LedgerFailed, match="unmarshallable"):
        world.run(FakeBackend(lanes=2), **options(world))


def test_a_commit_that_fails_there_is_told_here_in_words(database: Database) -> None:
    world = make_world(database, SystemClock(), 50)

    def spoil(message: Message) -> None:
        if message.subscriber == 5:
            with database.write_connection() as connection:
                connection.exec_driver_sql("ALTER TABLE lane RENAME TO lane_away")

    backend = FakeBackend(lanes=2, before=spoil)
    with pytest.raises(LedgerFailed, match="lane") as failed:
        world.run(backend, **options(world))
    assert isinstance(failed.value, NewsletterError)
    assert len(backend.sent) < 50
    assert address(1) not in str(failed.value)
