"""Readers in doubt who are put back to be sent, because a person decided so."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.delivery.closing import leased
from newsletter.delivery.models import PUT_BACK, BatchState, Status, attempt, batch, delivery
from newsletter.editions.models import EditionEvent, Variant
from newsletter.editions.states import State


def put_back(
    session: Session, edition_id: int, clock: Clock, *, by: str, reason: str, only: Collection[int] | None = None
) -> list[int]:
    """Makes deliveries that are in doubt pending again, and opens their batches; returns the subscribers' ids.

    ``only`` are the subscribers to do it for, all in doubt unless given. Each gets a line among its attempts that says
    who decided. Belongs in a write transaction of the caller's, who has locked the edition's row.
    """
    leased(session.connection(), edition_id)
    doubtful = [delivery.c.edition_id == edition_id, delivery.c.status == Status.IN_DOUBT]
    if only is not None:
        doubtful.append(delivery.c.subscriber_id.in_(only))
    rows = session.execute(
        update(delivery)
        .where(*doubtful)
        .values(status=Status.PENDING, at=0)
        .returning(delivery.c.subscriber_id, delivery.c.variant, delivery.c.attempts)
    ).all()
    if not rows:
        return []
    now = clock.now()
    variants = {
        row.no: row.id
        for row in session.execute(select(Variant.no, Variant.id).where(Variant.edition_id == edition_id))
    }
    for row in rows:
        session.execute(
            update(batch)
            .where(
                batch.c.edition_id == edition_id,
                batch.c.variant_id == variants[row.variant],
                batch.c.lo <= row.subscriber_id,
                batch.c.hi >= row.subscriber_id,
                # One that a worker holds is looked at again when it is let go.
                or_(batch.c.state == BatchState.DONE, and_(batch.c.state == BatchState.OPEN, batch.c.due_at > now)),
            )
            .values(state=BatchState.OPEN, due_at=now)
        )
    words = f"put back to be sent by {by}" + (f": {reason}" if reason else "")
    session.execute(
        insert(attempt),
        [
            {
                "edition_id": edition_id,
                "subscriber_id": row.subscriber_id,
                "n": row.attempts,
                "at": now,
                "result": PUT_BACK,
                "code": 0,
                "enhanced_code": "",
                "reply": words,
                "backend": "",
            }
            for row in rows
        ],
    )
    return sorted(row.subscriber_id for row in rows)


def reopened_at(session: Session, edition_id: int) -> datetime | None:
    """When an edition that had been sent was last opened again: its deadline counts from then."""
    return session.scalar(
        select(func.max(EditionEvent.at, type_=EditionEvent.at.type)).where(
            EditionEvent.edition_id == edition_id,
            EditionEvent.from_state == State.SENT.value,
            EditionEvent.to_state == State.SENDING.value,
        )
    )
