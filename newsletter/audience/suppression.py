"""Addresses that get nothing, by salted hash: everywhere, or in one briefing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience.addresses import address_hash, normalise
from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.sitevalues import ADDRESS_SALT, find_secret, make_secret
from newsletter.clock import Clock
from newsletter.errors import Refused


class Reason(StrEnum):
    """Why, from the weakest to the strongest: a stronger one takes the place of a weaker one, never the other way."""

    MANUAL = "manual"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    ERASED = "erased"


_STRENGTH = list(Reason)


def suppress(
    session: Session, email: str, reason: Reason | str, clock: Clock, briefing: str = "", note: str = ""
) -> bool:
    """Takes an address out of one briefing, or of all when ``briefing`` is empty. Returns whether anything changed.

    The same again changes nothing, nor does a weaker reason than the one that stands. An erased person's address is
    not kept beside the hash. Raises `AddressRefused`.
    """
    reason = Reason(reason)
    norm = normalise(email).email_norm
    kept = None if reason is Reason.ERASED else norm
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Suppression).values(
        address_hash=address_hash(make_secret(session, ADDRESS_SALT), norm),
        briefing=briefing,
        email_norm=kept,
        reason=reason.value,
        note=note,
        at=clock.now(),
    )
    new = statement.excluded
    done = session.execute(
        statement.on_conflict_do_update(
            index_elements=["address_hash", "briefing"],
            set_={"email_norm": new.email_norm, "reason": new.reason, "note": new.note, "at": new.at},
            where=Suppression.reason.in_([weaker.value for weaker in _STRENGTH[: _STRENGTH.index(reason)]]),
        ).returning(Suppression.reason)
    )
    return done.first() is not None


def lift(session: Session, email: str, briefing: str = "") -> bool:
    """Undoes a suppression that was made by hand; False where there was none.

    Raises `Refused` where the reader, their provider or the law wanted it: that is not ours to undo.
    """
    for row in suppressions_of(session, email):
        if row.briefing == briefing:
            if row.reason != Reason.MANUAL:
                raise Refused(f"the address is suppressed as {row.reason}: only a manual suppression can be lifted")
            session.execute(
                delete(Suppression).where(
                    Suppression.address_hash == row.address_hash,
                    Suppression.briefing == briefing,
                    Suppression.reason == Reason.MANUAL.value,
                )
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


def is_suppressed(session: Session, email: str, briefing: str) -> bool:
    """Whether an address gets nothing of a briefing. Raises `AddressRefused`."""
    return any(row.briefing in ("", briefing) for row in suppressions_of(session, email))


def suppressed_clause(briefing: str, now: datetime) -> ColumnElement[bool]:
    """True in SQL for the `Subscriber` rows that get nothing of a briefing: suppressed, or on a break that lasts beyond
    ``now`` (UTC). Never null."""
    paused = and_(Subscriber.paused_until.is_not(None), Subscriber.paused_until > now)
    suppressed = exists().where(
        Suppression.address_hash == Subscriber.address_hash,
        or_(Suppression.briefing == "", Suppression.briefing == briefing),
    )
    return or_(paused, suppressed)
