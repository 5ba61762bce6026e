"""The ledger's tables. Core tables, not mapped classes: what runs once a reader stays narrow and plain."""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)

from newsletter.database.types import BigId, Instant, metadata
from newsletter.editions.models import Edition, Variant


class Status(IntEnum):
    """What a delivery is. The numbers are stored."""

    PENDING = 0
    ACCEPTED = 1
    DEFERRED = 2
    REJECTED = 3
    SUPPRESSED = 4
    """Suppressed after the recipients were frozen."""
    EXPIRED = 5
    WITHDRAWN = 6
    """The edition was aborted before this reader's turn."""
    IN_DOUBT = 9


class BatchState(IntEnum):
    """What a batch is. The numbers are stored."""

    OPEN = 0
    LEASED = 1
    DONE = 2


batch = Table(
    "batch",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("edition_id", BigInteger, ForeignKey(Edition.id, ondelete="CASCADE"), nullable=False),
    Column("variant_id", BigInteger, ForeignKey(Variant.id, ondelete="CASCADE"), nullable=False),
    Column("lo", BigInteger, nullable=False, comment="first subscriber id"),
    Column("hi", BigInteger, nullable=False, comment="last subscriber id"),
    Column("n", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("state", SmallInteger, nullable=False, default=0),
    Column("owner", String(64), nullable=False, default=""),
    Column("epoch", Integer, nullable=False, default=0),
    Column("lease_until", Instant),
    CheckConstraint("state IN (0, 1, 2)", name="state"),
    Index("ix_batch_open", "edition_id", "state", "due_at"),
)
"""A range of subscriber ids of one variant. The batches are the queue."""

delivery = Table(
    "delivery",
    metadata,
    Column("edition_id", BigInteger, nullable=False),
    Column("subscriber_id", BigInteger, nullable=False),
    Column("batch_id", BigInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("code", SmallInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("at", BigInteger, nullable=False, comment="milliseconds since 1970, 0 before the first attempt"),
    PrimaryKeyConstraint("edition_id", "subscriber_id"),
    sqlite_with_rowid=False,
)
"""One edition to one subscriber: written once when the recipients are frozen, updated once an outcome."""

attempt = Table(
    "attempt",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("edition_id", BigInteger, nullable=False),
    Column("subscriber_id", BigInteger, nullable=False),
    Column("n", SmallInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("result", String(16), nullable=False),
    Column("code", SmallInteger, nullable=False),
    Column("enhanced_code", String(16), nullable=False),
    Column("reply", Text, nullable=False),
    Column("backend", String(64), nullable=False),
    Column("next_at", Instant, comment="when a deferred message is tried again"),
    Index("ix_attempt_edition_subscriber", "edition_id", "subscriber_id"),
)
"""What was not a plain success, with the server's own words."""

lane = Table(
    "lane",
    metadata,
    Column("worker", String(64), nullable=False),
    Column("lane", Integer, nullable=False),
    Column("edition_id", BigInteger, nullable=False),
    Column("batch_id", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("subscriber_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("worker", "lane", "batch_id"),
)
"""One row an open connection: the message on the wire, written before its point of no return."""
