"""How many readers an edition would have today, and how many are usual."""

from __future__ import annotations

from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.checks import Audience
from newsletter.editions.models import Edition
from newsletter.editions.states import OUT
from newsletter.press.readers import counted
from newsletter.press.site import Site

FENCE_EDITIONS = 10
"""The usual number of readers is the median of so many editions before."""


def usual(session: Session, edition: Edition) -> float | None:
    """The usual number of readers of an edition's briefing, None where none has gone out before it."""
    before = session.scalars(
        select(Edition.recipients)
        .where(
            Edition.briefing == edition.briefing,
            Edition.edition_date < edition.edition_date,
            Edition.state.in_([state.value for state in OUT]),
            Edition.snapshot_done,
        )
        .order_by(Edition.edition_date.desc())
        .limit(FENCE_EDITIONS)
    ).all()
    return median(before) if before else None


def audience(site: Site, session: Session, edition: Edition) -> Audience:
    """Who would get an edition, were it locked now; the counts may be a minute old."""
    segments = counted(site, session, edition.briefing).segments
    return Audience(segments, usual(session, edition), site.briefing(edition.briefing).audience_fence)
