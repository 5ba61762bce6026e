"""How many readers an edition would go to if it were locked now."""

from __future__ import annotations

from sqlalchemy import not_, or_

from newsletter.audience import subscribers
from newsletter.audience.suppression import suppressed_clause
from newsletter.press.site import Site

_FRESH = 60.0
"""Seconds for which a count holds: with a million readers one takes a while, and many people look."""


def readers(site: Site, briefing: str) -> int:
    """How many readers fit any segment of a briefing and are not suppressed, as of a minute ago at the most."""
    now = site.clock.monotonic()
    counted = site.counted.get(briefing)
    if counted is not None and now - counted[0] < _FRESH:
        return counted[1]
    fits = or_(*(site.segment(name).clause() for name in site.briefing(briefing).segments))
    with site.database.reading() as session:
        number = subscribers.count(session, fits & not_(suppressed_clause(briefing)))
    site.counted[briefing] = (now, number)
    return number
