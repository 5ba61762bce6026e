"""What tests ask of an address."""

from __future__ import annotations

from sqlalchemy.orm import Session

from newsletter.audience import erasure
from newsletter.audience.consent import Said
from newsletter.audience.suppression import suppressions_of
from newsletter.clock import Clock
from newsletter.database import Database


def is_suppressed(session: Session, email: str, briefing: str) -> bool:
    """Whether an address gets nothing of a briefing: the same as the clause that a send asks, in Python."""
    return any(row.briefing in ("", briefing) for row in suppressions_of(session, email))


def erase(database: Database, email: str, clock: Clock) -> bool:
    """Erases a person; whether there was one."""
    with database.writing() as session:
        return erasure.erase(session, email, Said("Delete it", "test"), clock).number is not None
