"""People who want mail at an address, from being asked for it until its reader has confirmed it (double opt-in).

Nothing here asks whether the address is known: who signs somebody up must not find out, nor by how long it takes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience import leaving
from newsletter.audience.addresses import address_hash, normalise
from newsletter.audience.consent import Decision, Said, log, record
from newsletter.audience.models import SignUp, Subscriber, Suppression
from newsletter.audience.sitevalues import ADDRESS_SALT, make_secret
from newsletter.audience.suppression import Reason
from newsletter.clock import Clock


def wish(
    session: Session, email: str, briefings: Sequence[str], language: str, source: str, clock: Clock, until: datetime
) -> int:
    """Keeps that somebody wants briefings at an address, beside what they wanted before and have not confirmed, up to
    an instant (UTC); returns its number. Raises `AddressRefused`."""
    address, now = normalise(email), clock.now()
    hashed = address_hash(make_secret(session, ADDRESS_SALT), address.email_norm)
    known = session.scalars(select(SignUp).where(SignUp.address_hash == hashed).with_for_update()).one_or_none()
    before = known.briefings if known and known.confirmed_at is None and known.expires_at > now else []
    values = {
        "email": address.email,
        "briefings": [*before, *(key for key in briefings if key not in before)],
        "language": language,
        "source": source,
        "asked_at": now,
        "expires_at": until,
        "confirmed_at": None,
    }
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return session.execute(
        insert(SignUp)
        .values(address_hash=hashed, **values)
        .on_conflict_do_update(index_elements=["address_hash"], set_=values)
        .returning(SignUp.id)
    ).scalar_one()


def find(session: Session, number: int, now: datetime, *, to_confirm: bool = False) -> SignUp | None:
    """A sign-up that can be confirmed still, or was; None once its time is over. ``to_confirm`` keeps others from it
    until the transaction ends."""
    query = select(SignUp).where(SignUp.id == number, SignUp.expires_at > now)
    return session.scalars(query.with_for_update() if to_confirm else query).one_or_none()


def reader_at(session: Session, hashed: bytes) -> Subscriber | None:
    """The reader who has an address, by its hash."""
    return session.scalars(select(Subscriber).where(Subscriber.address_hash == hashed)).one_or_none()


def stopped(session: Session, hashed: bytes) -> set[str]:
    """The briefings that an address does not get for a reason that no sign-up undoes: bounce, complaint, an operator
    (the empty one stands for all). Not one's own leaving, nor one's own erasure."""
    own = (Reason.UNSUBSCRIBED.value, Reason.ERASED.value)
    rows = select(Suppression.briefing).where(Suppression.address_hash == hashed, Suppression.reason.not_in(own))
    return set(session.scalars(rows))


def confirm(
    session: Session,
    row: SignUp,
    wanted: Collection[str],
    said: Said,
    clock: Clock,
    *,
    briefings: Collection[str],
    tags: Mapping[str, Sequence[str]],
) -> Subscriber:
    """Makes a sign-up true: its address gets ``wanted`` of it, by the words ``said``, and it is done with.

    Somebody new becomes a reader, and gets nothing else of ``briefings`` (all that the site has). A reader keeps what
    they get, and comes back to what they had left. Who was erased and comes back is a new reader.
    """
    reader = reader_at(session, row.address_hash)
    if reader is None:
        reader = _new(session, row, said, clock)
        _leave_out(session, reader, [key for key in briefings if key not in wanted], clock)
    for key in wanted:
        if not leaving.come_back(session, reader, key, said, clock, briefings):
            log(session, reader, Decision.JOINED, key, said, clock)
    added = [tag for key in wanted for tag in tags.get(key, ())]
    reader.tags = [*reader.tags, *(tag for tag in dict.fromkeys(added) if tag not in reader.tags)]
    reader.updated_at = row.confirmed_at = clock.now()
    row.email = ""
    session.flush()
    return reader


def _new(session: Session, row: SignUp, said: Said, clock: Clock) -> Subscriber:
    address, now = normalise(row.email), clock.now()
    erased = Suppression.address_hash == row.address_hash, Suppression.reason == Reason.ERASED.value
    session.execute(delete(Suppression).where(*erased))
    reader = Subscriber(
        email=address.email,
        email_norm=address.email_norm,
        address_hash=row.address_hash,
        language=row.language,
        tags=[],
        attributes={},
        consent_id=record(session, said.wording, said.source, clock).id,
        created_at=now,
        updated_at=now,
    )
    session.add(reader)
    session.flush()
    return reader


def _leave_out(session: Session, reader: Subscriber, briefings: Collection[str], clock: Clock) -> None:
    """What somebody who joins did not choose they have not left: it is in no log."""
    leaving.take_out(session, [(reader.id, key) for key in briefings], clock)


def clear(session: Session, now: datetime) -> int:
    """Deletes the sign-ups whose time is over; returns how many."""
    return len(session.execute(delete(SignUp).where(SignUp.expires_at <= now).returning(SignUp.id)).all())
