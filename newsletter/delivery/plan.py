"""The plan: who gets an edition, frozen in chunks that each stand or fall as a whole.

No row passes through Python. A chunk is one transaction with its deliveries, its batches and the move of the edition's
cursor, under the condition that the cursor still stands where the chunk began: a freeze that was killed goes on, and
two processes that freeze at once do it once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    ScalarSelect,
    Select,
    SmallInteger,
    case,
    cast,
    false,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    text,
    update,
)

from newsletter import failpoints
from newsletter.audience.models import Subscriber
from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.delivery.models import BatchState, Status, batch, delivery
from newsletter.editions.models import Edition, Variant
from newsletter.errors import NotFound, WrongState

_log = logging.getLogger(__name__)

_MANY = 10_000
"""Recipients from which on it matters how a statement is planned."""


@dataclass(frozen=True, slots=True)
class VariantRule:
    """Who gets a variant, as a condition on `Subscriber`, and when its messages are due."""

    variant_id: int
    clause: ColumnElement[bool]
    due_at: datetime


def freeze(
    database: Database,
    edition_id: int,
    rules: Sequence[VariantRule],
    suppressed: ColumnElement[bool],
    clock: Clock,
    *,
    chunk: int = 100_000,
    batch_size: int = 1_000,
) -> int:
    """Writes a pending delivery for every subscriber that a rule fits, and the batches of them; returns their number.

    A subscriber whom several rules fit gets the variant of the first. Whom ``suppressed`` fits gets none. ``chunk`` is
    in subscriber ids and is what one transaction holds; ``batch_size`` is in readers. Goes on where an earlier call
    stopped; does nothing when the freeze is done. Raises `NotFound` for an edition or a variant that is not there, and
    `WrongState` when the edition has been aborted.
    """
    numbers = _numbers(database, edition_id, rules)
    began = clock.monotonic()
    # Every turn moves the cursor, or finds that another process has moved it: the ids are its bound.
    while not _freeze_chunk(database, edition_id, rules, numbers, suppressed, chunk, batch_size):
        if failpoints.armed:
            failpoints.reach("plan.after_chunk")
    with database.read_connection() as connection:
        recipients = connection.execute(select(Edition.recipients).where(Edition.id == edition_id)).scalar_one()
    if recipients >= _MANY and not database.is_sqlite:
        # PostgreSQL plans by what it last counted, which was before all of these came: it would look through every
        # delivery of the edition for each commit.
        with database.write_connection() as connection:
            connection.execute(text("ANALYZE delivery, batch"))
    _log.info(
        "recipients frozen",
        extra={
            "action": "freeze",
            "edition": edition_id,
            "recipients": recipients,
            "seconds": round(clock.monotonic() - began, 3),
        },
    )
    return recipients


def _numbers(database: Database, edition_id: int, rules: Sequence[VariantRule]) -> dict[int, int]:
    with database.read_connection() as connection:
        rows = connection.execute(select(Variant.id, Variant.no).where(Variant.edition_id == edition_id)).all()
    numbers = {row.id: row.no for row in rows}
    if len(set(numbers.values())) < len(numbers):
        raise ValueError(f"two variants of edition {edition_id} have one number")
    for rule in rules:
        if rule.variant_id not in numbers:
            raise NotFound(f"edition {edition_id} has no variant {rule.variant_id}")
    return numbers


def _freeze_chunk(
    database: Database,
    edition_id: int,
    rules: Sequence[VariantRule],
    numbers: dict[int, int],
    suppressed: ColumnElement[bool],
    chunk: int,
    batch_size: int,
) -> bool:
    """Freezes the next chunk; returns whether the whole is done."""
    with database.write_connection() as connection:
        edition = connection.execute(
            select(Edition.snapshot_cursor, Edition.snapshot_done, Edition.state).where(Edition.id == edition_id)
        ).one_or_none()
        if edition is None:
            raise NotFound(f"there is no edition {edition_id}")
        if edition.snapshot_done:
            return True
        if edition.state == "aborted":
            raise WrongState(f"edition {edition_id} has been aborted while its recipients were being frozen")
        left = edition.snapshot_cursor
        first = connection.execute(select(func.min(Subscriber.id)).where(Subscriber.id > left)).scalar_one()
        if first is None or not rules:
            return bool(_move(connection, edition_id, left, done=True))
        cursor = first + chunk - 1
        if not _move(connection, edition_id, left, cursor=cursor):
            return False
        number = case(*((rule.clause, numbers[rule.variant_id]) for rule in rules), else_=null())
        chosen = select(
            Subscriber.id,
            literal(0),
            cast(literal(edition_id), Integer),
            cast(number, SmallInteger),
            *(cast(literal(value), SmallInteger) for value in (Status.PENDING.value, 0, 0, 0)),
        ).where(
            Subscriber.id > left,
            Subscriber.id <= cursor,
            or_(*(rule.clause for rule in rules)),
            not_(suppressed),
        )
        columns = ["subscriber_id", "at", "edition_id", "variant", "status", "code", "attempts", "backend"]
        frozen = connection.execute(
            insert(delivery).from_select(columns, chosen), execution_options={"preserve_rowcount": True}
        ).rowcount
        for rule in rules:
            _batch(connection, edition_id, rule, numbers[rule.variant_id], left, cursor, batch_size)
        connection.execute(
            update(Edition).where(Edition.id == edition_id).values(recipients=Edition.recipients + frozen)
        )
        if failpoints.armed:
            failpoints.reach("plan.in_chunk")
    return False


def _move(connection: Connection, edition_id: int, left: int, *, cursor: int | None = None, done: bool = False) -> int:
    """Moves the cursor if it still stands at ``left``; returns 1 when it did, 0 when another process was quicker."""
    return connection.execute(
        update(Edition)
        .where(
            Edition.id == edition_id,
            Edition.snapshot_cursor == left,
            Edition.snapshot_done == false(),
            Edition.state != "aborted",
        )
        .values(snapshot_cursor=left if cursor is None else cursor, snapshot_done=done)
    ).rowcount


def _batch(
    connection: Connection, edition_id: int, rule: VariantRule, number: int, left: int, cursor: int, size: int
) -> None:
    # Hopping along the key from one batch's end to the next is five times as quick as numbering the rows.
    def mine(after: ColumnElement[int]) -> Select[tuple[int]]:
        return select(delivery.c.subscriber_id).where(
            delivery.c.edition_id == edition_id,
            delivery.c.subscriber_id > after,
            delivery.c.subscriber_id <= cursor,
            delivery.c.variant == number,
        )

    def end(after: ColumnElement[int]) -> ScalarSelect[int]:
        return mine(after).order_by(delivery.c.subscriber_id).limit(1).offset(size - 1).scalar_subquery()

    start = cast(literal(left), BigInteger)
    hops = select(start.label("after"), end(start).label("hi")).cte("hops", recursive=True)
    hops = hops.union_all(select(hops.c.hi, end(hops.c.hi)).where(hops.c.hi.is_not(None)))
    rest = mine(hops.c.after).with_only_columns(func.count()).scalar_subquery()
    ranges = select(
        (hops.c.after + 1).label("lo"),
        func.coalesce(hops.c.hi, cursor).label("hi"),
        case((hops.c.hi.is_(None), rest), else_=size).label("n"),
    ).subquery()
    connection.execute(
        insert(batch).from_select(
            ["edition_id", "variant_id", "lo", "hi", "n", "due_at", "state", "owner", "epoch"],
            select(
                literal(edition_id),
                literal(rule.variant_id),
                ranges.c.lo,
                ranges.c.hi,
                ranges.c.n,
                literal(rule.due_at, batch.c.due_at.type),
                literal(BatchState.OPEN.value),
                literal(""),
                literal(0),
            ).where(ranges.c.n > 0),
        )
    )


__all__ = ["VariantRule", "freeze"]
