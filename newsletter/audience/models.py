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
    __table_args__ = (
        Index("ix_consent_event_address_hash", "address_hash"),
        Index("ix_consent_event_subscriber_id", "subscriber_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    subscriber_id: Mapped[int] = mapped_column(BigId)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    decision: Mapped[str] = mapped_column(String(16))
    """A `newsletter.audience.consent.Decision`."""
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


class ServiceMail(Base):
    """A mail to one person outside any edition, from being asked for until it was sent. Then nothing of it is kept that
    names anybody or works as a link."""

    __tablename__ = "service_mail"
    __table_args__ = (Index("ix_service_mail_state", "state", "due_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    email: Mapped[str] = mapped_column(String(320))
    """Where to; empty once it is settled."""
    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[dict[str, Any]]
    """What its words say beside those of the catalogue; empty once it is settled."""
    attachment: Mapped[str | None]
    """The text of the file that goes along; none once it is settled."""
    state: Mapped[str] = mapped_column(String(16))
    """waiting, sent, failed, in_doubt, withheld"""
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """When it is to be tried next; of one that is being tried, when somebody else may."""
    settled_at: Mapped[datetime | None]
    reply: Mapped[str]
    """What the server said last, or why it was not sent."""


class SignUp(Base):
    """Somebody who wants mail at an address, until the reader of that address has confirmed it, or the time for that is
    over. One an address: whoever asks again adds to it."""

    __tablename__ = "sign_up"
    __table_args__ = (
        Index("ix_sign_up_expires_at", "expires_at"),
        # The number stands in a signed link, and must never be another sign-up's.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    """Empty once it is confirmed."""
    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    briefings: Mapped[list[str]]
    language: Mapped[str] = mapped_column(String(16))
    """In which the form was shown."""
    source: Mapped[str] = mapped_column(String(40))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class Allowance(Base):
    """How often something was done of late that may be done so often: by whom, as a salted hash, and since when."""

    __tablename__ = "allowance"
    __table_args__ = (Index("ix_allowance_since", "since"),)

    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    since: Mapped[datetime]
    used: Mapped[int]


class Bounce(Base):
    """How much speaks against an address: soft failures, which fade, and when the last one was counted."""

    __tablename__ = "bounce"

    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    score: Mapped[float] = mapped_column(Float)
    """As it was at ``at``."""
    at: Mapped[datetime]


class ChosenFrequency(Base):
    """How often a reader wants a briefing, where they chose one of the frequencies that it offers."""

    __tablename__ = "chosen_frequency"

    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True)
    briefing: Mapped[str] = mapped_column(String(64), primary_key=True)
    frequency: Mapped[str] = mapped_column(String(64))
    """A key of the briefing's ``frequencies``; one that is not there any more says nothing."""


class AddressChange(Base):
    """A new address that a reader wants, until it has been confirmed there: a day, and never longer than the reader."""

    __tablename__ = "address_change"
    __table_args__ = (
        Index("ix_address_change_subscriber_id", "subscriber_id"),
        # The number stands in a signed link, and must never be another wish's.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(320))
    """Empty once it is theirs, or can be so no more."""
    old_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of the address that they had when they asked."""
    new_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    at: Mapped[datetime]


class SiteValue(Base):
    """A value that belongs to the database, made once: the salt of the address hashes."""

    __tablename__ = "site_value"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str]
