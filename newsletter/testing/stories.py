"""Stories for tests: valid with nothing given, and whatever is given on top of that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.stories.draft import BulletDraft, ImageDraft, StoryDraft
from newsletter.stories.models import StoryStatus, StoryVersion
from newsletter.stories.store import find, latest, save

PUBLISHED = datetime(2026, 11, 23, 4, tzinfo=UTC)


def draft(slug: str = "harbour-vote", **more: Any) -> StoryDraft:
    """A draft of a story that may go out at once; its words are made from its slug, so that no two are alike."""
    words = slug.replace("-", " ")
    known: dict[str, Any] = {
        "external_id": f"test:{slug}",
        "slug": slug,
        "source": "markdown",
        "headline": words.capitalize(),
        "dek": f"What we know this morning of the {words}.",
        "body": f"The first paragraph of the {words}.\n\nThe second one of the {words}.",
        "section": "world",
        "url": f"https://news.example.org/{slug}",
        "published_at": PUBLISHED,
        "status": StoryStatus.USABLE,
    }
    return StoryDraft(**(known | more))


def store(session: Session, *slugs: str, now: datetime = PUBLISHED, **more: Any) -> list[StoryVersion]:
    """Stores `draft` of every slug, with ``more`` for each of them, and returns the latest versions."""
    versions = []
    for slug in slugs:
        save(session, draft(slug, **more), now)
        versions.append(latest(session, find(session, slug)))
    return versions


__all__ = ["PUBLISHED", "BulletDraft", "ImageDraft", "draft", "store"]
