"""What tests ask of an address."""

from __future__ import annotations

from sqlalchemy.orm import Session

from newsletter.audience.suppression import suppressions_of


def is_suppressed(session: Session, email: str, briefing: str) -> bool:
    """Whether an address gets nothing of a briefing: the same as the clause that a send asks, in Python."""
    return any(row.briefing in ("", briefing) for row in suppressions_of(session, email))
