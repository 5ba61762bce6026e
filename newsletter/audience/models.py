"""Who gets mail, who said yes to it, and who gets none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Float, ForeignKey, Index, LargeBinary, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.database.types import Base, BigId


class Consent(Base):
    """The words with which people said yes or no, once for each wording and source."""

    __tablename__ = "consent"
    __table_args__ = (UniqueConstraint("digest"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    wording: Mapped[str]
    source: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class ConsentEvent(Base):
    """What a reader decided, and when. Append-only: the database refuses every change. It names nobody, so that it may
    outlive an erased reader; ``subscriber_id`` is no foreign key for the same reason."""

    __tablename__ = "consent_event"
    __table_args__ = (Index("ix_consent_event_address_hash", "address_hash"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    subscriber_id: Mapped[int] = mapped_column(BigId)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    decision: Mapped[str] = mapped_column(String(16))
    """left, returned, paused, resumed, confirmed"""
    briefing: Mapped[str] = mapped_column(String(64))
    """Empty for every briefing."""
    until: Mapped[datetime | None]
    """The end of a pause."""
    consent_id: Mapped[int] = mapped_column(ForeignKey("consent.id"))
    """The words, as they stood on the page or in the mail, and the way by which they came."""


class Subscriber(Base):
    """A reader. ``email`` is as they wrote it, ``email_norm`` how we compare (see `newsletter.audience.addresses`)."""

    __tablename__ = "subscriber"
    __table_args__ = (
        Index("ix_subscriber_address_hash", "address_hash"),
        # Live counts run along it; see `newsletter.audience.headcount`. PostgreSQL takes no tags of this length into an
        # index, and counts in groups without one.
        Index(
            "ix_subscriber_profile",
            *("country", "language", "region", "timezone", "frequency", "tags", "stopped"),
            info={"engine": "sqlite"},
        ).ddl_if(dialect="sqlite"),
        Index("ix_subscriber_country", "country", info={"engine": "postgresql"}).ddl_if(dialect="postgresql"),
        Index(
            "ix_subscriber_paused_until",
            "paused_until",
            sqlite_where=text("paused_until IS NOT NULL"),
            postgresql_where=text("paused_until IS NOT NULL"),
        ),
        # The number of a reader who was erased must never become another's: signed links and the ledger name it.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_norm: Mapped[str] = mapped_column(String(320), unique=True)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Salted hash of ``email_norm``: what the suppression list keeps of a person who was erased."""
    first_name: Mapped[str] = mapped_column(String(100), default="")
    last_name: Mapped[str] = mapped_column(String(100), default="")
    country: Mapped[str] = mapped_column(String(2), default="")
    """ISO 3166-1 alpha-2, upper case, empty when unknown."""
    region: Mapped[str] = mapped_column(String(64), default="")
    language: Mapped[str] = mapped_column(String(16), default="")
    timezone: Mapped[str] = mapped_column(String(64), default="")
    frequency: Mapped[str] = mapped_column(String(32), default="")
    tags: Mapped[list[str]]
    attributes: Mapped[dict[str, Any]]
    consent_id: Mapped[int] = mapped_column(ForeignKey("consent.id"))
    paused_until: Mapped[datetime | None]
    """Gets nothing of any briefing before this instant: what the reader asked for."""
    stopped: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"), default=0)
    """1 where a suppression for every briefing stands, else 0: for counting. The database keeps it so, by triggers."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Suppression(Base):
    """An address that gets nothing, with the reason. Kept by hash alone once the person is erased."""

    __tablename__ = "suppression"
    __table_args__ = (
        Index(
            "ix_suppression_briefing",
            *("briefing", "address_hash"),
            sqlite_where=text("briefing <> ''"),
            postgresql_where=text("briefing <> ''"),
        ),
    )

    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    briefing: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    """Empty for every briefing."""
    email_norm: Mapped[str | None] = mapped_column(String(320))
    reason: Mapped[str] = mapped_column(String(32))
    """unsubscribed, complaint, bounce, manual, erased"""
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]


class Bounce(Base):
    """How much speaks against an address: soft failures, which fade, and when the last one was counted."""

    __tablename__ = "bounce"

    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    score: Mapped[float] = mapped_column(Float)
    """As it was at ``at``."""
    at: Mapped[datetime]


class SiteValue(Base):
    """A value that belongs to the database, made once: the salt of the address hashes."""

    __tablename__ = "site_value"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str]
