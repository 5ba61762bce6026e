"""What the checks look at, out of the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from newsletter.checks.built import Built
from newsletter.checks.registry import Audience, CheckedVariant, CheckInput, LastEdition, StoryFact
from newsletter.config import SHARES, MailClient
from newsletter.editions.candidates import latest_of
from newsletter.editions.models import Edition, Slot, Variant
from newsletter.editions.overrides import unmet
from newsletter.editions.states import OUT
from newsletter.rendering.model import PublicationView
from newsletter.stories.models import Story, StoryVersion


def gather(
    session: Session,
    edition: Edition,
    publication: PublicationView,
    variants: Mapping[str, CheckedVariant],
    *,
    at: datetime,
    messages: Mapping[str, Built],
    audience: Audience | None = None,
    clients: Mapping[MailClient, float] = SHARES,
    segments: frozenset[str] = frozenset(),
) -> CheckInput:
    """The input of the checks for an edition whose variants have been rendered.

    ``variants`` is by segment, in the briefing's order; ``at`` the instant at which the edition is to leave;
    ``messages`` is what becomes of the variants, and ``audience`` who gets them today; ``segments`` are all there are.
    """
    return CheckInput(
        key=edition.key,
        date=edition.edition_date,
        state=edition.state,
        at=at,
        stories=_stories(session, edition),
        publication=publication,
        variants=dict(variants),
        clients=clients,
        segments=segments,
        messages=messages,
        last=_last(session, edition),
        audience=audience,
        unmet=unmet(session, edition),
    )


def _stories(session: Session, edition: Edition) -> tuple[StoryFact, ...]:
    slots = session.scalars(
        select(Slot)
        .where(Slot.edition_id == edition.id)
        .order_by(Slot.section_no, Slot.segment, Slot.position)
        .options(joinedload(Slot.story_version).joinedload(StoryVersion.story))
    ).all()
    newest = {version.story_id: version for version in latest_of(session, {s.story_version.story_id for s in slots})}
    facts = []
    for slot in slots:
        told, latest = slot.story_version, newest[slot.story_version.story_id]
        # A source that moves an embargo means the story, not its newest words alone.
        embargoes = [moment for moment in (told.embargo_until, latest.embargo_until) if moment]
        ends = [moment for moment in (told.expires_at, latest.expires_at) if moment]
        facts.append(
            StoryFact(
                slug=told.story.slug,
                headline=told.headline,
                section=slot.section,
                segment=slot.segment,
                status=told.story.status,
                embargo_until=max(embargoes, default=None),
                expires_at=min(ends, default=None),
                published_at=told.published_at,
                # The newest says what its source means of the story, also where an older one is told.
                fences=tuple(one.fence for one in (told, latest) if one.fence),
            )
        )
    return tuple(facts)


def _last(session: Session, edition: Edition) -> LastEdition | None:
    last = session.scalar(
        select(Edition)
        .where(
            Edition.briefing == edition.briefing,
            Edition.edition_date < edition.edition_date,
            Edition.state.in_([state.value for state in OUT]),
        )
        .order_by(Edition.edition_date.desc())
        .limit(1)
    )
    if last is None:
        return None
    # Neither the HTML nor the text, which are large.
    columns = (Variant.segment, Variant.subject, Variant.preheader, Variant.stories)
    variants = session.execute(select(*columns).where(Variant.edition_id == last.id)).all()
    versions = {number for variant in variants for number in variant.stories}
    told = select(StoryVersion.id, Story.slug).join(StoryVersion.story).where(StoryVersion.id.in_(versions))
    slugs = {row.id: row.slug for row in session.execute(told)}
    return LastEdition(
        date=last.edition_date,
        subjects=frozenset(variant.subject for variant in variants),
        preheaders=frozenset(variant.preheader for variant in variants) - {""},
        stories={v.segment: frozenset(slugs[number] for number in v.stories if number in slugs) for v in variants},
    )
