"""How far a send is, asked again and again: what is done is counted once."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.delivery.models import BatchState, Status, batch, delivery
from newsletter.delivery.report import Counts, wire
from newsletter.editions.models import Edition, Variant
from newsletter.errors import NotFound

WINDOW = 20.0
"""Seconds over which the rate is taken."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at a send."""

    edition: str
    state: str
    frozen: int
    counts: Counts
    on_the_wire: int
    rate: float
    """Readers settled a second, lately."""
    seconds_left: float | None
    """Until all are settled at this rate; None where nothing moves."""


class Watch:
    """Looks at one edition. A look costs what has changed since the last one: batches that are done are remembered,
    and those that nobody has claimed yet are known by their size."""

    def __init__(self, database: Database, edition_id: int, clock: Clock) -> None:
        self._database, self._edition_id, self._clock = database, edition_id, clock
        self._done: dict[tuple[int, int], Counter[int]] = {}
        self._samples: deque[tuple[float, int]] = deque()

    def look(self) -> Progress:
        """Counts now, in one view of the database. Raises `NotFound`."""
        with self._database.reading() as session:
            edition = session.get(Edition, self._edition_id)
            if edition is None:
                raise NotFound(f"there is no edition {self._edition_id}")
            tally = self._count(session)
            on_the_wire = wire(session, self._edition_id)
        counts = Counts(**{status.name.lower(): tally[status] for status in Status})
        rate = self._rate(counts.total - counts.to_go)
        return Progress(
            edition=edition.key,
            state=edition.state,
            frozen=edition.recipients,
            counts=counts,
            on_the_wire=on_the_wire,
            rate=rate,
            seconds_left=counts.to_go / rate if rate else None,
        )

    def _count(self, session: Session) -> Counter[int]:
        rows = session.execute(
            select(batch.c.id, batch.c.epoch, batch.c.state, batch.c.lo, batch.c.hi, batch.c.n, Variant.no)
            .join(Variant, Variant.id == batch.c.variant_id)
            .where(batch.c.edition_id == self._edition_id)
        ).all()
        total: Counter[int] = Counter()
        for row in rows:
            if row.state == BatchState.OPEN and row.epoch == 0:
                total[Status.PENDING] += row.n
                continue
            known = self._done.get((row.id, row.epoch)) if row.state == BatchState.DONE else None
            if known is None:
                known = self._range(session, row.no, row.lo, row.hi)
                if row.state == BatchState.DONE:
                    self._done[row.id, row.epoch] = known
            total.update(known)
        return total

    def _range(self, session: Session, variant: int, lo: int, hi: int) -> Counter[int]:
        statement = (
            select(delivery.c.status, func.count())
            .where(
                delivery.c.edition_id == self._edition_id,
                delivery.c.subscriber_id >= lo,
                delivery.c.subscriber_id <= hi,
                delivery.c.variant == variant,
            )
            .group_by(delivery.c.status)
        )
        return Counter({row[0]: row[1] for row in session.execute(statement)})

    def _rate(self, settled: int) -> float:
        now = self._clock.monotonic()
        self._samples.append((now, settled))
        while now - self._samples[0][0] > WINDOW:
            self._samples.popleft()
        then, before = self._samples[0]
        return max(0.0, (settled - before) / (now - then)) if now > then else 0.0
