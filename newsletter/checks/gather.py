"""What the checks look at, out of the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from newsletter.checks.registry import CheckedVariant, CheckInput, StoryFact
from newsletter.config import SHARES, MailClient
from newsletter.editions.candidates import latest_of
from newsletter.editions.models import Edition, Slot, Variant
from newsletter.editions.overrides import unmet
from newsletter.editions.states import OUT
from newsletter.rendering.model import PublicationView
from newsletter.stories.models import StoryVersion


def gather(
    session: Session,
    edition: Edition,
    publication: PublicationView,
    variants: Mapping[str, CheckedVariant],
    *,
    at: datetime,
    clients: Mapping[MailClient, float] = SHARES,
) -> CheckInput:
    """The input of the checks for an edition whose variants have been rendered.

    ``variants`` is by segment, in the briefing's order; ``at`` the instant at which the edition is to leave.
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
        last_subjects=_last_subjects(session, edition),
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
            )
        )
    return tuple(facts)


def _last_subjects(session: Session, edition: Edition) -> frozenset[str]:
    last = (
        select(Edition.id)
        .where(
            Edition.briefing == edition.briefing,
            Edition.edition_date < edition.edition_date,
            Edition.state.in_([state.value for state in OUT]),
        )
        .order_by(Edition.edition_date.desc())
        .limit(1)
        .scalar_subquery()
    )
    return frozenset(session.scalars(select(Variant.subject).where(Variant.edition_id == last)))
