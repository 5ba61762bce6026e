"""Addresses that get nothing, by salted hash: everywhere, or in one briefing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, exists, false, or_, select
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


@dataclass(frozen=True, slots=True)
class Unwanted:
    """An address that is to get nothing of a briefing, of any where that is empty."""

    address_hash: bytes
    email_norm: str
    briefing: str
    note: str = ""


def suppress(
    session: Session, email: str, reason: Reason | str, clock: Clock, briefing: str = "", note: str = ""
) -> bool:
    """Takes an address out of one briefing, or of all when ``briefing`` is empty. Returns whether anything changed, as
    `suppress_all` says. Raises `AddressRefused`."""
    norm = normalise(email).email_norm
    row = Unwanted(address_hash(make_secret(session, ADDRESS_SALT), norm), norm, briefing, note)
    return bool(suppress_all(session, [row], Reason(reason), clock))


def suppress_all(session: Session, rows: Sequence[Unwanted], reason: Reason, clock: Clock) -> set[tuple[bytes, str]]:
    """Takes addresses out in one statement, and returns the hash and briefing of each that changed; at most a few
    thousand, and none of them twice.

    The same again changes nothing, nor does a weaker reason than the one that stands. An erased person's address is
    not kept beside the hash.
    """
    if not rows:
        return set()
    at = clock.now()
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Suppression)
    new = statement.excluded
    weaker = (Suppression.reason == one.value for one in _STRENGTH[: _STRENGTH.index(reason)])
    done = session.execute(
        statement.on_conflict_do_update(
            index_elements=["address_hash", "briefing"],
            set_={"email_norm": new.email_norm, "reason": new.reason, "note": new.note, "at": new.at},
            # Not IN, whose list cannot stand in a statement for many rows.
            where=or_(false(), *weaker),
        ).returning(Suppression.address_hash, Suppression.briefing),
        [
            {
                "address_hash": row.address_hash,
                "briefing": row.briefing,
                "email_norm": None if reason is Reason.ERASED else row.email_norm,
                "reason": reason.value,
                "note": row.note,
                "at": at,
            }
            for row in rows
        ],
    )
    return {(row.address_hash, row.briefing) for row in done}


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
