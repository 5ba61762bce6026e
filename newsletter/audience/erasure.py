"""Erasure (GDPR, Art. 17): a person goes, and what stays knows an address again without telling it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.audience.addresses import address_hash, normalise
from newsletter.audience.consent import Decision, Said, keep_first, log
from newsletter.audience.models import AddressChange, Bounce, ConsentEvent, SignUp, Subscriber, Suppression
from newsletter.audience.sitevalues import ADDRESS_SALT, make_secret
from newsletter.audience.suppression import Reason, Stop, suppress_all
from newsletter.clock import Clock


class Erased(NamedTuple):
    """Who was erased. ``number`` is None where the address was nobody's."""

    number: int | None
    hashes: frozenset[bytes]
    """Of the addresses that were theirs and are nobody's now."""
    wanted: frozenset[bytes]
    """Of the address that they had asked for and not confirmed."""


def erase(session: Session, email: str, said: Said, clock: Clock) -> Erased:
    """Deletes a reader with all that hangs on them.

    What stays is the salted hash of their address, suppressed as erased, and the consent log by that hash, which ends
    with ``said``. The addresses that they had before go the same way, unless they are somebody else's by now. Works
    for an address that is not there, which then never comes in. Raises `AddressRefused`.
    """
    norm = normalise(email).email_norm
    hashes = {address_hash(make_secret(session, ADDRESS_SALT), norm)}
    reader = session.scalars(select(Subscriber).where(Subscriber.email_norm == norm).with_for_update()).one_or_none()
    wanted: set[bytes] = set()
    if reader is not None:
        number = reader.id
        wanted |= set(session.scalars(select(AddressChange.new_hash).where(AddressChange.subscriber_id == number)))
        hashes |= _before(session, number)
        keep_first(session, reader)
        log(session, reader, Decision.ERASED, "", said, clock)
        session.execute(delete(Subscriber).where(Subscriber.id == number).execution_options(synchronize_session=False))
        session.expunge(reader)
    session.execute(delete(SignUp).where(SignUp.address_hash.in_(hashes)))
    now = clock.now()
    suppress_all(session.connection(), [Stop(one, "", None, Reason.ERASED, "", now) for one in sorted(hashes)])
    session.execute(delete(Bounce).where(Bounce.address_hash.in_(hashes)))
    # Those of one briefing are covered by that one, and name the address.
    session.execute(delete(Suppression).where(Suppression.address_hash.in_(hashes), Suppression.briefing != ""))
    return Erased(None if reader is None else number, frozenset(hashes), frozenset(wanted))


def _before(session: Session, number: int) -> set[bytes]:
    """The hashes of the addresses that were a reader's, and are nobody's now."""
    theirs = select(ConsentEvent.address_hash).where(ConsentEvent.subscriber_id == number).distinct()
    found = set(session.scalars(theirs))
    return found - set(
        session.scalars(
            select(Subscriber.address_hash).where(Subscriber.address_hash.in_(found), Subscriber.id != number)
        )
    )
