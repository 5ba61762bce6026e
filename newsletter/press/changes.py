"""What changed since somebody last looked: editions, editors' decisions, and stories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from newsletter.editions.models import Edition, EditionEvent, Override
from newsletter.press.site import Site
from newsletter.stories.models import Story, StoryVersion

MOST = 40
"""Of each kind; whoever was away for longer reads the newest."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened, ``at`` an instant in UTC."""

    at: datetime
    kind: Literal["edition", "decision", "story"]
    key: str
    """The edition's key, or the story's slug."""
    title: str
    """What it is called: the edition's key, the story's headline."""
    what: str
    by: str
    """Who did it, empty where the clock or a source did."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened after ``since`` and not after ``until``, the newest first."""

    since: datetime
    until: datetime
    listed: tuple[Change, ...]
    more: bool
    """Whether older ones were left out."""


def changes(site: Site, since: datetime) -> Changes:
    """What happened after an instant, to now."""
    until = site.clock.now()
    with site.database.reading() as session:
        found = [
            *_events(session, since, until),
            *_decisions(session, since, until),
            *_versions(session, since, until),
            *_judged(session, since, until),
        ]
    found.sort(key=lambda one: one.at, reverse=True)
    return Changes(since, until, tuple(found[:MOST]), more=len(found) > MOST)


def _events(session: Session, since: datetime, until: datetime) -> list[Change]:
    rows = session.execute(
        select(EditionEvent, Edition)
        .join(Edition, Edition.id == EditionEvent.edition_id)
        .where(EditionEvent.at > since, EditionEvent.at <= until)
        .order_by(EditionEvent.at.desc(), EditionEvent.id.desc())
        .limit(MOST + 1)
    ).all()
    return [Change(event.at, "edition", edition.key, edition.key, moved(event), event.by) for event, edition in rows]


def moved(event: EditionEvent) -> str:
    """What a line of an edition's history says, in words."""
    if not event.from_state:
        what = "was laid out"
    elif event.from_state == event.to_state:
        what = "was assembled again" if not event.reason else "was noted"
    else:
        what = f"became {event.to_state}"
    return f"{what}: {event.reason}" if event.reason else what


_DEEDS = {"pin": "pinned", "exclude": "left out", "move": "moved", "headline": "given another headline",
          "dek": "given another dek", "bullets": "given other bullets", "version": "decided about"}  # fmt: skip


def decided(row: Override) -> Change:
    """What an editor decided about a story, in words."""
    what = f"{row.story.slug} was {_DEEDS.get(row.kind, row.kind)}"
    return Change(row.at, "decision", row.edition.key, row.edition.key, what, row.by)


def _decisions(session: Session, since: datetime, until: datetime) -> list[Change]:
    rows = session.scalars(
        select(Override)
        .where(Override.at > since, Override.at <= until)
        .order_by(Override.at.desc())
        .limit(MOST + 1)
        .options(joinedload(Override.edition), joinedload(Override.story))
    ).all()
    return [decided(row) for row in rows]


def _versions(session: Session, since: datetime, until: datetime) -> list[Change]:
    rows = session.scalars(
        select(StoryVersion)
        .where(StoryVersion.created_at > since, StoryVersion.created_at <= until)
        .order_by(StoryVersion.created_at.desc(), StoryVersion.id.desc())
        .limit(MOST + 1)
        .options(joinedload(StoryVersion.story))
    ).all()
    return [
        Change(row.created_at, "story", row.story.slug, row.headline,
               "came in" if row.no == 1 else f"was updated (version {row.no})", "")
        for row in rows
    ]  # fmt: skip


def _judged(session: Session, since: datetime, until: datetime) -> list[Change]:
    rows = session.execute(
        select(Story, StoryVersion.headline)
        .join(StoryVersion, (StoryVersion.story_id == Story.id) & (StoryVersion.no == Story.latest_no))
        .where(Story.decided_at > since, Story.decided_at <= until)
        .order_by(Story.decided_at.desc())
        .limit(MOST + 1)
    ).all()
    return [
        Change(story.decided_at, "story", story.slug, headline, f"is {story.status}", story.decided_by or "")
        for story, headline in rows
        if story.decided_at is not None
    ]
