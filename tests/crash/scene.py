"""What every crash test has: an edition that is sending, a sink that counts, a clock, and the invariants."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import select

from newsletter.database import Database
from newsletter.delivery.ledger import InDoubt
from newsletter.delivery.models import Status
from newsletter.delivery.report import names, report
from newsletter.editions.models import Edition
from tests.crash.clocks import MovedClock
from tests.crash.sender import LEASE, NOT_DONE, RELAY, Order, start
from tests.crash.sink import Sink
from tests.integration.delivery_world import address, make_world

CONNECTIONS = 4
PATIENCE = 120.0
"""Seconds after which a test gives up waiting for a process."""


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
        connections: int = CONNECTIONS,
    ) -> None:
        self.database, self.sink, self.in_doubt, self.connections = database, sink, in_doubt, connections
        self.clock = MovedClock(folder / "clock")
        self.readers = readers
        self.world = make_world(database, self.clock, readers, backends=((RELAY,),), batch_size=batch_size)
        self.crashes = 0

    def order(self, *, rounds: int = 1, synchronous: str = "") -> Order:
        """What a sender is told here."""
        return Order(
            url=self.database.url.render_as_string(hide_password=False),
            edition=self.world.edition,
            port=self.sink.port,
            clock=str(self.clock.file),
            in_doubt=self.in_doubt,
            connections=self.connections,
            rounds=rounds,
            synchronous=synchronous,
        )

    def start(self, **order: int) -> BaseProcess:
        """A sender that works."""
        return start(self.order(**order))

    def when_taken(self, more: int, alive: Callable[[], bool]) -> None:
        """Waits until the sink has taken ``more`` messages than now, or the sender has ended."""
        enough, until = self.sink.taken() + more, time.monotonic() + PATIENCE
        while self.sink.taken() < enough and alive():
            assert time.monotonic() < until, f"the sink took fewer than {more} messages in {PATIENCE:g} s"
            time.sleep(0.002)

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
        self.clock.advance(LEASE + 1)

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
        return tally(
            self.database, self.world.edition, self.sink, self.readers, self.in_doubt, self.crashes, self.connections
        )


def tally(
    database: Database,
    edition: int,
    sink: Sink,
    readers: int,
    in_doubt: InDoubt,
    crashes: int,
    connections: int,
) -> Tally:
    """See `Tally`."""
    copies = sink.copies()
    everyone = {address(number) for number in range(1, readers + 1)}
    named = {status: {one.email for one in names(database, edition, status, limit=readers + 1)} for status in Status}
    doubtful, accepted = named[Status.IN_DOUBT], named[Status.ACCEPTED]
    result = report(database, edition)
    found = Tally(
        readers=readers,
        crashes=crashes,
        lost=len(everyone - set(copies) - doubtful),
        extra=sum(copies.values()) - len(copies),
        doubts=len(doubtful),
        arrived=len(doubtful & set(copies)),
    )
    bound = crashes * connections + sink.dropped()
    rules = {
        f"{found.lost} readers were lost": found.lost,
        "the sink has mail for strangers": set(copies) - everyone,
        "the ledger calls accepted whom the sink does not know": accepted - set(copies),
        f"the report does not add up: {result.problems}": not result.adds_up or result.frozen != readers,
        f"{result.counts.to_go} readers are still to go": result.counts.to_go,
        "somebody is neither accepted nor in doubt": everyone - accepted - doubtful,
        f"{found.doubts} are in doubt, and {bound} messages were on the wire at a crash or got no reply": found.doubts
        > bound,
    }
    if in_doubt == "hold":
        rules[f"{found.extra} copies too many under hold"] = found.extra
    else:
        rules[f"{found.extra} copies too many, and {bound} messages were on the wire"] = found.extra > bound
        rules["somebody is in doubt under resend"] = doubtful
    with database.read_connection() as connection:
        state = connection.execute(select(Edition.state).where(Edition.id == edition)).scalar_one()
        rules[f"the edition is {state}"] = state != "sent"
        if database.is_sqlite:
            sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
            rules[f"the database is damaged: {sound}"] = sound != "ok"
    found.broken = [words for words, broken in rules.items() if broken]
    return found
