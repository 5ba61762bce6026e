"""How many readers an edition would have today, and how many are usual."""

from __future__ import annotations

from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.checks import Audience
from newsletter.config.models import DAYS
from newsletter.editions.models import Edition
from newsletter.editions.states import OUT
from newsletter.press.readers import counted
from newsletter.press.site import Site
from newsletter.press.spared import left_out_on

FENCE_EDITIONS = 10
"""The usual number of readers is the median of so many editions before."""


def usual(site: Site, session: Session, edition: Edition) -> float | None:
    """The usual number of readers of an edition's briefing, None where none has gone out before it. Where readers may
    leave days out, it is that of the days on which the same readers get it."""
    frequencies = left_out_on(site, edition.briefing, edition.edition_date)
    rows = session.execute(
        select(Edition.edition_date, Edition.recipients)
        .where(
            Edition.briefing == edition.briefing,
            Edition.edition_date < edition.edition_date,
            Edition.state.in_([state.value for state in OUT]),
            Edition.snapshot_done,
        )
        .order_by(Edition.edition_date.desc())
        .limit(FENCE_EDITIONS * len(DAYS))
    )
    before = [row.recipients for row in rows if left_out_on(site, edition.briefing, row.edition_date) == frequencies]
    before = before[:FENCE_EDITIONS]
    return median(before) if before else None


def audience(site: Site, session: Session, edition: Edition) -> Audience:
    """Who would get an edition, were it locked now; the counts may be a minute old."""
    segments = counted(site, session, edition.briefing, edition.edition_date).segments
    return Audience(segments, usual(site, session, edition), site.briefing(edition.briefing).audience_fence)
