"""An edition, its slots, and the editors' overrides that lie beside them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.database.types import Base, BigId
from newsletter.stories.models import Story, StoryVersion


class Edition(Base):
    """One briefing on one edition date. ``state`` only ever changes by `newsletter.editions.states.move`."""

    __tablename__ = "edition"
    __table_args__ = (
        UniqueConstraint("briefing", "edition_date"),
        CheckConstraint(
            "state IN ('draft', 'ready', 'approved', 'locked', 'sending', 'paused', 'sent', 'held', 'skipped', "
            "'aborted')",
            name="state",
        ),
        Index("ix_edition_state", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    briefing: Mapped[str] = mapped_column(String(64))
    edition_date: Mapped[date]
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(default="")
    """Why it is in its state, in words: why skipped, why held."""
    due_at: Mapped[datetime]
    """When the first wave is to leave."""
    subject: Mapped[str | None]
    """An editor's own subject, in place of the briefing's pattern."""
    preheader: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=0)
    """Counts every editorial change, so that two editors cannot overwrite each other unnoticed."""
    created_at: Mapped[datetime]
    assembled_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    approved_digest: Mapped[str | None] = mapped_column(String(64))
    locked_at: Mapped[datetime | None]
    dated_at: Mapped[datetime | None]
    """The Date header of every message, so that a message sent again is the same bytes."""
    snapshot_cursor: Mapped[int] = mapped_column(BigId, default=0)
    """The last subscriber id that has been frozen."""
    snapshot_done: Mapped[bool] = mapped_column(default=False)
    recipients: Mapped[int] = mapped_column(default=0)
    """How many have been frozen."""
    finished_at: Mapped[datetime | None]

    slots: Mapped[list[Slot]] = relationship(
        back_populates="edition", order_by="Slot.section_no, Slot.segment, Slot.position", cascade="all, delete-orphan"
    )
    overrides: Mapped[list[Override]] = relationship(back_populates="edition", cascade="all, delete-orphan")

    @property
    def key(self) -> str:
        """``morning/2026-11-23``"""
        return f"{self.briefing}/{self.edition_date.isoformat()}"


class Slot(Base):
    """A place in an edition that pins one story version. ``segment`` is empty where everyone gets it."""

    __tablename__ = "slot"
    __table_args__ = (UniqueConstraint("edition_id", "section", "segment", "position"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    section: Mapped[str] = mapped_column(String(64))
    section_no: Mapped[int]
    segment: Mapped[str] = mapped_column(String(64), default="")
    position: Mapped[int]
    story_version_id: Mapped[int] = mapped_column(ForeignKey("story_version.id"))
    reason: Mapped[str]
    """Why this story stands here, in words."""

    edition: Mapped[Edition] = relationship(back_populates="slots")
    story_version: Mapped[StoryVersion] = relationship()


class Override(Base):
    """What an editor decided about one story in one edition. Never in the slot, so that assembling again keeps it.

    ``kind`` is pin, exclude, move, headline, dek, bullets or version; ``text`` holds the edited words (bullets as
    JSON), ``section`` and ``position`` the place that a pin or a move wants; an exclusion with a ``section`` is from
    that one alone. ``segment`` is empty where it is meant for
    everyone, and ``*`` (assembly's ``COMMON``) where a pin or a move is meant for a section's common version alone.
    """

    __tablename__ = "override"
    __table_args__ = (
        UniqueConstraint("edition_id", "kind", "story_id", "segment"),
        CheckConstraint("kind IN ('pin', 'exclude', 'move', 'headline', 'dek', 'bullets', 'version')", name="kind"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"))
    segment: Mapped[str] = mapped_column(String(64), default="")
    section: Mapped[str | None] = mapped_column(String(64))
    position: Mapped[int | None]
    text: Mapped[str | None]
    version_no: Mapped[int | None]
    """Of a version: the number of the one that this edition tells."""
    seen_no: Mapped[int | None]
    """Of a version: the newest that there was when it was decided, so that a still newer one is asked about again."""
    by: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]

    edition: Mapped[Edition] = relationship(back_populates="overrides")
    story: Mapped[Story] = relationship()


class FindingOverride(Base):
    """A named person's word that a finding of the checks does not keep an edition, bound to what they saw.

    One that was taken back stays, so that it can be told who decided what.
    """

    __tablename__ = "finding_override"
    __table_args__ = (Index("ix_finding_override_edition", "edition_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of what was seen: code, severity, place, message and segments. Another finding is not covered."""
    code: Mapped[str] = mapped_column(String(64))
    severity: Mapped[str] = mapped_column(String(16))
    place: Mapped[str]
    message: Mapped[str]
    segments: Mapped[list[str]]
    by: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]
    taken_back_by: Mapped[str | None]
    taken_back_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    """When the edition was locked with it: the finding was there, and this let it go out."""


class EditionDecision(Base):
    """One thing that an editor did to an edition, with what it changed, so that it can be undone. In the order of their
    ids; only ``undone_at`` and ``undone_by`` ever change."""

    __tablename__ = "edition_decision"
    __table_args__ = (Index("ix_edition_decision_edition", "edition_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    version: Mapped[int]
    """The edition's version after it."""
    what: Mapped[str]
    """What was done, in words: ``headline of harbour-vote``."""
    change: Mapped[dict[str, Any]]
    """``{"removed": [override, …], "added": [override, …], "lines": {name: words before}, "told": {story id: no}}``"""
    by: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


class Approval(Base):
    """A named person's yes to an edition, and what they said it to: never changed, also when it is void."""

    __tablename__ = "approval"
    __table_args__ = (Index("ix_approval_edition", "edition_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    by: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of ``seen``."""
    seen: Mapped[dict[str, Any]]
    """By segment: subject, preheader, stories, the digest of the parts, who gets it by which rule, and when."""
    readers: Mapped[int]
    """How many it would have gone to then."""
    confirmed: Mapped[bool]
    """Whether the person wrote that number, because it is far from the usual one."""


class EditionEvent(Base):
    """One line of an edition's history: written with every change of state, never changed."""

    __tablename__ = "edition_event"
    __table_args__ = (Index("ix_edition_event_edition", "edition_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")


class Variant(Base):
    """An edition as one segment gets it, frozen at the lock. ``slots`` holds the reader slots as data."""

    __tablename__ = "variant"
    __table_args__ = (UniqueConstraint("edition_id", "segment"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    segment: Mapped[str] = mapped_column(String(64))
    no: Mapped[int]
    """Its place in the briefing's list of segments: who fits several gets the first."""
    backends: Mapped[list[str]]
    """Where its messages go, in order of preference."""
    due_at: Mapped[datetime]
    """When its wave is to leave."""
    subject: Mapped[str]
    preheader: Mapped[str]
    html: Mapped[str]
    text: Mapped[str]
    slots: Mapped[list[Any]]
    """``[{"name", "before", "after", "fallback"}]`` in the order of their index."""
    nonce: Mapped[str] = mapped_column(String(12))
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of what readers get."""
    stories: Mapped[list[Any]]
    """The story version ids that it carries, in order."""
    frozen_at: Mapped[datetime]


class Share(Base):
    """A link that shows an edition, as it stands, to whoever has it. The link itself is signed and kept nowhere."""

    __tablename__ = "share"
    __table_args__ = (Index("ix_share_edition", "edition_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    by: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """To the second, as the link says it."""
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(default="")


class MarkedCopy(Base):
    """A test copy that somebody sent from the desk, and what came of it. To whom is not kept.

    ``result`` is unknown from before it is sent until the server has answered.
    """

    __tablename__ = "marked_copy"
    __table_args__ = (
        CheckConstraint("result IN ('unknown', 'accepted', 'refused')", name="result"),
        Index("ix_marked_copy_edition", "edition_id"),
        Index("ix_marked_copy_by", "by", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    segment: Mapped[str] = mapped_column(String(64))
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    result: Mapped[str] = mapped_column(String(16))
    reply: Mapped[str] = mapped_column(default="")
    """The server's own words, or ours where it said nothing."""


class Correction(Base):
    """What was wrong with an edition that has gone out, in an editor's words, for its page in the archive.

    Never rewritten: one that was wrong itself is taken back, and stays.
    """

    __tablename__ = "correction"
    __table_args__ = (
        CheckConstraint("kind IN ('correction', 'clarification', 'retraction')", name="kind"),
        Index("ix_correction_edition", "edition_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    words: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]
    taken_back_by: Mapped[str | None]
    taken_back_at: Mapped[datetime | None]


class EditionLink(Base):
    """A link of an edition whose clicks are counted, the same in everybody's mail.

    ``clicks`` and ``by_scanners`` only ever grow. There is no row for a click, and nothing of who clicked.
    """

    __tablename__ = "edition_link"
    __table_args__ = (UniqueConstraint("edition_id", "no"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    no: Mapped[int]
    """Its place among the edition's links, from 1 on."""
    code: Mapped[str] = mapped_column(String(16), unique=True)
    """What stands in the mail instead of the address."""
    url: Mapped[str]
    """Where it leads: http or https."""
    label: Mapped[str]
    """The words that are linked, where it first stands."""
    clicks: Mapped[int] = mapped_column(default=0)
    by_scanners: Mapped[int] = mapped_column(default=0)
    """Clicks that look like a machine's. They are not in ``clicks``."""
