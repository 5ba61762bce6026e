"""How many readers an edition would have today, segment by segment, and how many are usual."""

from __future__ import annotations

from statistics import median

from sqlalchemy import LargeBinary, and_, case, cast, func, not_, or_, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber
from newsletter.audience.suppression import suppressed_clause
from newsletter.audience.tokens import MAX_URL
from newsletter.checks import Audience
from newsletter.editions.models import Edition
from newsletter.editions.states import OUT
from newsletter.press.site import Site
from newsletter.rendering.model import ReaderValues

FENCE_EDITIONS = 10
"""The usual number of readers is the median of so many editions before."""
KEPT_SECONDS = 30.0
"""How long a count stands: the desk asks with every edit, and counting a million readers takes a second."""


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
    """Who would get an edition, were it locked now; the counts may be `KEPT_SECONDS` old."""
    briefing = site.briefing(edition.briefing)
    counted, _ = _counted(site, session, edition.briefing)
    return Audience(counted, usual(session, edition), briefing.audience_fence)


def largest_reader(site: Site, session: Session, briefing: str) -> ReaderValues:
    """The values of a reader of a briefing who has the longest name of all, and links as long as links can be."""
    _, (characters, octets) = _counted(site, session, briefing)
    url = "https://".ljust(MAX_URL, "u")
    return ReaderValues(
        address=f"{'r' * 64}@{'e' * 50}.example.org",
        # In steps, so that not every new reader makes the worst message another one.
        first_name="R" * _step(characters) if characters == octets else "和" * _step(-(-octets // 3)),
        unsubscribe_url=url,
        preferences_url=url,
        view_url=url,
        message_id=f"{'m' * 80}@example.org",
        unsubscribe_mailto=f"leave+{'t' * 58}@example.org?subject=unsubscribe",
    )


def _step(length: int) -> int:
    return -(-length // 20) * 20


def _counted(site: Site, session: Session, briefing: str) -> tuple[dict[str, int], tuple[int, int]]:
    """Readers by segment, and the longest first name: characters and bytes."""
    now = site.clock.monotonic()
    if (kept := site.counted.get(briefing)) is not None and 0 <= now - kept[0] < KEPT_SECONDS:
        return kept[1]
    segments = site.briefing(briefing).segments
    clauses = [site.segment(segment).clause() for segment in segments]
    sqlite = session.get_bind().dialect.name == "sqlite"
    name = Subscriber.first_name
    octets = func.length(cast(name, LargeBinary)) if sqlite else func.octet_length(name)
    first = case(*((clause, number) for number, clause in enumerate(clauses)))
    each = (
        select(first.label("segment"), func.length(name).label("characters"), octets.label("octets"))
        .where(and_(or_(*clauses), not_(suppressed_clause(briefing))))
        .subquery()
    )
    longest = func.max(each.c.characters), func.max(each.c.octets)
    rows = session.execute(select(each.c.segment, func.count(), *longest).group_by(each.c.segment)).all()
    found = {segments[number]: count for number, count, _, _ in rows}
    counted = (
        {segment: found.get(segment, 0) for segment in segments},
        (max((row[2] for row in rows), default=0), max((row[3] for row in rows), default=0)),
    )
    site.counted[briefing] = now, counted
    return counted
