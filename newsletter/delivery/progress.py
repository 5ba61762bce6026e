"""How far a send is, asked again and again: what is done is counted once."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.delivery.figures import Counts
from newsletter.delivery.models import OPEN, BatchState, Status, batch, delivery
from newsletter.delivery.report import reasons_of, wire
from newsletter.editions.models import Edition, Variant
from newsletter.errors import NotFound

WINDOW = 20.0
"""Seconds over which the rate is taken."""


@dataclass(frozen=True, slots=True)
class Part:
    """How far one segment is."""

    segment: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Cause:
    """How many readers of a segment are what they are, and why, as in the report."""

    status: str
    segment: str
    reason: str
    count: int


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
    """Until all whose turn it is are settled at this rate; None where nothing moves."""
    later: int
    """Of those still to go: whose hour has not come yet, or who are tried again later."""
    parts: tuple[Part, ...]
    """In the briefing's order."""
    causes: tuple[Cause, ...]
    """Of everyone who was tried and is not accepted, the largest first."""
    next_due: datetime | None
    """When the next reader is due, UTC; None where nobody is to go."""


@dataclass(slots=True)
class _Tally:
    """What the deliveries of one batch, or of several, have come to."""

    counts: Counter[int] = field(default_factory=Counter)
    causes: Counter[tuple[int, str]] = field(default_factory=Counter)

    def add(self, other: _Tally) -> None:
        self.counts.update(other.counts)
        self.causes.update(other.causes)


class Watch:
    """Looks at one edition. A look costs what has changed since the last one: batches that no worker holds are
    remembered until one does, and those that nobody has claimed yet are known by their size."""

    def __init__(self, database: Database, edition_id: int, clock: Clock) -> None:
        self._database, self._edition_id, self._clock = database, edition_id, clock
        self._known: dict[int, tuple[Any, _Tally]] = {}
        self._samples: deque[tuple[float, int]] = deque()

    def look(self) -> Progress:
        """Counts now, in one view of the database. Raises `NotFound`."""
        with self._database.reading() as session:
            edition = session.get(Edition, self._edition_id)
            if edition is None:
                raise NotFound(f"there is no edition {self._edition_id}")
            by_segment, later, next_due = self._count(session, edition)
            on_the_wire = wire(session, self._edition_id)
        parts = tuple(Part(segment, _counts(tally)) for segment, tally in by_segment.items())
        whole = _Tally()
        for tally in by_segment.values():
            whole.add(tally)
        counts = _counts(whole)
        rate = self._rate(counts.total - counts.to_go)
        return Progress(
            edition=edition.key,
            state=edition.state,
            frozen=edition.recipients,
            counts=counts,
            on_the_wire=on_the_wire,
            rate=rate,
            seconds_left=(counts.to_go - later) / rate if rate else None,
            later=later,
            parts=parts,
            causes=_causes(by_segment),
            next_due=next_due,
        )

    def _count(self, session: Session, edition: Edition) -> tuple[dict[str, _Tally], int, datetime | None]:
        """By segment; how many of them are for later; and when the next batch is due."""
        instant = self._clock.now()
        segments = {row.no: row.segment for row in session.execute(
            select(Variant.no, Variant.segment).where(Variant.edition_id == edition.id).order_by(Variant.no)
        )}  # fmt: skip
        rows = session.execute(
            select(*(batch.c[name] for name in ("id", "epoch", "state", "due_at", "lo", "hi", "n")), Variant.no)
            .join(Variant, Variant.id == batch.c.variant_id)
            .where(batch.c.edition_id == edition.id)
        ).all()
        found = {segment: _Tally() for segment in segments.values()}
        later, next_due = 0, None
        for row in rows:
            if row.state != BatchState.DONE and (next_due is None or row.due_at < next_due):
                next_due = row.due_at
            total = found[segments[row.no]]
            if row.state == BatchState.OPEN and row.epoch == 0:
                total.counts[Status.PENDING] += row.n
                later += row.n if row.due_at > instant else 0
                continue
            # While no worker holds a batch, only a person's decision changes its readers, and with them its state or
            # its hour; those of one that is due already are counted again when a worker has it.
            now = row.epoch, row.state, row.due_at
            before, known = self._known.get(row.id, (None, None))
            if known is None or before != now or row.state == BatchState.LEASED:
                known = self._range(session, edition, row.no, row.lo, row.hi)
                self._known[row.id] = now, known
            total.add(known)
            if row.state == BatchState.OPEN and row.due_at > instant:
                later += sum(known.counts[status] for status in OPEN)
        return found, later, next_due

    def _range(self, session: Session, edition: Edition, variant: int, lo: int, hi: int) -> _Tally:
        mine = (
            delivery.c.edition_id == edition.id,
            delivery.c.subscriber_id >= lo,
            delivery.c.subscriber_id <= hi,
            delivery.c.variant == variant,
        )
        found = _Tally()
        statement = select(delivery.c.status, func.count()).where(*mine).group_by(delivery.c.status)
        for status, number in session.execute(statement):
            found.counts[status] = number
        if found.counts.keys() - {Status.ACCEPTED, Status.PENDING}:
            for row in reasons_of(session, edition, *mine):
                found.causes[row.status, row.why] = row.n
        return found

    def _rate(self, settled: int) -> float:
        now = self._clock.monotonic()
        self._samples.append((now, settled))
        while now - self._samples[0][0] > WINDOW:
            self._samples.popleft()
        then, before = self._samples[0]
        return max(0.0, (settled - before) / (now - then)) if now > then else 0.0


def _counts(tally: _Tally) -> Counts:
    return Counts(**{status.name.lower(): tally.counts[status] for status in Status})


def _causes(by_segment: dict[str, _Tally]) -> tuple[Cause, ...]:
    found = [
        Cause(Status(status).name.lower(), segment, why, number)
        for segment, tally in by_segment.items()
        for (status, why), number in tally.causes.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, one.status, one.segment, one.reason)))
