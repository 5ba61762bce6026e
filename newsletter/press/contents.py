"""Which stories a segment gets, in the order in which it meets them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from newsletter.editions import store
from newsletter.editions.models import Edition, Override, Slot, Variant
from newsletter.press.site import Site
from newsletter.stories.models import StoryVersion


@dataclass(frozen=True, slots=True)
class Told:
    """A story as one segment is told it."""

    story: int
    version: int
    slug: str
    headline: str
    """The editor's own where there is one."""
    section: str
    """What the section is called, its key where it has no title."""


def contents(site: Site, session: Session, edition: Edition, segment: str) -> tuple[Told, ...]:
    """The stories of a segment: the frozen ones once there are any, else as they stand now. Raises `Refused`."""
    frozen = session.scalars(
        select(Variant.stories).where(Variant.edition_id == edition.id, Variant.segment == segment)
    ).one_or_none()
    if frozen is not None:
        return _frozen(site, session, edition, segment, frozen)
    placed = store.variant_slots(session, edition, site.briefing(edition.briefing), segment)
    return tuple(
        Told(
            one.version.story_id,
            one.version.id,
            one.version.story.slug,
            one.headline,
            section.section.title or section.section.key,
        )
        for section in placed
        for one in section.stories
    )


def _frozen(site: Site, session: Session, edition: Edition, segment: str, ids: list[int]) -> tuple[Told, ...]:
    versions = {
        version.id: version
        for version in session.scalars(
            select(StoryVersion).where(StoryVersion.id.in_(ids)).options(joinedload(StoryVersion.story))
        )
    }
    # What is the segment's own comes last, and so wins over what is everyone's.
    slots = session.execute(
        select(Slot.story_version_id, Slot.section)
        .where(Slot.edition_id == edition.id, Slot.segment.in_(["", segment]))
        .order_by(Slot.segment)
    )
    sections: dict[int, str] = dict(slots.all())
    edited = session.execute(
        select(Override.story_id, Override.text)
        .where(Override.edition_id == edition.id, Override.kind == "headline", Override.segment.in_(["", segment]))
        .order_by(Override.segment)
    )
    words = dict(edited.all())
    # The configuration may have another set of sections by now.
    rules = {rule.key: rule.for_segment(segment) for rule in site.briefing(edition.briefing).sections}
    titles = {key: rule.title for key, rule in rules.items() if rule is not None}
    return tuple(
        Told(
            version.story_id,
            version.id,
            version.story.slug,
            words.get(version.story_id) or version.headline,
            titles.get(sections.get(version.id, ""), "") or sections.get(version.id, ""),
        )
        for version in (versions[number] for number in ids if number in versions)
    )
