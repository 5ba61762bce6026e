"""What every crash test has: an edition that is sending, a sink that counts, a clock, and the invariants."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import select, update

from newsletter.database import Database
from newsletter.delivery.ledger import InDoubt
from newsletter.delivery.models import Status, batch
from newsletter.delivery.report import names, report
from newsletter.editions.models import Edition
from tests.crash.clocks import MovedClock
from tests.crash.sender import LEASE, NOT_DONE, RELAY, Order, start
from tests.crash.sink import PATIENCE, Sink
from tests.integration.delivery_world import address, make_world

CONNECTIONS = 4


@dataclass
class Tally:
    """What was counted, at the sink but for the doubts."""

    readers: int
    crashes: int = 0
    """Deaths of a process while it was sending, and whatever else may leave one message a connection in doubt."""
    lost: int = 0
    """Readers who got nothing, and whom nobody names."""
    extra: int = 0
    """Copies beyond the first."""
    doubts: int = 0
    """Readers in doubt at the end, by name."""
    arrived: int = 0
    """Of these, who got it."""
    broken: list[str] = field(default_factory=list)
    """The invariants that do not hold, in words."""


class Scene:
    """One edition, one sink, one clock. ``in_doubt`` is the briefing's rule."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        sink: Sink,
        *,
        readers: int,
        in_doubt: InDoubt = "hold",
        batch_size: int = 25,
        in_flight: int = 1,
        in_process: bool = False,
    ) -> None:
        self.database, self.sink, self.in_doubt, self.in_flight = database, sink, in_doubt, in_flight
        self._in_process = in_process
        # A process that writes the ledger goes by the machine's clock: its leases are short, and waited for.
        self.clock, self._lease = MovedClock(folder / "clock", moved=not in_process), 2 if in_process else LEASE
        self.readers = readers
        self.world = make_world(database, self.clock, readers, backends=((RELAY,),), batch_size=batch_size)
        self.crashes = 0
        if in_process:
            with database.write_connection() as connection:
                connection.execute(update(batch).values(due_at=self.clock.now()))

    def order(self, *, rounds: int = 1, synchronous: str = "") -> Order:
        """What a sender is told here."""
        return Order(
            url=self.database.url.render_as_string(hide_password=False),
            edition=self.world.edition,
            port=self.sink.port,
            clock=str(self.clock.file),
            in_doubt=self.in_doubt,
            connections=CONNECTIONS,
            in_flight=self.in_flight,
            rounds=rounds,
            synchronous=synchronous,
            in_process=self._in_process,
            lease=self._lease,
        )

    def start(self, **order: int) -> BaseProcess:
        """A sender that works."""
        return start(self.order(**order))

    def when_taken(self, more: int, alive: Callable[[], bool]) -> None:
        """Waits until the sink has taken ``more`` messages than now, or the sender has ended."""
        self.sink.wait(self.sink.taken() + more, alive)

    def kill(self, process: BaseProcess) -> bool:
        """``kill -9``; says whether it hit a living sender. A lease's time passes."""
        process.kill()
        process.join(PATIENCE)
        hit = process.exitcode == -9
        self.crashed(hit)
        return hit

    def crashed(self, times: int = 1) -> None:
        """A sender is gone, and its leases have run out."""
        self.crashes += times
        if self._in_process:
            time.sleep(self._lease + 0.5)
        else:
            self.clock.advance(self._lease + 1)

    def end(self, process: BaseProcess) -> None:
        """Waits until a sender has ended by itself, at its end or not."""
        process.join(PATIENCE)
        assert process.exitcode in (0, NOT_DONE), f"a sender ended with {process.exitcode}"

    def finish(self, rounds: int = 40) -> None:
        """One last sender brings the edition to its end."""
        process = self.start(rounds=rounds)
        process.join(PATIENCE)
        assert process.exitcode == 0, f"the last sender ended with {process.exitcode}"

    def tally(self) -> Tally:
        """Counts, and holds the ledger and the report against the sink."""
        on_the_wire = self.crashes * CONNECTIONS * self.in_flight
        expected = Expected(range(1, self.readers + 1), self.in_doubt, on_the_wire, in_flight=self.in_flight)
        return tally(self.database, self.world.edition, self.sink, expected, self.crashes)


@dataclass(frozen=True)
class Expected:
    """What the invariants are about."""

    readers: Iterable[int]
    in_doubt: str
    on_the_wire: int
    """Messages that may have been under way at crashes: as many readers may be in doubt, or have two copies, as the rule
    says."""
    state: str = "sent"
    never: Collection[Status] = ()
    """How a reader may end who gets nothing, beside in doubt."""
    in_flight: int = 1
    """Messages under way at once on a connection: all of them are in doubt when a reply is kept back."""


def tally(database: Database, edition: int, sink: Sink, expected: Expected, crashes: int) -> Tally:
    """See `Tally`."""
    copies = sink.copies()
    everyone = {address(number) for number in expected.readers}
    named = {status: {one.email for one in names(database, edition, status, limit=10**6)} for status in Status}
    doubtful, accepted = named[Status.IN_DOUBT], named[Status.ACCEPTED]
    never = set().union(*(named[status] for status in expected.never))
    result = report(database, edition)
    found = Tally(
        readers=len(everyone),
        crashes=crashes,
        lost=len(everyone - set(copies) - doubtful - never),
        extra=sum(copies.values()) - len(copies),
        doubts=len(doubtful),
        arrived=len(doubtful & set(copies)),
    )
    bound = expected.on_the_wire + sink.dropped() * expected.in_flight
    rules = {
        f"{found.lost} readers were lost": found.lost,
        "the sink has mail for strangers": set(copies) - everyone,
        "the ledger calls accepted whom the sink does not know": accepted - set(copies),
        "the sink knows somebody who should have got nothing": never & set(copies),
        f"the report does not add up: {result.problems}": not result.adds_up or result.frozen != len(everyone),
        f"{result.counts.to_go} readers are still to go": result.counts.to_go,
        "somebody is nowhere": everyone - accepted - doubtful - never,
        f"{found.doubts} are in doubt, and {bound} were on the wire at a crash or got no reply": found.doubts > bound,
    }
    if expected.in_doubt == "hold":
        rules[f"{found.extra} copies too many under hold"] = found.extra
    else:
        rules[f"{found.extra} copies too many, and {bound} messages were on the wire"] = found.extra > bound
    with database.read_connection() as connection:
        state = connection.execute(select(Edition.state).where(Edition.id == edition)).scalar_one()
        rules[f"the edition is {state}"] = state != expected.state
        if database.is_sqlite:
            sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
            rules[f"the database is damaged: {sound}"] = sound != "ok"
    found.broken = [words for words, broken in rules.items() if broken]
    return found
