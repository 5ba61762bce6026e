"""What will happen when an edition goes out: to whom, how many, through what, at what time, and on whose word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.checks import Audience, CheckedVariant
from newsletter.delivery.models import batch
from newsletter.editions import approvals, store
from newsletter.editions.models import Edition, Variant
from newsletter.editions.states import State
from newsletter.errors import NewsletterError
from newsletter.press import times
from newsletter.press.approval import Difference, Seen, changed_since, digest_of, seen
from newsletter.press.audience import audience
from newsletter.press.render import variants
from newsletter.press.site import Site
from newsletter.press.standing import Standing, standing


@dataclass(frozen=True, slots=True)
class Wave:
    """The readers of one segment, and how their mail leaves."""

    segment: str
    title: str
    readers: int
    backends: tuple[str, ...]
    """In the order in which they are tried."""
    due_at: datetime | None
    """UTC; None where somebody has to send it."""
    zone: str
    subject: str
    preheader: str


@dataclass(frozen=True, slots=True)
class Approved:
    """The last approval of an edition, and what became of it."""

    by: str
    at: datetime
    digest: str
    readers: int
    """How many the edition would have gone to then."""
    stands: bool
    """Whether it is of what would go out now, or went out."""
    ended_by: str
    """Who ended it, empty where nobody did by hand."""
    ended_why: str
    changed: tuple[Difference, ...]
    """How what would go out now differs from what was approved."""


@dataclass(frozen=True, slots=True)
class Departure:
    """The send of an edition, before it and after."""

    standing: Standing
    waves: tuple[Wave, ...]
    """In the briefing's order; those without a reader too."""
    digest: str
    """Of what an approval would be of now; empty where there is nothing to approve."""
    audience: Audience | None
    """None once the readers are frozen."""
    approved: Approved | None


def departure(site: Site, key: str) -> Departure:
    """What will happen, or happened. Raises `NotFound`; what cannot be rendered has no waves."""
    with site.database.reading() as session:
        edition = store.find(session, key)
        if edition.locked_at is not None:
            waves = _frozen(site, session, edition)
            return Departure(standing(site, key, checked=False), waves, "", None, _approved(session, edition, None))
        if edition.briefing not in site.settings.briefings:
            return Departure(standing(site, key, checked=False), (), "", None, _approved(session, edition, None))
        assembled = edition.assembled_at is not None and edition.state not in (State.SKIPPED, State.ABORTED)
    try:
        rendered = variants(site, key) if assembled else {}
    except NewsletterError:  # `standing` has the words
        rendered = {}
    with site.database.reading() as session:
        edition = store.find(session, key)
        what = seen(site, session, edition, rendered) if rendered else None
        who = audience(site, session, edition)
        return Departure(
            standing(site, key, rendered=rendered or None),
            _planned(site, edition, who, rendered),
            digest_of(what) if what else "",
            who,
            _approved(session, edition, what),
        )


def _planned(site: Site, edition: Edition, who: Audience, rendered: Mapping[str, CheckedVariant]) -> tuple[Wave, ...]:
    scheduled = site.briefing(edition.briefing).schedule is not None
    return tuple(
        Wave(
            segment=name,
            title=site.segment(name).title,
            readers=who.readers.get(name, 0),
            backends=site.segment(name).backends,
            due_at=times.due(site.settings, edition.briefing, edition.edition_date, name) if scheduled else None,
            zone=site.settings.zone(edition.briefing, name),
            subject=variant.rendered.subject,
            preheader=variant.rendered.preheader,
        )
        for name, variant in rendered.items()
    )


def _frozen(site: Site, session: Session, edition: Edition) -> tuple[Wave, ...]:
    sizes = dict(
        session.execute(
            select(batch.c.variant_id, func.sum(batch.c.n))
            .where(batch.c.edition_id == edition.id)
            .group_by(batch.c.variant_id)
        ).all()
    )
    rows = session.scalars(select(Variant).where(Variant.edition_id == edition.id).order_by(Variant.no))
    known = site.segments
    return tuple(
        Wave(
            segment=row.segment,
            title=known[row.segment].title if row.segment in known else row.segment,
            readers=int(sizes.get(row.id, 0)),
            backends=tuple(row.backends),
            due_at=row.due_at,
            zone=site.settings.zone(edition.briefing, row.segment),
            subject=row.subject,
            preheader=row.preheader,
        )
        for row in rows
    )


def _approved(session: Session, edition: Edition, now: Seen | None) -> Approved | None:
    given = approvals.latest(session, edition)
    if given is None:
        return None
    end = approvals.ended(session, edition, given)
    is_same = now is None or digest_of(now) == given.digest
    return Approved(
        by=given.by,
        at=given.at,
        digest=given.digest,
        readers=given.readers,
        stands=edition.approved_digest == given.digest and is_same and edition.state != State.READY,
        ended_by=end.by if end else "",
        ended_why=end.reason if end else "",
        changed=() if now is None else tuple(changed_since(given.seen, now)),
    )
