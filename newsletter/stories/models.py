"""A story and its versions, as they are stored. A version never changes once it is written."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.database.types import Base, BigId


class StoryStatus(StrEnum):
    """Whether a story may go out."""

    HELD = "held"
    """Arrived; somebody has to release it."""
    USABLE = "usable"
    WITHHELD = "withheld"
    """The source took it back for now."""
    KILLED = "killed"
    """Never again, whatever the source says."""


class Story(Base):
    """What is stored: one story, whatever its versions. ``external_id`` is the source's own key for it."""

    __tablename__ = "story"
    __table_args__ = (
        CheckConstraint("status IN ('held', 'usable', 'withheld', 'killed')", name="status"),
        Index("ix_story_status", "status"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(500), unique=True)
    slug: Mapped[str] = mapped_column(String(200), unique=True)
    status: Mapped[str] = mapped_column(String(16))
    source_status: Mapped[str | None] = mapped_column(String(16))
    """What the source last said, so that an editor's own decision outlives an import that says the same again."""
    decision: Mapped[str | None] = mapped_column(String(16))
    """The status that a person decided on, while it stands. None: the source decides."""
    decided_by: Mapped[str | None] = mapped_column(String(200))
    """Who, by the name that was given; None where the source decides or no name was given."""
    decided_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(String(32))
    """The importer: markdown, note, feed, jsonfeed."""
    latest_no: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    versions: Mapped[list[StoryVersion]] = relationship(
        back_populates="story", order_by="StoryVersion.no", cascade="all, delete-orphan", passive_deletes=True
    )


class StoryVersion(Base):
    """One immutable version of a story. ``digest`` is SHA-256 over its content; times are UTC instants."""

    __tablename__ = "story_version"
    __table_args__ = (UniqueConstraint("story_id", "no"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"))
    no: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    kicker: Mapped[str] = mapped_column(default="")
    headline: Mapped[str]
    short_headline: Mapped[str] = mapped_column(default="")
    dek: Mapped[str] = mapped_column(default="")
    summary: Mapped[str] = mapped_column(default="")
    """One line for the inbox row: the bare note's summary line becomes the preheader."""
    body: Mapped[str] = mapped_column(default="")
    """Markdown, without raw HTML."""
    bullets: Mapped[list[Any]]
    """``[{"label": …, "text": Markdown, "link": …}]``"""
    byline: Mapped[str] = mapped_column(default="")
    image: Mapped[dict[str, Any] | None]
    """``{"url", "alt", "caption", "credit", "width", "height", "decorative"}``"""
    section: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[str]]
    regions: Mapped[list[str]]
    fence: Mapped[dict[str, Any] | None]
    """``{"only": [segment, …], "never": [segment, …]}``: who alone gets it, where anybody is named, and who never does.
    None: everyone may."""
    priority: Mapped[int] = mapped_column(default=5)
    """1 is the most urgent, 9 the least (IPTC urgency)."""
    url: Mapped[str] = mapped_column(default="")
    published_at: Mapped[datetime | None]
    embargo_until: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    internal_note: Mapped[str] = mapped_column(default="")
    """For colleagues. Never rendered."""
    rights: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]

    story: Mapped[Story] = relationship(back_populates="versions")
