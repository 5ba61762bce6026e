"""The ledger under every order of claims, steps, deaths and sleeps that Hypothesis can think of."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, func, select

from newsletter.audience.models import Subscriber
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery.ledger import Claim, InDoubt, Ledger, Settled, intent
from newsletter.delivery.models import Status, attempt, delivery, lane, to_ms
from newsletter.delivery.plan import VariantRule, freeze
from newsletter.editions.models import Edition
from newsletter.testing import FixedClock
from tests.integration.delivery_world import NOW, SUPPRESSED, World, add_edition, add_readers

READERS = 4
LANES = 2
WORKERS = st.integers(0, 1)
LANE = st.integers(0, LANES - 1)


class Worker:
    """A process: what it remembers dies with it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.claim: Claim | None = None
        self.waiting: list[int] = []
        self.intended: dict[int, int] = {}
        """By lane: its message may go out now."""
        self.taken: dict[int, int] = {}
        """By lane: the server has taken it, and nobody has written that down."""

    def forget(self) -> None:
        self.claim, self.waiting = None, []
        self.intended.clear()
        self.taken.clear()


class Sending(RuleBasedStateMachine):
    """Two workers with two lanes each on one edition, and a sink that counts."""

    database: Database
    in_doubt: InDoubt

    def __init__(self) -> None:
        super().__init__()
        with self.database.write_connection() as connection:
            for table in (delivery, lane, attempt):
                connection.execute(delete(table))
            connection.execute(delete(Edition))
        edition, variants = add_edition(self.database)
        self.clock = FixedClock(NOW)
        rule_of_all = VariantRule(variants[0], Subscriber.id > 0, NOW)
        freeze(self.database, edition, [rule_of_all], SUPPRESSED, self.clock, batch_size=2)
        self.world = World(self.database, self.clock, edition, variants)
        self.born = 0
        self.workers = [self.new(), self.new()]
        self.sink: Counter[int] = Counter()
        self.deaths = 0

    def new(self) -> Worker:
        self.born += 1
        name = f"worker{self.born}"
        return Worker(
            Ledger(self.database, self.world.edition, name, self.clock, in_doubt=self.in_doubt, suppressed=SUPPRESSED)
        )

    def take(self, mine: Worker) -> bool:
        mine.claim = mine.ledger.claim(self.world.variants)
        if mine.claim is None:
            return False
        mine.waiting = [reader.subscriber for reader in mine.ledger.recipients(mine.claim)[0]]
        return True

    @rule(worker=WORKERS, number=LANE)
    def intend(self, worker: int, number: int) -> None:
        """Hands in the lane's last outcome with the next intent, and goes on only when both are on disk."""
        mine = self.workers[worker]
        if mine.claim is None and not self.take(mine):
            return
        if number in mine.intended or not mine.waiting:
            return
        settled = self.settled(mine, number)
        reader = mine.waiting.pop(0)
        committed = mine.ledger.commit(settled, [intent(mine.claim, number, reader, 0)])
        if committed.fenced:
            self.lose(mine)
        else:
            mine.intended[number] = reader

    @rule(worker=WORKERS, number=LANE)
    def accept(self, worker: int, number: int) -> None:
        """The final dot: the server has it."""
        mine = self.workers[worker]
        if number in mine.intended:
            reader = mine.intended.pop(number)
            self.sink[reader] += 1
            mine.taken[number] = reader

    @rule(worker=WORKERS, number=LANE)
    def send(self, worker: int, number: int) -> None:
        self.intend(worker, number)
        self.accept(worker, number)

    @rule(worker=WORKERS, number=LANE)
    def settle(self, worker: int, number: int) -> None:
        mine = self.workers[worker]
        if (
            mine.claim is not None
            and number in mine.taken
            and mine.ledger.commit(self.settled(mine, number), []).fenced
        ):
            self.lose(mine)

    def settled(self, mine: Worker, number: int) -> list[Settled]:
        assert mine.claim is not None
        reader = mine.taken.pop(number, None)
        at = to_ms(self.clock.now())
        return [] if reader is None else [Settled(mine.claim, number, reader, Status.ACCEPTED, 250, 1, 0, at, None)]

    def lose(self, mine: Worker) -> None:
        """Every lane of a lost batch stops; a dot that had been let through before may still leave, and counts."""
        self.deaths += 1
        self.sink.update(mine.intended.values())
        mine.forget()

    @rule(worker=WORKERS)
    def finish(self, worker: int) -> None:
        """Lets go, at the end of the batch or before, with nothing on the wire."""
        mine = self.workers[worker]
        if mine.claim is not None and not mine.intended and not mine.taken:
            mine.ledger.finish(mine.claim)
            mine.forget()

    @rule(worker=WORKERS)
    def kill(self, worker: int) -> None:
        self.deaths += 1
        self.workers[worker] = self.new()

    @rule(seconds=st.sampled_from([61, 30]))
    def sleep(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: self.in_doubt == "hold")
    @invariant()
    def nobody_has_it_twice(self) -> None:
        assert all(copies == 1 for copies in self.sink.values())

    def what_the_ledger_calls_accepted_was_accepted(self) -> None:
        for reader, status in self.world.statuses().items():
            assert status is not Status.ACCEPTED or reader in self.sink

    def teardown(self) -> None:
        """Whatever happened, one more worker brings it to its end."""
        self.deaths += 2
        self.clock.advance(61)
        last = self.new()
        while self.take(last):
            assert last.claim is not None
            for reader in last.waiting:
                assert not last.ledger.commit([], [intent(last.claim, 0, reader, 0)]).fenced
                self.sink[reader] += 1
                last.taken[0] = reader
                last.ledger.commit(self.settled(last, 0), [])
            last.ledger.finish(last.claim)
        assert last.ledger.next_due() == {}
        statuses = self.world.statuses()
        doubtful = {reader for reader, status in statuses.items() if status is Status.IN_DOUBT}
        self.what_the_ledger_calls_accepted_was_accepted()
        assert set(statuses.values()) <= {Status.ACCEPTED, Status.IN_DOUBT}
        assert set(statuses) - set(self.sink) <= doubtful  # nobody is lost without a name
        assert len(doubtful) <= self.deaths * LANES
        if self.in_doubt == "hold":
            self.nobody_has_it_twice()
        else:
            assert not doubtful
            assert sum(self.sink.values()) - READERS <= self.deaths * LANES
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

    run_state_machine_as_test(Machine, settings=settings(max_examples=100, stateful_step_count=25, deadline=None))
