"""Ends: what a dead worker had on the wire, readers of an aborted edition, readers whose time is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from newsletter import failpoints
from newsletter.backends.base import Result
from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.delivery.models import OPEN, BatchState, Status, attempt, batch, delivery, lane, to_ms
from newsletter.editions.models import Edition, Variant
from newsletter.errors import WrongState

GONE = "the worker was gone while this message was on the wire"


def withdraw(database: Database, edition_id: int, clock: Clock) -> int:
    """Withdraws an aborted edition from every reader whose turn has not come; returns how many that were.

    What is on the wire at this moment stays with its worker, whose pump calls this again when the wire is clear. May be
    called at any time, as often as wanted. Raises `WrongState` unless the edition is aborted.
    """
    with database.write_connection() as connection:
        state = connection.execute(select(Edition.state).where(Edition.id == edition_id)).scalar_one_or_none()
        if state != "aborted":
            raise WrongState(f"edition {edition_id} is {state or 'gone'}: only an aborted edition is withdrawn")
        closed = _close(connection, edition_id, Status.WITHDRAWN, clock.now())
    if failpoints.armed:
        failpoints.reach("closing.after_close")
    return closed


def expire(database: Database, edition_id: int, clock: Clock) -> int:
    """Gives up every reader of an edition that is still to go; returns how many that were. Same rules as `withdraw`,
    for an edition whose deadline has passed."""
    with database.write_connection() as connection:
        closed = _close(connection, edition_id, Status.EXPIRED, clock.now())
    if failpoints.armed:
        failpoints.reach("closing.after_close")
    return closed


def on_the_wire(database: Database, edition_id: int) -> int:
    """How many messages of an edition are on the wire.

    Waits for commits that are under way, so that after a change of the edition's state this is everything that can
    still go out.
    """
    with database.write_connection() as connection:
        held = [row.id for row in leased(connection, edition_id)]
        return connection.execute(select(func.count()).where(lane.c.batch_id.in_(held))).scalar_one()


def leased(connection: Connection, edition_id: int) -> Sequence[Row[int, datetime]]:
    """The batches that a worker holds. The lock waits for commits that are under way; after it every intent that was
    let through can be seen."""
    return connection.execute(
        select(batch.c.id, batch.c.lease_until)
        .where(batch.c.edition_id == edition_id, batch.c.state == BatchState.LEASED)
        .order_by(batch.c.id)
        .with_for_update()
    ).all()


def _close(connection: Connection, edition_id: int, status: Status, now: datetime) -> int:
    for row in leased(connection, edition_id):
        if row.lease_until < now:
            connection.execute(
                update(batch).where(batch.c.id == row.id).values(state=BatchState.DONE, owner="", lease_until=None)
            )
            doubt_lanes(connection, row.id, now, hold=True)
    on_the_wire = (
        select(lane.c.subscriber_id)
        .join(batch, batch.c.id == lane.c.batch_id)
        .where(batch.c.edition_id == edition_id, batch.c.state == BatchState.LEASED)
    )
    closed = connection.execute(
        update(delivery)
        .where(
            delivery.c.edition_id == edition_id,
            delivery.c.status.in_(OPEN),
            delivery.c.subscriber_id.not_in(on_the_wire),
        )
        .values(status=status, at=to_ms(now))
    ).rowcount
    connection.execute(
        update(batch)
        .where(batch.c.edition_id == edition_id, batch.c.state == BatchState.OPEN)
        .values(state=BatchState.DONE)
    )
    if failpoints.armed:
        failpoints.reach("closing.in_close")
    return closed


def doubt_lanes(connection: Connection, batch_id: int, now: datetime, *, hold: bool) -> None:
    """Settles what a dead worker of a batch left on its lanes, in the caller's transaction.

    With ``hold`` those readers are in doubt; without they are still to go. Either way the attempt is kept.
    """
    lanes = connection.execute(
        delete(lane).where(lane.c.batch_id == batch_id).returning(lane.c.subscriber_id, lane.c.backend)
    ).all()
    if not lanes:
        return
    owner = connection.execute(
        select(batch.c.edition_id, Variant.backends).join(Variant).where(batch.c.id == batch_id)
    ).one()
    for subscriber, place in lanes:
        row = connection.execute(
            update(delivery)
            .where(
                delivery.c.edition_id == owner.edition_id,
                delivery.c.subscriber_id == subscriber,
                delivery.c.status.in_(OPEN),
            )
            .values(
                attempts=delivery.c.attempts + 1,
                backend=place,
                **({"status": Status.IN_DOUBT, "code": 0, "at": to_ms(now)} if hold else {}),
            )
            .returning(delivery.c.attempts)
        ).one_or_none()
        if row is None:
            continue
        connection.execute(
            insert(attempt).values(
                edition_id=owner.edition_id,
                subscriber_id=subscriber,
                n=row.attempts,
                at=now,
                result=Result.IN_DOUBT,
                code=0,
                enhanced_code="",
                reply=GONE,
                backend=owner.backends[place],
            )
        )
    if failpoints.armed:
        failpoints.reach("closing.in_doubt")
