"""What one reader got: every edition that was frozen for them, each attempt with the server's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber
from newsletter.delivery.models import Status, attempt, delivery, from_ms
from newsletter.delivery.report import chosen_backend
from newsletter.editions.models import Edition, Variant


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt that was not a plain success, or a decision of a person's about this reader."""

    n: int
    at: datetime
    result: str
    """deferred, rejected or in_doubt; put_back where a person decided that it is sent again."""
    code: int
    enhanced_code: str
    reply: str
    backend: str
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Received:
    """One edition to one reader. ``at`` is when it came to its status; for a deferred one, when it is tried again;
    None for a pending one."""

    edition: str
    state: str
    """The edition's."""
    segment: str
    status: str
    at: datetime | None
    backend: str
    code: int
    attempts: int
    tries: tuple[Try, ...]


def received(session: Session, subscriber: int) -> list[Received]:
    """What a subscriber (by id) got, the newest edition first."""
    tries = _tries(session, subscriber)
    rows = session.execute(
        select(
            Edition,
            Variant.segment,
            Variant.backends,
            *(delivery.c[name] for name in ("status", "at", "code", "attempts", "backend")),
        )
        .select_from(Edition)
        .join(delivery, and_(delivery.c.edition_id == Edition.id, delivery.c.subscriber_id == subscriber))
        .join(Variant, and_(Variant.edition_id == Edition.id, Variant.no == delivery.c.variant))
        .order_by(Edition.edition_date.desc(), Edition.briefing)
    )
    return [
        Received(
            edition=row.Edition.key,
            state=row.Edition.state,
            segment=row.segment,
            status=Status(row.status).name.lower(),
            at=from_ms(row.at) if row.at else None,
            backend=chosen_backend(row.backends, row.backend, row.attempts > 0),
            code=row.code,
            attempts=row.attempts,
            tries=tuple(tries.get(row.Edition.id, ())),
        )
        for row in rows
    ]


def forget(session: Session, subscriber: int) -> None:
    """Takes the servers' words out of a subscriber's attempts: they often repeat the address. Codes and counts stay."""
    mine = attempt.c.edition_id.in_(select(Edition.id)), attempt.c.subscriber_id == subscriber
    session.execute(update(attempt).where(*mine, attempt.c.reply != "").values(reply=""))


def forget_erased(session: Session, edition_id: int) -> None:
    """The same of everybody who was erased while the edition was being sent."""
    theirs = attempt.c.edition_id == edition_id, attempt.c.reply != ""
    gone = ~exists().where(Subscriber.id == attempt.c.subscriber_id)
    session.execute(update(attempt).where(*theirs, gone).values(reply=""))


def _tries(session: Session, subscriber: int) -> dict[int, list[Try]]:
    statement = (
        select(attempt)
        # Named, so that the index that begins with the edition serves.
        .where(attempt.c.edition_id.in_(select(Edition.id)), attempt.c.subscriber_id == subscriber)
        .order_by(attempt.c.id)
    )
    found: dict[int, list[Try]] = {}
    for row in session.execute(statement):
        found.setdefault(row.edition_id, []).append(
            Try(row.n, row.at, row.result, row.code, row.enhanced_code, row.reply, row.backend, row.next_at)
        )
    return found
