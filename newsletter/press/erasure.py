"""A person is erased: from the audience, and from the ledger's words; its counts stay."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy.orm import Session

from newsletter.audience import erasure
from newsletter.audience.allowance import spend
from newsletter.audience.consent import Said
from newsletter.audience.models import Subscriber
from newsletter.delivery import service
from newsletter.delivery.reader import forget
from newsletter.delivery.service import Kind
from newsletter.errors import NotFound
from newsletter.press.site import Site

_log = logging.getLogger(__name__)

WITHIN = timedelta(days=1)
"""How long a reader can confirm that they want it."""
_PURPOSE = "erase"


def erase(site: Site, email: str, said: Said) -> bool:
    """Deletes everything about a person, and returns whether there was one. ``said`` is by which words and by which way
    it was asked for.

    What stays: the salted hash of their addresses on the suppression list, so that no import brings them back; the
    consent log by that hash; and a row for each edition that they got, which has a number and no name, so that reports
    still add up. They get nothing that is not on the wire yet. Raises `AddressRefused`.
    """
    with site.database.writing() as session:
        return _erase(site, session, email, said)


def _erase(site: Site, session: Session, email: str, said: Said) -> bool:
    gone = erasure.erase(session, email, said, site.clock)
    service.drop(session, gone.hashes | gone.wanted)
    if gone.number is None:
        return False
    forget(session, gone.number)
    _log.info("erased", extra={"action": "erase", "reader": gone.number, "way": said.source})
    return True


def ask_erasure(site: Site, number: int, language: str) -> None:
    """Has a reader mailed the link by which they can erase themselves, once an hour at the most. ``language`` is that
    of the page, for who has none of their own. Raises `NotFound`."""
    now = site.clock.now()
    url = f"{site.settings.publication.base_url}/erase/{site.tokens.seal_until(_PURPOSE, number, now + WITHIN)}"
    with site.database.writing() as session:
        reader = session.get(Subscriber, number)
        if reader is None:
            raise NotFound("there is no such reader")
        if spend(session, "ask erasure", str(number), most=1, window=service.HOUR, now=now):
            hours = {"hours": str(WITHIN // timedelta(hours=1))}
            own = reader.language or language
            service.post(session, Kind.ERASE, reader.email, site.clock, language=own, url=url, values=hours)


def to_erase(site: Site, token: str) -> str | None:
    """The language of the reader whom a link from such a mail is of; None once they are erased. Raises `BadToken`."""
    number = site.tokens.unseal_in_time(_PURPOSE, token, site.clock.now())
    with site.database.reading() as session:
        reader = session.get(Subscriber, number)
        return None if reader is None else reader.language


def confirm_erasure(site: Site, token: str, said: Said) -> None:
    """Erases the reader whom a link from such a mail is of; done again, it changes nothing. Raises `BadToken`."""
    number = site.tokens.unseal_in_time(_PURPOSE, token, site.clock.now())
    with site.database.writing() as session:
        reader = session.get(Subscriber, number, with_for_update=True)
        if reader is not None:
            _erase(site, session, reader.email, said)
