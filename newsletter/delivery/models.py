"""The ledger's tables. Core tables, not mapped classes: what runs once a reader stays narrow and plain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970, as the hot tables hold an instant."""
    return (instant - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """The aware UTC instant of milliseconds since 1970."""
    return _EPOCH + ms * _MS


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


OPEN = (Status.PENDING, Status.DEFERRED)
"""A delivery that is still to be made."""

PUT_BACK = "put_back"
"""What stands as the result of an attempt that was none: a person put the reader back to be sent."""

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
    Column("state", SmallInteger, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("lease_until", Instant),
    CheckConstraint("state IN (0, 1, 2)", name="state"),
    # In the order in which batches are claimed, so that a claim reads one entry.
    Index("ix_batch_open", "edition_id", "state", "due_at", "id"),
)
"""A range of subscriber ids of one variant: the deliveries of that variant between ``lo`` and ``hi``. The batches are
the queue. ``epoch`` counts the claims; a worker writes only under the epoch of its own."""

delivery = Table(
    "delivery",
    metadata,
    # In this order, and with these widths, a row of PostgreSQL is 56 bytes without a gap.
    Column("subscriber_id", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False, comment="milliseconds since 1970"),
    Column("edition_id", Integer, nullable=False),
    Column("variant", SmallInteger, nullable=False, comment="variant.no"),
    Column("status", SmallInteger, nullable=False),
    Column("code", SmallInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("backend", SmallInteger, nullable=False, comment="place in variant.backends"),
    PrimaryKeyConstraint("edition_id", "subscriber_id"),
    sqlite_with_rowid=False,
)
"""One edition to one subscriber: written once when the recipients are frozen, updated once an outcome.

It names its variant by number and no batch: a batch is a range of the primary key, so that a row needs no index but
that one, and the number of the first two variants takes no byte on SQLite. ``at`` is when the outcome came, for a
deferred one when it is tried again, 0 for a pending one. ``backend`` is the one that had it last."""

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
    Column("batch_id", BigInteger, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("subscriber_id", BigInteger, nullable=False),
    Column("backend", SmallInteger, nullable=False, comment="place in variant.backends"),
    PrimaryKeyConstraint("batch_id", "lane"),
    sqlite_with_rowid=False,
)
"""The message on the wire of one connection, written before its point of no return and gone with its outcome. The
batch knows its worker; a takeover finds the lanes of the batch by the key."""

pace = Table(
    "pace",
    metadata,
    Column("backend", String(64), nullable=False),
    Column("name", String(255), nullable=False, comment="a provider or a domain; empty for the backend as a whole"),
    Column("rate", Float, nullable=False, comment="messages a second, at present"),
    Column("ceiling", Float, nullable=False, comment="messages a second, towards which it speeds up"),
    Column("tokens", Float, nullable=False),
    Column("at", Instant, nullable=False, comment="when tokens were counted"),
    Column("paused_until", Instant),
    Column("slowed_at", Instant),
    Column("held_until", Instant, comment="no speeding up before"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("backend", "name"),
)
"""How fast a backend, or a provider through it, may be mailed at now: the bucket that all workers draw on. A worker
writes a row only as the ``version`` that it has read."""
