"""Which readers get nothing of an edition, whatever segment they are in: by their own wish, or by somebody else's."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement

from newsletter.audience.frequencies import spared_clause
from newsletter.audience.suppression import suppressed_clause
from newsletter.config.models import DAYS
from newsletter.press.site import Site


def left_out_on(site: Site, briefing: str, day: date) -> frozenset[str]:
    """The frequencies of a briefing that leave the edition of a day out. None where the briefing is configured no
    more."""
    found = site.settings.briefings.get(briefing)
    offered = found.frequencies if found else {}
    return frozenset(key for key, one in offered.items() if DAYS[day.weekday()] not in one.days)


def spared(site: Site, briefing: str, day: date) -> ColumnElement[bool]:
    """True in SQL for the `Subscriber` rows that get nothing of the edition of a day: suppressed, on a break, or of a
    frequency that leaves the day out. Looked at as recipients are frozen, and again as each batch is claimed."""
    return spared_clause(suppressed_clause(briefing, site.clock.now()), briefing, left_out_on(site, briefing, day))
