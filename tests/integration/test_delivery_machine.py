"""The ledger under every order of claims, steps, deaths and sleeps that Hypothesis can think of."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, func, select

from newsletter.audience.models import Subscriber, Suppression
from newsletter.backends.base import Result
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery.closing import withdraw
from newsletter.delivery.counter import TRUSTED
from newsletter.delivery.ledger import (
    LEASE,
    Claim,
    Committed,
    InDoubt,
    Intent,
    Ledger,
    Recipient,
    Settled,
    Taken,
    Trace,
    intent,
)
from newsletter.delivery.models import OPEN, Status, attempt, batch, delivery, lane, to_ms
from newsletter.delivery.plan import VariantRule, freeze
from newsletter.editions.models import Edition
from newsletter.testing import FixedClock
from tests.integration.delivery_world import NOW, SUPPRESSED, World, add_edition, add_readers, set_state, suppress

READERS = 5
LANES = 2
WORKERS = st.integers(0, 1)
LANE = st.integers(0, LANES - 1)
ENOUGH = 20
"""Times that a last worker comes back, when something is due."""
RESULTS = {Status.DEFERRED: Result.DEFERRED, Status.IN_DOUBT: Result.IN_DOUBT}


class Worker:
    """A process: what it remembers dies with it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.claim: Claim | None = None
        self.waiting: list[Recipient] = []
        self.intended: dict[int, Recipient] = {}
        """By lane: its message may go out now."""
        self.answered: dict[int, tuple[Recipient, Status]] = {}
        """By lane: what the server has said, and nobody has written down."""

    @property
    def idle(self) -> bool:
        return not self.intended and not self.answered

    def forget(self) -> None:
        self.claim, self.waiting = None, []
        self.intended.clear()
        self.answered.clear()


class Sending(RuleBasedStateMachine):
    """Workers with two lanes each on one edition, a sink that counts, and an operator who intervenes."""

    database: Database
    in_doubt: InDoubt

    def __init__(self) -> None:
        super().__init__()
        with self.database.write_connection() as connection:
            for table in (delivery, lane, attempt):
                connection.execute(delete(table))
            connection.execute(delete(Edition))
            connection.execute(delete(Suppression))
        edition, variants = add_edition(self.database)
        self.clock = FixedClock(NOW)
        rule_of_all = VariantRule(variants[0], Subscriber.id > 0, NOW)
        freeze(self.database, edition, [rule_of_all], SUPPRESSED, self.clock, batch_size=2)
        self.world = World(self.database, self.clock, edition, variants)
        self.born = 0
        self.workers = [self.new(), self.new()]
        self.zombies: list[Worker] = []
        self.sink: Counter[int] = Counter()
        self.deaths = 0
        self.state = "sending"
        self.suppressed: set[int] = set()

    def new(self) -> Worker:
        self.born += 1
        name = f"worker{self.born}"
        return Worker(
            Ledger(self.database, self.world.edition, name, self.clock, in_doubt=self.in_doubt, suppressed=SUPPRESSED)
        )

    # What a worker does. `number` is a lane.

    def take(self, mine: Worker) -> bool:
        mine.claim = mine.ledger.claim(self.world.variants)
        if mine.claim is None:
            return False
        assert self.state == "sending"
        left, out = mine.ledger.readers(mine.claim)
        mine.waiting = [Recipient(*row) for row in left]
        mine.ledger.commit(out, ())
        return True

    def intend(self, mine: Worker, number: int) -> None:
        """Hands in the lane's last outcome with the next intent, and goes on only when both are on disk."""
        if mine.claim is None and not self.take(mine):
            return
        assert mine.claim is not None
        if number in mine.intended or not mine.waiting:
            return
        reader = mine.waiting.pop(0)
        committed = self.commit(mine, number, [intent(mine.claim, number, reader.subscriber, 0)])
        if committed.fenced:
            self.lose(mine)
        elif committed.state == "sending":
            assert self.state == "sending"
            mine.intended[number] = reader
        else:
            mine.waiting.insert(0, reader)

    def answer(self, mine: Worker, number: int, status: Status) -> None:
        """The final dot, and what the server says to it."""
        if number in mine.intended:
            reader = mine.intended.pop(number)
            if status is not Status.DEFERRED:
                self.sink[reader.subscriber] += 1
            mine.answered[number] = reader, status

    def settle(self, mine: Worker, number: int) -> None:
        if number in mine.answered and self.commit(mine, number, []).fenced:
            self.lose(mine)

    def commit(self, mine: Worker, number: int, intents: list[Intent]) -> Committed:
        """What the server has said on a lane, and an intent; what is left of the lease is what a counter counts on."""
        assert mine.claim is not None
        settled: list[Settled] = []
        taken: list[Taken] = []
        if number in mine.answered:
            reader, status = mine.answered.pop(number)
            tries = reader.attempts + 1
            if status is Status.ACCEPTED:
                taken = [(mine.claim.batch_id, mine.claim.epoch, number, reader.subscriber, 250, tries, 0)]
            else:
                again = self.clock.now() + timedelta(minutes=5)
                at = to_ms(again if status is Status.DEFERRED else self.clock.now())
                trace = Trace(RESULTS[status], "", "try later", "fake", again)
                settled = [Settled(mine.claim, number, reader.subscriber, status, 451, tries, 0, at, trace)]
        committed = mine.ledger.commit(settled, intents, (), taken)
        if not committed.fenced:
            with self.database.read_connection() as connection:
                until = select(batch.c.lease_until).where(batch.c.id == mine.claim.batch_id)
                assert connection.execute(until).scalar_one() - self.clock.now() >= LEASE * TRUSTED
        return committed

    def lose(self, mine: Worker) -> None:
        """Every lane of a lost batch stops; a dot that had been let through before may still leave, and counts."""
        self.deaths += 1
        self.sink.update(reader.subscriber for reader in mine.intended.values())
        mine.forget()

    # What happens.

    @rule(worker=WORKERS, number=LANE, then=st.sampled_from([None, Status.ACCEPTED, Status.DEFERRED, Status.IN_DOUBT]))
    def send(self, worker: int, number: int, then: Status | None) -> None:
        """To the intent, or through to the answer; in doubt when the line breaks behind the dot."""
        mine = self.workers[worker]
        if then is Status.IN_DOUBT and self.in_doubt == "resend":
            then = Status.ACCEPTED  # the pump makes a deferral of it
        self.intend(mine, number)
        if then is not None:
            self.answer(mine, number, then)

    @rule(worker=WORKERS, number=LANE)
    def write_down(self, worker: int, number: int) -> None:
        self.settle(self.workers[worker], number)

    @rule(worker=WORKERS)
    def finish(self, worker: int) -> None:
        """Lets go, at the end of the batch or before, with nothing on the wire."""
        mine = self.workers[worker]
        if mine.claim is not None and mine.idle:
            mine.ledger.finish(mine.claim)
            mine.forget()

    @rule(worker=WORKERS)
    def kill(self, worker: int) -> None:
        self.deaths += 1
        self.workers[worker] = self.new()

    @rule(worker=WORKERS)
    def stop(self, worker: int) -> None:
        """SIGSTOP past its lease: another takes its place, and it knows nothing of that."""
        self.deaths += 1
        self.clock.advance(61)
        self.zombies.append(self.workers[worker])
        self.workers[worker] = self.new()

    @precondition(lambda self: self.zombies)
    @rule(number=LANE)
    def wake(self, number: int) -> None:
        """A zombie goes on where it was: a final dot that was let through, then whatever comes next."""
        zombie = self.zombies.pop(0)
        for one in range(LANES):
            self.answer(zombie, one, Status.ACCEPTED)
        if zombie.claim is not None:
            self.intend(zombie, number)
            self.answer(zombie, number, Status.ACCEPTED)
            self.settle(zombie, number)
        self.deaths += 1

    @rule(seconds=st.sampled_from([61, 30, 300]))
    def sleep(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(hours=st.sampled_from([-2, 2]))
    def set_the_clock(self, hours: int) -> None:
        self.deaths += len(self.workers)  # forwards, every lease is over
        self.clock.advance(timedelta(hours=hours))

    @precondition(lambda self: self.state != "aborted" and (self.state == "held" or self.born > 3))
    @rule()
    def pause_or_resume(self) -> None:
        self.state = "held" if self.state == "sending" else "sending"
        set_state(self.database, self.world.edition, self.state)

    @precondition(lambda self: self.state != "aborted" and self.born > 4)
    @rule()
    def abort(self) -> None:
        self.state = "aborted"
        set_state(self.database, self.world.edition, self.state)
        withdraw(self.database, self.world.edition, self.clock)

    @precondition(lambda self: len(self.suppressed) < READERS - 2)
    @rule(reader=st.integers(1, READERS))
    def unsubscribe(self, reader: int) -> None:
        if reader not in self.suppressed:
            self.suppressed.add(reader)
            suppress(self.database, reader)

    # What must hold.

    @precondition(lambda self: self.in_doubt == "hold")
    @invariant()
    def nobody_has_it_twice(self) -> None:
        assert all(copies == 1 for copies in self.sink.values())

    def what_the_ledger_calls_accepted_was_accepted(self) -> None:
        for reader, status in self.world.statuses().items():
            assert status is not Status.ACCEPTED or reader in self.sink

    def teardown(self) -> None:
        """Whatever happened, one more worker brings it to its end, unless it was aborted."""
        self.deaths += 2
        self.clock.advance(61)
        if self.state == "held":
            self.pause_or_resume()
        last = self.new()
        for _ in range(ENOUGH):
            while self.take(last):
                assert last.claim is not None
                while last.waiting:
                    self.intend(last, 0)
                    self.answer(last, 0, Status.ACCEPTED)
                    self.settle(last, 0)
                    assert last.claim is not None, "fenced, and nobody else is there"
                last.ledger.finish(last.claim)
            if self.state == "aborted":
                withdraw(self.database, self.world.edition, self.clock)
            if not (due := last.ledger.next_due()):
                break
            self.clock.advance(max(min(due.values()) - self.clock.now(), timedelta()) + timedelta(seconds=1))
        assert last.ledger.next_due() == {}
        statuses = self.world.statuses()
        doubtful = {reader for reader, status in statuses.items() if status is Status.IN_DOUBT}
        left_out = {reader for reader, status in statuses.items() if status in (Status.SUPPRESSED, Status.WITHDRAWN)}
        self.what_the_ledger_calls_accepted_was_accepted()
        assert not [status for status in statuses.values() if status in OPEN]
        assert set(statuses) - set(self.sink) <= doubtful | left_out  # nobody is lost without a name
        assert {r for r, status in statuses.items() if status is Status.SUPPRESSED} <= self.suppressed
        assert self.state == "aborted" or Status.WITHDRAWN not in statuses.values()
        if self.in_doubt == "hold":
            self.nobody_has_it_twice()
            assert not left_out & set(self.sink)
        else:
            assert self.state == "aborted" or not doubtful
            assert sum(self.sink.values()) - len(self.sink) <= self.deaths * LANES
        assert self.world.balanced()
        with self.database.read_connection() as connection:
            assert connection.execute(select(func.count()).select_from(lane)).scalar_one() == 0


@pytest.fixture(scope="module")
def readers() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'newsletter.db'}")
        upgrade(database)
        add_readers(database, range(1, READERS + 1))
        yield database
        database.close()


@pytest.mark.parametrize("rule_of_doubt", ["hold", "resend"])
def test_no_order_of_events_mails_anyone_twice_or_loses_anyone_unnamed(
    readers: Database, rule_of_doubt: InDoubt
) -> None:
    class Machine(Sending):
        database = readers
        in_doubt = rule_of_doubt

    run_state_machine_as_test(Machine, settings=settings(max_examples=80, stateful_step_count=25, deadline=None))
