"""How many readers an edition would go to if it were locked now, and how long what differs between them can be."""

from __future__ import annotations

from datetime import date

from sqlalchemy import LargeBinary, and_, case, cast, func, not_, or_, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber
from newsletter.audience.tokens import MAX_URL
from newsletter.press.site import Counted, Site
from newsletter.press.spared import left_out_on, spared
from newsletter.rendering.model import ReaderValues

FRESH = 60.0
"""Seconds for which a count holds: with a million readers one takes a while, and many people look."""


def readers(site: Site, briefing: str, day: date) -> int:
    """How many readers fit any segment of a briefing and get its edition of a day, as of a minute ago at the most."""
    with site.database.reading() as session:
        return sum(counted(site, session, briefing, day).segments.values())


def counted(site: Site, session: Session, briefing: str, day: date) -> Counted:
    """The readers of a briefing's edition of a day by segment, as of a minute ago at the most."""
    now = site.clock.monotonic()
    left_out = briefing, left_out_on(site, briefing, day)
    if (known := site.counted.get(left_out)) is not None and now - known.at < FRESH:
        return known
    segments = site.briefing(briefing).segments
    clauses = [site.segment(segment).clause() for segment in segments]
    name = Subscriber.first_name
    sqlite = session.get_bind().dialect.name == "sqlite"
    octets = func.length(cast(name, LargeBinary)) if sqlite else func.octet_length(name)
    first = case(*((clause, number) for number, clause in enumerate(clauses)))
    each = (
        select(first.label("segment"), func.length(name).label("characters"), octets.label("octets"))
        .where(and_(or_(*clauses), not_(spared(site, briefing, day))))
        .subquery()
    )
    longest = func.max(each.c.characters), func.max(each.c.octets)
    rows = session.execute(select(each.c.segment, func.count(), *longest).group_by(each.c.segment)).all()
    found = {segments[number]: count for number, count, _, _ in rows}
    site.counted[left_out] = new = Counted(
        at=now,
        segments={segment: found.get(segment, 0) for segment in segments},
        name_characters=max((row[2] for row in rows), default=0),
        name_octets=max((row[3] for row in rows), default=0),
    )
    return new


def largest_reader(site: Site, session: Session, briefing: str, day: date) -> ReaderValues:
    """The values of a reader of a briefing's edition of a day who has the longest name of all, and links as long as
    links can be."""
    known = counted(site, session, briefing, day)
    ascii_only = known.name_characters == known.name_octets
    url = "https://".ljust(MAX_URL, "u")
    return ReaderValues(
        address=f"{'r' * 64}@{'e' * 50}.example.org",
        # In steps, so that not every new reader makes the worst message another one.
        first_name="R" * _step(known.name_characters) if ascii_only else "和" * _step(-(-known.name_octets // 3)),
        unsubscribe_url=url,
        preferences_url=url,
        view_url=url,
        message_id=f"{'m' * 80}@example.org",
        unsubscribe_mailto=f"leave+{'t' * 58}@example.org?subject=unsubscribe",
    )


def _step(length: int) -> int:
    return -(-length // 20) * 20
