"""Readers who want their mail at another address: kept from being asked for until it is confirmed at that address."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.audience.addresses import Address, address_hash, normalise
from newsletter.audience.consent import Decision, Said, log_all
from newsletter.audience.models import AddressChange, Subscriber, Suppression
from newsletter.audience.sitevalues import ADDRESS_SALT, make_secret
from newsletter.audience.suppression import Reason, Stop, suppress_all
from newsletter.clock import Clock
from newsletter.errors import NotFound

WITHIN = timedelta(days=1)
"""How long a new address can be confirmed."""
_TAKEN_ALONG = (Reason.MANUAL, Reason.UNSUBSCRIBED, Reason.COMPLAINT)
"""What is of the person, and not of their mailbox as a bounce is: a new address is no way around it."""


class Fate(Enum):
    """What became of a wish when it was confirmed."""

    MOVED = "moved"
    TAKEN = "taken"
    """The address is another reader's: nothing was changed."""


class Moved(NamedTuple):
    """``before`` is the address that they had, where it is another one and this was the moment of the move."""

    fate: Fate
    before: str
    language: str


def ask(session: Session, reader: Subscriber, address: Address, clock: Clock) -> int | None:
    """Keeps that a reader wants an address, in place of what they wanted before; returns its number. None where that
    address must not be written to: it bounced, its reader complained or was erased, an operator stopped it.

    Whether it is another reader's is not looked at: who asks must not find out.
    """
    hashed = address_hash(make_secret(session, ADDRESS_SALT), address.email_norm)
    session.execute(delete(AddressChange).where(AddressChange.subscriber_id == reader.id))
    row = AddressChange(
        subscriber_id=reader.id, email=address.email, old_hash=reader.address_hash, new_hash=hashed, at=clock.now()
    )
    session.add(row)
    session.flush()
    return None if _is_stopped(session, hashed) else row.id


def _is_stopped(session: Session, hashed: bytes) -> bool:
    rows = select(Suppression.briefing).where(
        Suppression.address_hash == hashed,
        Suppression.briefing == "",
        Suppression.reason != Reason.UNSUBSCRIBED.value,
    )
    return session.scalar(rows) is not None


def find(session: Session, number: int, now: datetime, *, to_confirm: bool = False) -> tuple[AddressChange, Subscriber]:
    """A wish that can be confirmed still, or was, and whose it is. ``to_confirm`` keeps others from both until the
    transaction ends. Raises `NotFound` once its time is over, and where the reader has moved elsewhere since."""
    row = session.get(AddressChange, number, with_for_update=to_confirm)
    reader = None if row is None else session.get(Subscriber, row.subscriber_id, with_for_update=to_confirm)
    if row is None or reader is None or row.at <= now - WITHIN:
        raise NotFound("there is no such wish")
    if reader.address_hash != (row.old_hash if row.email else row.new_hash):
        raise NotFound("there is no such wish any more")
    return row, reader


def confirm(session: Session, number: int, said: Said, clock: Clock) -> Moved:
    """Gives a reader the address that they wanted. Links of old mails are theirs still, since they name their number.

    What suppressed the person goes along, and what suppresses the new address stays. Confirmed again, it changes
    nothing. Raises `NotFound` as `find` does, and where that address must not be written to any more.
    """
    row, reader = find(session, number, clock.now(), to_confirm=True)
    if not row.email:
        return Moved(Fate.MOVED, "", reader.language)
    if _is_stopped(session, row.new_hash):
        raise NotFound("that address gets no mail")
    before, norm = reader.email, normalise(row.email).email_norm
    try:
        with session.begin_nested():
            session.execute(
                update(Subscriber)
                .where(Subscriber.id == reader.id)
                .values(email=row.email, email_norm=norm, address_hash=row.new_hash, updated_at=clock.now())
            )
    except IntegrityError:
        return Moved(Fate.TAKEN, "", reader.language)
    if row.new_hash != row.old_hash:
        _take_along(session, row, norm, clock)
        hashes = (row.old_hash, row.new_hash)
        log_all(session, [(reader.id, one, "") for one in hashes], Decision.MOVED, said, clock)
    else:
        before = ""
    row.email = ""
    return Moved(Fate.MOVED, before, reader.language)


def _take_along(session: Session, row: AddressChange, norm: str, clock: Clock) -> None:
    theirs = session.scalars(select(Suppression).where(Suppression.address_hash == row.old_hash)).all()
    along = [
        Stop(row.new_hash, one.briefing, norm, reason, one.note, clock.now())
        for reason in _TAKEN_ALONG
        for one in theirs
        if one.reason == reason.value
    ]
    suppress_all(session.connection(), along)


def clear(session: Session, now: datetime) -> None:
    """Deletes the wishes whose time is over."""
    session.execute(delete(AddressChange).where(AddressChange.at <= now - WITHIN))
