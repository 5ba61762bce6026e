"""Batches taken and let go of: the statements, written once. Building them anew would cost more than running them does,
and while they run no lane gets an answer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, func, select, update

from newsletter import failpoints
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
_LEFT = select(
    func.count().filter(delivery.c.status == Status.PENDING),
    func.count().filter(delivery.c.status == Status.DEFERRED),
    func.min(delivery.c.at).filter(delivery.c.status == Status.DEFERRED),
).where(
    delivery.c.edition_id == bindparam("b_edition"),
    delivery.c.subscriber_id >= bindparam("b_lo"),
    delivery.c.subscriber_id <= bindparam("b_hi"),
    delivery.c.variant == bindparam("b_variant"),
    delivery.c.status.in_(OPEN),
)
_CLOSE = (
    update(batch).where(batch.c.id == bindparam("b_id")).values(state=bindparam("b_state"), due_at=bindparam("b_due"))
)


class Row(NamedTuple):
    """A batch that has been taken."""

    id: int
    variant_id: int
    lo: int
    hi: int
    epoch: int


def state_of(connection: Connection, edition_id: int) -> str:
    """The edition's state, empty when it is gone."""
    return connection.execute(_STATE, {"b_edition": edition_id}).scalar_one_or_none() or ""


def number_of(connection: Connection, variant_id: int) -> int:
    """A variant's number in its edition."""
    number: int = connection.execute(_NUMBER, {"b_variant": variant_id}).scalar_one()
    return number


def take(
    connection: Connection, edition_id: int, variants: Collection[int], worker: str, now: datetime, until: datetime
) -> Row | None:
    """Leases a batch of these variants until an instant: one whose worker is gone, else the one that has been due for
    longest; None where there is none."""
    values = {
        "b_edition": edition_id, "b_variants": list(variants), "b_worker": worker, "b_now": now, "b_until": until,
    }  # fmt: skip
    for statement in (_TAKE_DEAD, _TAKE_FREE):
        row = connection.execute(statement, values).one_or_none()
        if row is not None:
            return Row(*row)
    return None


def let_go(
    connection: Connection, held: Row, edition_id: int, variant: int, worker: str, now: datetime, not_before: datetime
) -> None:
    """Closes a batch that ``worker`` holds, or opens it again for when the next of its readers is due, and not before
    ``not_before``. Does nothing when the batch has been lost. ``variant`` is the variant's number."""
    values = {"b_id": held.id, "b_worker": worker, "b_epoch": held.epoch, "b_now": now}
    # The lock comes first: what is counted below can then not change.
    if not connection.execute(_LET_GO, values).rowcount:
        return
    connection.execute(_CLEAR, {"b_id": held.id})
    readers = {"b_edition": edition_id, "b_lo": held.lo, "b_hi": held.hi, "b_variant": variant}
    pending, deferred, earliest = connection.execute(_LEFT, readers).one()
    due = now if pending or not deferred else from_ms(earliest)
    state = BatchState.OPEN if pending or deferred else BatchState.DONE
    connection.execute(_CLOSE, {"b_id": held.id, "b_state": state, "b_due": max(due, not_before)})
    if failpoints.armed:
        failpoints.reach("ledger.in_finish")
