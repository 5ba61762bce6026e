"""What was approved, by whom and when: kept for good, also when it is void."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.editions.models import Approval, Edition, EditionEvent
from newsletter.editions.states import State


def latest(session: Session, edition: Edition) -> Approval | None:
    """The last approval of an edition, None where there was none."""
    return session.scalars(
        select(Approval).where(Approval.edition_id == edition.id).order_by(Approval.id.desc()).limit(1)
    ).one_or_none()


def all_of(session: Session, edition: Edition) -> list[Approval]:
    """Every approval of an edition, in their order."""
    return list(session.scalars(select(Approval).where(Approval.edition_id == edition.id).order_by(Approval.id)))


def ended(session: Session, edition: Edition, approval: Approval) -> EditionEvent | None:
    """The line of the history by which the latest approval came to its end, None where it is the edition's still.

    A lock is no end: it takes the approval along.
    """
    if edition.approved_digest == approval.digest and edition.state != State.READY:
        return None
    mine = EditionEvent.edition_id == edition.id
    given = select(func.max(EditionEvent.id)).where(mine, EditionEvent.to_state == State.APPROVED.value)
    return session.scalars(
        select(EditionEvent)
        .where(
            mine,
            EditionEvent.id > given.scalar_subquery(),
            EditionEvent.from_state == State.APPROVED.value,
            EditionEvent.to_state != State.LOCKED.value,
        )
        .order_by(EditionEvent.id)
        .limit(1)
    ).one_or_none()
