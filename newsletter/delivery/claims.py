"""Batches taken, read and let go of: the statements, written once. Building them anew would cost more than running
them does, and while they run no lane gets an answer."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, func, or_, select, update

from newsletter import failpoints
from newsletter.audience.models import Subscriber
from newsletter.delivery.models import OPEN, BatchState, Status, batch, delivery, from_ms, lane
from newsletter.editions.models import Edition, Variant

_STATE = select(Edition.state).where(Edition.id == bindparam("b_edition"))
_NUMBER = select(Variant.no).where(Variant.id == bindparam("b_variant"))

_DEAD = and_(batch.c.state == BatchState.LEASED, batch.c.lease_until < bindparam("b_now"))
_FREE = and_(batch.c.state == BatchState.OPEN, batch.c.due_at <= bindparam("b_now"))
_TAKE_DEAD, _TAKE_FREE = (
    update(batch)
    .where(
        batch.c.id
        == select(batch.c.id)
        .where(
            batch.c.edition_id == bindparam("b_edition"),
            batch.c.variant_id.in_(bindparam("b_variants", expanding=True)),
            ready,
        )
        .order_by(batch.c.due_at, batch.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # PostgreSQL alone: SQLite has one writer
        .scalar_subquery()
    )
    .values(
        state=BatchState.LEASED, owner=bindparam("b_worker"), epoch=batch.c.epoch + 1, lease_until=bindparam("b_until")
    )
    .returning(batch.c.id, batch.c.variant_id, batch.c.lo, batch.c.hi, batch.c.epoch)
    for ready in (_DEAD, _FREE)
)

_LET_GO = (
    update(batch)
    .where(
        batch.c.id == bindparam("b_id"),
        batch.c.owner == bindparam("b_worker"),
        batch.c.epoch == bindparam("b_epoch"),
        batch.c.state == BatchState.LEASED,
        # Past its lease a worker no longer knows whether its outcomes were written.
        batch.c.lease_until >= bindparam("b_now"),
    )
    .values(owner="", lease_until=None)
)
_CLEAR = delete(lane).where(lane.c.batch_id == bindparam("b_id"))
_OF_CLAIM = (
    delivery.c.edition_id == bindparam("b_edition"),
    delivery.c.subscriber_id >= bindparam("b_lo"),
    delivery.c.subscriber_id <= bindparam("b_hi"),
    delivery.c.variant == bindparam("b_variant"),
)
_LEFT = select(
    func.count().filter(delivery.c.status == Status.PENDING),
    func.count().filter(delivery.c.status == Status.DEFERRED),
    func.min(delivery.c.at).filter(delivery.c.status == Status.DEFERRED),
).where(*_OF_CLAIM, delivery.c.status.in_(OPEN))
_CLOSE = (
    update(batch).where(batch.c.id == bindparam("b_id")).values(state=bindparam("b_state"), due_at=bindparam("b_due"))
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that this worker holds under an epoch: the readers of one variant between two subscriber ids."""

    batch_id: int
    edition_id: int
    variant_id: int
    variant: int
    """The variant's number."""
    lo: int
    hi: int
    epoch: int


def state_of(connection: Connection, edition_id: int) -> str:
    """The edition's state, empty when it is gone."""
    return connection.execute(_STATE, {"b_edition": edition_id}).scalar_one_or_none() or ""


def take(
    connection: Connection, edition_id: int, variants: Collection[int], worker: str, now: datetime, until: datetime
) -> Claim | None:
    """Leases a batch of these variants until an instant: one whose worker is gone, else the one that has been due for
    longest; None where there is none."""
    values = {
        "b_edition": edition_id, "b_variants": list(variants), "b_worker": worker, "b_now": now, "b_until": until,
    }  # fmt: skip
    for statement in (_TAKE_DEAD, _TAKE_FREE):
        row = connection.execute(statement, values).one_or_none()
        if row is not None:
            number = connection.execute(_NUMBER, {"b_variant": row.variant_id}).scalar_one()
            return Claim(row.id, edition_id, row.variant_id, number, row.lo, row.hi, row.epoch)
    return None


def let_go(connection: Connection, claim: Claim, worker: str, now: datetime, not_before: datetime) -> None:
    """Closes a batch that ``worker`` holds, or opens it again for when the next of its readers is due, and not before
    ``not_before``. Does nothing when the batch has been lost."""
    values = {"b_id": claim.batch_id, "b_worker": worker, "b_epoch": claim.epoch, "b_now": now}
    # The lock comes first: what is counted below can then not change.
    if not connection.execute(_LET_GO, values).rowcount:
        return
    connection.execute(_CLEAR, {"b_id": claim.batch_id})
    pending, deferred, earliest = connection.execute(_LEFT, _range(claim)).one()
    due = now if pending or not deferred else from_ms(earliest)
    state = BatchState.OPEN if pending or deferred else BatchState.DONE
    connection.execute(_CLOSE, {"b_id": claim.batch_id, "b_state": state, "b_due": max(due, not_before)})
    if failpoints.armed:
        failpoints.reach("ledger.in_finish")


class ReaderQuery:
    """Reads the readers of a claim whose turn it is, in the order of their ids."""

    def __init__(self, suppressed: ColumnElement[bool], *, sqlite: bool) -> None:
        """``suppressed`` is a condition on `Subscriber`."""
        readers = (
            select(
                delivery.c.subscriber_id,
                Subscriber.email,
                Subscriber.first_name,
                delivery.c.attempts,
                or_(Subscriber.id.is_(None), suppressed).label("gone"),
            )
            .select_from(delivery.outerjoin(Subscriber, Subscriber.id == delivery.c.subscriber_id))
            .where(
                *_OF_CLAIM,
                or_(
                    delivery.c.status == Status.PENDING,
                    and_(delivery.c.status == Status.DEFERRED, delivery.c.at <= bindparam("b_now")),
                ),
            )
            .order_by(delivery.c.subscriber_id)
        )
        self._statement: Select[Any] = readers
        self._in_one = sqlite
        if sqlite:
            # All rows in one: between two rows Python's lock is let go of, and a loop that sends meanwhile gives it
            # back only when it waits for something.
            self._statement = select(func.json_group_array(func.json_array(*readers.subquery().c)))

    def rows(self, connection: Connection, claim: Claim, now: int) -> Sequence[Sequence[Any]]:
        """Id, address, first name, attempts, and whether the reader is suppressed or erased. ``now`` is in
        milliseconds since 1970."""
        result = connection.execute(self._statement, {**_range(claim), "b_now": now})
        if self._in_one:
            rows: list[list[Any]] = json.loads(result.scalar_one())
            return rows
        # The driver's rows as they are.
        return [] if result.cursor is None else result.cursor.fetchall()


def _range(claim: Claim) -> dict[str, int]:
    return {"b_edition": claim.edition_id, "b_lo": claim.lo, "b_hi": claim.hi, "b_variant": claim.variant}
