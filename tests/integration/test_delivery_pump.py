"""The pump, from frozen recipients to a report that adds up."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from http import HTTPStatus

import pytest
from sqlalchemy import func, select

from newsletter.backends.base import Answer, Backend, Counter, Message, OneByOne, Outcome, Result, Stopped
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.delivery.closing import withdraw
from newsletter.delivery.ledger import Intent, Recipient
from newsletter.delivery.models import Status, attempt, lane
from newsletter.delivery.report import names, report
from newsletter.errors import DeliveryError, NotFound, Refused
from newsletter.testing import FixedClock
from tests.integration.delivery_world import (
    NOW,
    OK,
    FakeBackend,
    World,
    add_edition,
    address,
    build,
    make_world,
    set_state,
    suppress,
)

GREYLISTED = Outcome(Result.DEFERRED, 451, "4.3.0", "try later")
UNKNOWN = Outcome(Result.REJECTED, 550, "5.1.1", "no such user")
REFUSED = Outcome(Result.DEFERRED, reply="connection refused", backend_fault=True)


def count(database: Database, table: object) -> int:
    with database.read_connection() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def test_everyone_gets_it_once_and_the_report_adds_up(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 100, batch_size=9)
    backend = FakeBackend(lanes=4)
    delivered = world.run(backend)
    assert sorted(backend.sent) == list(range(1, 101))
    assert (delivered.done, delivered.next_due, delivered.stopped) == (True, None, "")
    assert delivered.settled == {"accepted": 100}
    assert count(database, lane) == count(database, attempt) == 0
    assert report(database, world.edition).counts.accepted == 100
    assert world.balanced()


def test_sending_again_after_the_end_sends_nothing(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 20)
    world.run(FakeBackend())
    again = FakeBackend()
    delivered = world.run(again)
    assert again.sent == []
    assert delivered.done
    assert delivered.settled == {}


def test_two_pumps_at_once_send_once(database: Database) -> None:
    world = make_world(database, SystemClock(), 200, batch_size=10)
    backends = [FakeBackend(), FakeBackend()]
    deadline = SystemClock().now() + timedelta(hours=1)

    async def both() -> None:
        await asyncio.gather(*(world.pump(backend, deadline=deadline).run() for backend in backends))

    asyncio.run(both())
    assert sorted(backends[0].sent + backends[1].sent) == list(range(1, 201))
    assert backends[0].sent
    assert backends[1].sent


def test_each_variant_goes_to_its_own_backend_with_its_own_message(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 10, backends=[["one"], ["two"]])
    one, two = FakeBackend("one"), FakeBackend("two")
    assert world.run(one, two).done
    assert sorted(one.sent) == [2, 4, 6, 8, 10]
    assert sorted(two.sent) == [1, 3, 5, 7, 9]
    lines = {(line.segment, line.backend): line.counts.accepted for line in report(database, world.edition).lines}
    assert lines == {("segment0", "one"): 5, ("segment1", "two"): 5}


def test_what_is_rejected_is_named_with_the_servers_own_words(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 10)
    delivered = world.run(FakeBackend(answer=lambda message: UNKNOWN if message.subscriber in (3, 7) else OK))
    assert delivered.done
    result = report(database, world.edition)
    assert (result.counts.accepted, result.counts.rejected) == (8, 2)
    (reason,) = result.reasons
    assert (reason.status, reason.backend, reason.reason, reason.count) == ("rejected", "fake", "550 5.1.1", 2)
    found = names(database, world.edition, Status.REJECTED, reason="550 5.1.1", segment="segment0")
    assert [(one.email, one.reply) for one in found] == [(address(3), "no such user"), (address(7), "no such user")]
    assert [one.subscriber for one in names(database, world.edition, limit=2, after=8)] == [9, 10]
    assert result.adds_up


def test_a_batch_that_was_claimed_ahead_is_in_hand_while_it_waits(database: Database, clock: FixedClock) -> None:
    """Its lease is kept and its leavers are seen, however slow the batch before it is."""
    world = make_world(database, clock, 20, batch_size=10)
    ahead: list[int] = []

    class Slow(FakeBackend):
        async def deliver(self, counter: Counter) -> None:
            for _ in range(9):
                message = await counter.take(0)
                assert message is not None
                await counter.intend(0, message)
                counter.settle(0, message, OK)
            while len(pump._in_hand()) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            ahead.extend(held.claim.lo for held in pump._in_hand())
            await super().deliver(counter)

    pump = world.pump(Slow())
    assert asyncio.run(asyncio.wait_for(pump.run(), 20)).done
    assert ahead == [1, 11]
    assert world.count(Status.ACCEPTED) == 20


class Presses:
    """Makes many messages at a time, but for reader 5; cannot make that of reader 7 at all, nor any beside it."""

    def __init__(self) -> None:
        self.alone: list[int] = []
        self.together: list[int] = []

    def __call__(self, recipient: Recipient) -> Message:
        if recipient.subscriber == 7:
            raise ValueError("no such reader")
        self.alone.append(recipient.subscriber)
        return build(recipient)

    def many(self, recipients: list[Recipient]) -> list[Message]:
        numbers = [recipient.subscriber for recipient in recipients]
        if 7 in numbers:
            raise ValueError("somebody of these")
        self.together += numbers
        return [build(recipient) for recipient in recipients if recipient.subscriber != 5]


def test_messages_are_made_many_at_a_time_and_a_strange_reader_keeps_to_himself(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 200)
    suppress(database, 11)
    backend, presses = FakeBackend(lanes=3), Presses()
    assert world.run(backend, build=presses).done
    assert sorted(backend.sent) == [number for number in range(1, 201) if number not in (7, 11)]
    assert 5 in presses.alone
    assert len(presses.together) > 150
    (rejected,) = names(database, world.edition, Status.REJECTED)
    assert (rejected.subscriber, rejected.reply) == (7, "the message could not be made: no such reader")
    assert world.balanced()


def test_the_report_is_json_and_says_what_each_number_is(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 4)
    world.run(FakeBackend(answer=lambda message: GREYLISTED if message.subscriber == 1 else OK))
    shape = json.loads(json.dumps(report(database, world.edition).as_dict()))
    assert shape["edition"] == "morning/2026-11-23"
    assert shape["counts"]["to_go"] == shape["counts"]["deferred"] == 1
    assert shape["adds_up"] is True
    assert shape["lines"][0]["counts"]["to_go"] == 1
    assert shape["next_due"].startswith("2026-11-23T04:0")


def test_a_report_whose_rows_are_missing_says_so(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 5)
    with database.write_connection() as connection:
        connection.exec_driver_sql("DELETE FROM delivery WHERE subscriber_id = 2")
        connection.exec_driver_sql("UPDATE delivery SET status = 77 WHERE subscriber_id = 3")
    result = report(database, world.edition)
    assert not result.adds_up
    assert result.problems == (
        "5 were frozen, and the ledger accounts for 3",
        "1 deliveries have a status or a variant that there is not",
    )


def test_an_edition_that_is_not_there_has_no_report(database: Database) -> None:
    with pytest.raises(NotFound):
        report(database, 99)
    with pytest.raises(NotFound):
        names(database, 99)


def test_a_bad_address_is_rejected_by_name_and_the_others_go_out(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 10)

    def picky(recipient: Recipient) -> Message:
        if recipient.subscriber in (1, 6, 10):
            return Message(recipient.subscriber, "edith@example.org", "rita reads@example.org", b"")
        return build(recipient)

    backend = FakeBackend()
    assert world.run(backend, build=picky).done
    assert sorted(backend.sent) == [2, 3, 4, 5, 7, 8, 9]
    found = names(database, world.edition, Status.REJECTED)
    assert [one.subscriber for one in found] == [1, 6, 10]
    assert "exactly one address" in found[0].reply
    assert world.balanced()


def test_a_deferred_message_is_tried_again_until_it_is_taken(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 5)
    tries: dict[int, int] = {}

    def answer(message: Message) -> Outcome:
        tries[message.subscriber] = tries.get(message.subscriber, 0) + 1
        return GREYLISTED if message.subscriber == 2 and tries[2] < 3 else OK

    delivered = world.run(FakeBackend(answer=answer))
    assert not delivered.done
    assert delivered.next_due is not None
    assert 48 <= (delivered.next_due - NOW).total_seconds() <= 72

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    delivered = world.run(FakeBackend(answer=answer), wait=timedelta(hours=1), sleep=sleep)
    assert delivered.done
    assert tries == {1: 1, 2: 3, 3: 1, 4: 1, 5: 1}
    with database.read_connection() as connection:
        rows = connection.execute(select(attempt.c.n, attempt.c.result, attempt.c.reply).order_by(attempt.c.n)).all()
    assert [tuple(row) for row in rows] == [(1, "deferred", "try later"), (2, "deferred", "try later")]


def test_waiting_ends_where_the_caller_said(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 1)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    delivered = world.run(FakeBackend(answer=lambda _: GREYLISTED), wait=timedelta(minutes=3), sleep=sleep)
    assert not delivered.done
    assert clock.now() < NOW + timedelta(minutes=3)
    assert delivered.next_due is not None
    assert delivered.next_due > NOW + timedelta(minutes=3)


def test_who_is_deferred_to_the_deadline_has_expired_with_the_last_reply(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 3)
    backend = FakeBackend(answer=lambda message: OK if message.subscriber == 1 else GREYLISTED)
    while not (delivered := world.run(backend)).done:
        assert delivered.next_due is not None
        clock.advance(delivered.next_due - clock.now())
    assert 8 <= backend.sent.count(2) <= 14
    result = report(database, world.edition)
    assert (result.counts.accepted, result.counts.expired) == (1, 2)
    assert [(one.reason, one.count, one.reply) for one in result.reasons] == [("451 4.3.0", 2, "try later")]
    assert result.adds_up


def test_who_was_never_tried_before_the_deadline_has_expired_and_is_not_sent_to(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 3)
    clock.advance(timedelta(hours=6))
    backend = FakeBackend()
    delivered = world.run(backend)
    assert backend.sent == []
    assert delivered.done
    assert delivered.settled == {"expired": 3}
    assert [one.reason for one in report(database, world.edition).reasons] == ["never tried"]


def test_in_doubt_is_never_sent_again_under_hold(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 5)
    lost = Outcome(Result.IN_DOUBT, reply="connection lost after the final dot")
    backend = FakeBackend(answer=lambda message: lost if message.subscriber == 4 else OK)
    assert world.run(backend).done
    clock.advance(3600)
    assert world.run(backend).done
    assert sorted(backend.sent) == [1, 2, 3, 4, 5]
    (name,) = names(database, world.edition, Status.IN_DOUBT)
    assert (name.email, name.reply) == (address(4), "connection lost after the final dot")


def test_in_doubt_is_sent_again_under_resend_and_the_doubt_is_kept(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 5)
    lost = Outcome(Result.IN_DOUBT, reply="connection lost after the final dot")
    backend = FakeBackend(answer=lambda message: lost if message.subscriber == 4 and len(backend.sent) < 6 else OK)
    assert not world.run(backend, in_doubt="resend").done
    clock.advance(120)
    assert world.run(backend, in_doubt="resend").done
    assert sorted(backend.sent) == [1, 2, 3, 4, 4, 5]
    assert world.count(Status.ACCEPTED) == 5
    assert count(database, attempt) == 1


def test_a_backend_that_is_down_takes_few_readers_with_it_and_the_next_takes_over(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 50, backends=[["first", "second"]], batch_size=10)
    down, up = FakeBackend("first", lambda _: REFUSED), FakeBackend("second")
    delivered = world.run(down, up)
    assert len(down.sent) <= 5 + down.lanes
    assert len(up.sent) == 50 - len(down.sent)
    assert not delivered.done
    clock.advance(75)
    assert world.run(FakeBackend("first"), up).done
    assert world.count(Status.ACCEPTED) == 50
    assert world.balanced()


def test_nobody_gets_it_from_both_backends(database: Database, clock: FixedClock) -> None:
    """The first fails for good in mid-send: who was accepted there is not sent to again by the second."""
    world = make_world(database, clock, 60, backends=[["first", "second"]], batch_size=10)
    accepted: list[int] = []

    def answer(message: Message) -> Outcome:
        if len(accepted) >= 25:
            return REFUSED
        accepted.append(message.subscriber)
        return OK

    second = FakeBackend("second")

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    delivered = world.run(FakeBackend("first", answer), second, wait=timedelta(hours=3), sleep=sleep)
    assert delivered.done
    assert sorted(accepted + second.sent) == list(range(1, 61))
    result = report(database, world.edition)
    assert {line.backend: line.counts.accepted for line in result.lines} == {"first": 25, "second": 35}
    assert result.adds_up


def test_without_another_backend_the_work_waits_until_one_trial_succeeds(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 40, batch_size=10)
    down = True
    backend = FakeBackend(answer=lambda _: REFUSED if down else OK)
    breakers: dict[str, object] = {}
    delivered = world.run(backend, breakers=breakers)
    tried = len(backend.sent)
    assert tried <= 5 + backend.lanes
    assert delivered.next_due is not None
    assert delivered.next_due <= NOW + timedelta(minutes=1)
    world.run(backend, breakers=breakers)
    assert len(backend.sent) == tried  # open: nothing at all
    clock.advance(60)
    world.run(backend, breakers=breakers)
    assert len(backend.sent) == tried + 1  # half open: one message, to see
    clock.advance(120)
    down = False
    world.run(backend, breakers=breakers)
    clock.advance(timedelta(minutes=20))
    assert world.run(backend, breakers=breakers).done
    assert world.count(Status.ACCEPTED) == 40


def test_a_fault_of_the_backend_never_rejects_a_reader(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 3)
    blocked = Outcome(Result.REJECTED, 550, "5.7.1", "listed on a block list", backend_fault=True)
    world.run(FakeBackend(answer=lambda _: blocked))
    assert world.count(Status.DEFERRED) == 3


def test_an_abort_in_mid_send_stops_between_two_messages_and_withdraws_the_rest(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 50, batch_size=10)

    def abort(message: Message) -> None:
        if len(backend.sent) == 20:
            set_state(database, world.edition, "aborted")

    backend = FakeBackend(lanes=1, before=abort)
    delivered = world.run(backend)
    assert len(backend.sent) == 20
    assert delivered.stopped == ""
    assert delivered.settled == {"accepted": 20, "withdrawn": 30}
    assert world.count(Status.WITHDRAWN) == 30
    assert count(database, lane) == 0
    assert world.balanced()
    assert withdraw(database, world.edition, clock) == 0


def test_a_hold_in_mid_send_stops_and_sending_on_leaves_nobody_out_and_nobody_twice(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 50, batch_size=10)

    def hold(message: Message) -> None:
        if len(backend.sent) == 20:
            set_state(database, world.edition, "held")

    backend = FakeBackend(lanes=4, before=hold)
    delivered = world.run(backend)
    assert delivered.stopped == "the edition is held"
    assert 20 <= len(backend.sent) <= 24
    assert world.run(backend).stopped == "the edition is held"
    set_state(database, world.edition, "sending")
    backend.before = None
    assert world.run(backend).done
    assert sorted(backend.sent) == list(range(1, 51))


def test_an_unsubscribe_in_mid_send_counts_from_the_next_batch_on(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 30, batch_size=10)

    def unsubscribe(message: Message) -> None:
        if message.subscriber == 2:
            suppress(database, 9, 15, 30)

    backend = FakeBackend(lanes=1, before=unsubscribe)
    delivered = world.run(backend)
    assert sorted(backend.sent) == [n for n in range(1, 31) if n not in (15, 30)]
    assert delivered.settled == {"accepted": 28, "suppressed": 2}
    assert [(one.status, one.reason, one.count) for one in report(database, world.edition).reasons] == [
        ("suppressed", "unsubscribed", 2)
    ]
    assert world.balanced()


def test_asked_to_stop_it_settles_what_is_on_the_wire_and_leaves_nobody_in_doubt(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 50, batch_size=10)

    async def send() -> tuple[FakeBackend, str]:
        stop = asyncio.Event()

        async def slow(message: Message) -> None:
            if len(backend.sent) >= 10:
                stop.set()
            await asyncio.sleep(0.01)

        backend = FakeBackend(lanes=4, before=slow)
        return backend, (await world.pump(backend, stop=stop).run()).stopped

    backend, stopped = asyncio.run(send())
    assert stopped == "asked to stop"
    assert 10 <= len(backend.sent) <= 14
    assert world.count(Status.ACCEPTED) == len(backend.sent)
    assert count(database, lane) == 0
    rest = FakeBackend()
    assert world.run(rest).done
    assert sorted(backend.sent + rest.sent) == list(range(1, 51))


def test_a_cancelled_pump_has_what_was_on_the_wire_in_doubt_and_the_rest_to_go(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 10)

    async def send() -> None:
        both = asyncio.Event()

        async def hang(message: Message) -> None:
            if len(backend.sent) == 2:
                both.set()
            await asyncio.sleep(60)

        backend = FakeBackend(lanes=2, before=hang)
        task = asyncio.create_task(world.pump(backend).run())
        await both.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(send())
    assert world.count(Status.IN_DOUBT) == 2
    assert world.count(Status.PENDING) == 8
    assert world.run(FakeBackend()).done


def test_a_backend_that_falls_over_is_an_error_and_loses_nobody(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 10)

    def fall(message: Message) -> Outcome:
        if message.subscriber == 4:
            raise ZeroDivisionError
        return OK

    with pytest.raises(ZeroDivisionError):
        world.run(FakeBackend(answer=fall, lanes=1))
    assert world.count(Status.IN_DOUBT) == 1
    assert world.count(Status.PENDING) == 6
    rest = FakeBackend()
    assert world.run(rest).done
    assert rest.sent == [5, 6, 7, 8, 9, 10]


def test_a_backend_that_does_nothing_is_not_asked_for_ever(database: Database, clock: FixedClock) -> None:
    class Idle(Backend):
        live = False
        asked = 0

        async def deliver(self, counter: Counter) -> None:
            self.asked += 1

    world = make_world(database, clock, 3)
    idle = Idle("fake", {})
    delivered = world.run(idle)
    assert idle.asked == 5
    assert not delivered.done
    assert world.count(Status.PENDING) == 3


def test_a_backend_that_intends_two_messages_on_one_lane_is_told_so(database: Database, clock: FixedClock) -> None:
    class Greedy(Backend):
        live = False

        async def deliver(self, counter: Counter) -> None:
            for _ in range(2):
                message = await counter.take(0)
                assert message is not None
                await counter.intend(0, message)

    world = make_world(database, clock, 3)
    with pytest.raises(RuntimeError, match="before it settled the last"):
        world.run(Greedy("fake", {}))
    assert world.count(Status.IN_DOUBT) == 1


def test_a_message_made_for_another_reader_is_an_error_and_is_not_sent(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 3)
    backend = FakeBackend()
    with pytest.raises(RuntimeError, match="was made for"):
        world.run(backend, build=lambda reader: build(reader._replace(subscriber=reader.subscriber + 1)))
    assert backend.sent == []


def test_a_plug_in_that_only_sends_one_by_one_is_enough(database: Database, clock: FixedClock) -> None:
    class Plain(OneByOne):
        live = False

        def send(self, message: Message) -> str:
            if message.subscriber == 2:
                raise DeliveryError("no such user", permanent=True, code=550, enhanced="5.1.1")
            if message.subscriber == 3:
                raise OSError("broken pipe")
            return "taken\0"

    world = make_world(database, clock, 4)
    assert world.run(Plain("fake", {})).done
    assert world.statuses() == {1: Status.ACCEPTED, 2: Status.REJECTED, 3: Status.IN_DOUBT, 4: Status.ACCEPTED}


@pytest.mark.parametrize("code", [70_000, -1, HTTPStatus.OK], ids=["large", "negative", "not a bare number"])
def test_a_plug_in_may_accept_with_whatever_code(database: Database, code: int) -> None:
    """Also where the outcome goes to another process."""
    clock = SystemClock()
    world = make_world(database, clock, 5)
    backend = FakeBackend(answer=lambda _: Outcome(Result.ACCEPTED, code))
    assert world.run(backend, deadline=clock.now() + timedelta(hours=1), in_process=True).done
    assert world.count(Status.ACCEPTED) == 5


def test_hostile_replies_are_kept_and_harm_nothing(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 1)
    hostile = Outcome(
        Result.REJECTED, 99_999_999, "5." + "1" * 100 + "\0", "\0'; DROP TABLE delivery; --" + "x" * 10**5
    )
    assert world.run(FakeBackend(answer=lambda _: hostile)).done
    (name,) = names(database, world.edition, Status.REJECTED)
    assert "DROP TABLE" in name.reply
    assert len(name.reply) == 2_000


def test_a_variant_that_is_blocked_stays_where_it_is_with_the_reason(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 30, batch_size=10)
    backend = FakeBackend(lanes=1)
    delivered = world.run(backend, blocked=lambda _: "story x was killed" if len(backend.sent) >= 8 else "")
    assert delivered.stopped == "story x was killed"
    assert 8 <= len(backend.sent) <= 10
    assert world.count(Status.PENDING) == 30 - len(backend.sent)


def test_a_backend_that_there_is_not_is_named(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 1, backends=[["relay"]])
    with pytest.raises(Refused, match=r"segment0 goes to backend 'relay'"):
        world.pump(FakeBackend())
    edition, variants = add_edition(database, [[]], day=24)
    with pytest.raises(Refused, match="names no backend"):
        World(database, clock, edition, variants).pump(FakeBackend())


def test_a_lane_asleep_for_its_lease_sends_nothing(database: Database, clock: FixedClock) -> None:
    """The intent reached the disk, but the process was stopped before it could go on: the message must not leave."""
    world = make_world(database, clock, 3)

    backend = FakeBackend(lanes=1)
    pump = world.pump(backend, lease=timedelta(seconds=44))
    announce = pump.writer.announce

    def slow(intent: Intent, then: Answer) -> None:
        def awake(stopped: Stopped | None) -> None:
            clock.advance(40)
            then(stopped)

        announce(intent, awake)

    pump.writer.announce = slow  # type: ignore[method-assign]
    delivered = asyncio.run(pump.run())
    assert backend.sent == []
    assert not delivered.done


def test_a_lane_whose_batch_was_lost_is_stopped_and_its_readers_are_the_other_workers(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 10)
    heir = FakeBackend("fake", lanes=2)
    stopped: list[int] = []

    class Sleeper(FakeBackend):
        async def deliver(self, counter: Counter) -> None:
            first, second = await counter.take(0), await counter.take(0)
            assert first is not None
            assert second is not None
            await counter.intend(0, first)
            clock.advance(61)
            await world.pump(heir).run()
            counter.settle(0, first, OK)
            try:
                await counter.intend(0, second)
            except Stopped:
                stopped.append(second.subscriber)

    delivered = world.run(Sleeper())
    assert stopped == [2]
    assert sorted(heir.sent) == list(range(2, 11))
    assert world.statuses()[1] is Status.IN_DOUBT
    assert delivered.done
    assert delivered.settled == {}
    assert world.balanced()


def test_a_ledger_that_cannot_be_written_stops_the_lanes_and_raises(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 10)

    def break_it(message: Message) -> None:
        if message.subscriber == 3:
            with database.write_connection() as connection:
                connection.exec_driver_sql("ALTER TABLE lane RENAME TO gone")

    backend = FakeBackend(lanes=1, before=break_it)
    with pytest.raises(Exception, match="lane"):
        world.run(backend)
    assert backend.sent == [1, 2, 3]


def test_later_waves_wait_for_their_time(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 4, backends=[["fake"], ["fake"]])
    with database.write_connection() as connection:
        connection.exec_driver_sql(f"UPDATE batch SET due_at = due_at + 3600000 WHERE variant_id = {world.variants[1]}")
    backend = FakeBackend()
    delivered = world.run(backend)
    assert sorted(backend.sent) == [2, 4]
    assert delivered.next_due == NOW + timedelta(hours=1)
    clock.advance(3600)
    assert world.run(backend).done
