"""From stored stories to the slots of an edition."""

from __future__ import annotations

from datetime import date

from sqlalchemy import exists, select

from newsletter.editions import store
from newsletter.editions.models import Edition
from newsletter.errors import Refused
from newsletter.press import times
from newsletter.press.site import Site


def edition_of(site: Site, key_or_briefing: str, day: date | None = None) -> str:
    """The key of an edition: as given, or of a briefing (its key) on ``day``, today in its zone unless given.

    Of a briefing that is not in the configuration only an edition that there is. Raises `NotFound`, `Refused`.
    """
    if "/" in key_or_briefing:
        briefing, written = store.parse_key(key_or_briefing)
        if day not in (None, written):
            raise Refused(f"{key_or_briefing} and the date {day} speak of different days: leave one out")
        day = written
        if briefing not in site.settings.briefings and _is_there(site, briefing, day):
            return f"{briefing}/{day.isoformat()}"
    else:
        briefing = key_or_briefing
    site.briefing(briefing)
    return f"{briefing}/{(day or times.today(site.settings, briefing, site.clock.now())).isoformat()}"


def _is_there(site: Site, briefing: str, day: date) -> bool:
    with site.database.reading() as session:
        return bool(session.scalar(select(exists().where(Edition.briefing == briefing, Edition.edition_date == day))))


def assemble(site: Site, briefing: str, day: date | None = None, *, by: str = "", seen: int | None = None) -> Edition:
    """Chooses the stories of an edition, today's unless ``day`` says otherwise; editors' decisions stay.

    It comes back ready, or skipped with the reason. An edition whose time has passed takes the stories of now.
    ``seen`` is the version of it that was looked at, if it matters. Raises `WrongState` once it is locked, and `Stale`.
    """
    rules = site.briefing(briefing)
    day = day or times.today(site.settings, briefing, site.clock.now())
    due = times.first_due(site.settings, briefing, day)
    with site.database.writing() as session:
        edition = store.ensure(session, briefing, day, due, site.clock)
        at = max(edition.due_at, site.clock.now())
        store.assemble_edition(session, edition, rules, site.clock, zone=site.settings.zone(briefing), at=at, seen=seen)
        session.refresh(edition)
        return edition
