"""Addresses that get nothing, by salted hash: everywhere, or in one briefing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.audience.addresses import address_hash, normalise
from newsletter.audience.models import Bounce, Subscriber, Suppression
from newsletter.audience.sitevalues import ADDRESS_SALT, find_secret, make_secret
from newsletter.clock import Clock
from newsletter.errors import Refused
from newsletter.text import one_line


class Reason(StrEnum):
    """Why, from the weakest to the strongest: a stronger one takes the place of a weaker one, never the other way."""

    MANUAL = "manual"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    ERASED = "erased"


_STRENGTH = list(Reason)
_LIFTABLE = (Reason.MANUAL, Reason.BOUNCE)
_MAX_NOTE = 500


class Stop(NamedTuple):
    """A suppression as it is stored; see `Suppression`."""

    address_hash: bytes
    briefing: str
    email_norm: str | None
    reason: Reason
    note: str
    at: datetime


def suppress(
    session: Session, email: str, reason: Reason | str, clock: Clock, briefing: str = "", note: str = ""
) -> bool:
    """Takes an address out of one briefing, or of all when ``briefing`` is empty. Returns whether anything changed, as
    `suppress_all` says. Raises `AddressRefused`."""
    norm = normalise(email).email_norm
    hashed = address_hash(make_secret(session, ADDRESS_SALT), norm)
    return bool(suppress_all(session.connection(), [Stop(hashed, briefing, norm, Reason(reason), note, clock.now())]))


def suppress_all(connection: Connection, stops: Iterable[Stop]) -> set[tuple[bytes, str]]:
    """Takes addresses out in the caller's transaction, and returns the hash and briefing of each that changed.

    The same again changes nothing, nor does a weaker reason than the one that stands. An erased person's address is
    not kept beside the hash.
    """
    # The strongest of each: one statement must not meet a row twice.
    wanted = {
        (stop.address_hash, stop.briefing): stop for stop in sorted(stops, key=lambda one: _STRENGTH.index(one.reason))
    }
    if not wanted:
        return set()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(Suppression)
    new = statement.excluded
    done = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["address_hash", "briefing"],
            set_={"email_norm": new.email_norm, "reason": new.reason, "note": new.note, "at": new.at},
            where=_strength(new.reason) > _strength(Suppression.reason),
        ).returning(Suppression.address_hash, Suppression.briefing),
        [
            {
                "address_hash": stop.address_hash,
                "briefing": stop.briefing,
                "email_norm": None if stop.reason is Reason.ERASED else stop.email_norm,
                "reason": stop.reason.value,
                "note": one_line(stop.note)[:_MAX_NOTE],
                "at": stop.at,
            }
            for stop in wanted.values()
        ],
    )
    return {(bytes(row.address_hash), row.briefing) for row in done}


def _strength(reason: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[int]:
    return case({one.value: place for place, one in enumerate(_STRENGTH)}, value=reason)


def lift(session: Session, email: str, clock: Clock, briefing: str = "") -> bool:
    """Undoes a suppression that was made by hand, or by a machine because mail bounced; False where there was none.

    What bounced before does not count any more. Raises `Refused` where the reader, their provider or the law wanted it:
    that is not ours to undo.
    """
    for row in suppressions_of(session, email):
        if row.briefing == briefing:
            if row.reason not in _LIFTABLE:
                raise Refused(f"the address is suppressed as {row.reason}: only manual and bounce can be lifted")
            session.execute(
                delete(Suppression).where(
                    Suppression.address_hash == row.address_hash,
                    Suppression.briefing == briefing,
                    Suppression.reason.in_([reason.value for reason in _LIFTABLE]),
                )
            )
            session.execute(
                update(Bounce).where(Bounce.address_hash == row.address_hash).values(score=0, at=clock.now())
            )
            return True
    return False


def suppressions_of(session: Session, email: str) -> list[Suppression]:
    """What suppresses an address: the one for every briefing first, then by briefing. Raises `AddressRefused`."""
    norm = normalise(email).email_norm
    salt = find_secret(session, ADDRESS_SALT)
    if salt is None:  # no salt, no hash, nothing suppressed yet
        return []
    rows = select(Suppression).where(Suppression.address_hash == address_hash(salt, norm))
    return list(session.scalars(rows.order_by(Suppression.briefing)))


def listing(
    session: Session, *, reason: Reason | None = None, briefing: str | None = None, after: int = 0, limit: int = 100
) -> list[Suppression]:
    """Suppressions, the newest first, of one reason or one briefing if given; ``after`` so many."""
    rows = select(Suppression)
    if reason is not None:
        rows = rows.where(Suppression.reason == reason.value)
    if briefing is not None:
        rows = rows.where(Suppression.briefing == briefing)
    order = Suppression.at.desc(), Suppression.address_hash, Suppression.briefing
    return list(session.scalars(rows.order_by(*order).offset(after).limit(limit)))


def suppressed_clause(briefing: str, now: datetime) -> ColumnElement[bool]:
    """True in SQL for the `Subscriber` rows that get nothing of a briefing: suppressed, or on a break that lasts beyond
    ``now`` (UTC). Never null."""
    paused = and_(Subscriber.paused_until.is_not(None), Subscriber.paused_until > now)
    suppressed = exists().where(
        Suppression.address_hash == Subscriber.address_hash,
        or_(Suppression.briefing == "", Suppression.briefing == briefing),
    )
    return or_(paused, suppressed)
