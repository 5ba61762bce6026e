"""A reader wants another address: asked for on their page, confirmed at the new one, told to the old one."""

from __future__ import annotations

import logging
from datetime import timedelta

from newsletter.audience import leaving, moving
from newsletter.audience.addresses import normalise
from newsletter.audience.allowance import spend
from newsletter.audience.consent import Said
from newsletter.audience.moving import WITHIN, Fate
from newsletter.delivery.service import Kind, post
from newsletter.errors import NotFound
from newsletter.press.site import Site

_log = logging.getLogger(__name__)

MOST = 5
"""New addresses that a reader may ask for in a day: each of them is written to."""
_PURPOSE = "address"


def ask_move(site: Site, number: int, email: str, language: str) -> None:
    """Has the new address of a reader mailed a link by which it becomes theirs. Nothing tells whether that address is
    known, or is written to at all. ``language`` is that of the page, for who has none of their own. Raises
    `AddressRefused` and `NotFound`."""
    address, now = normalise(email), site.clock.now()
    with site.database.writing() as session:
        reader = leaving.reader(session, number)
        if reader is None:
            raise NotFound("there is no such reader")
        if not spend(session, "new address", str(number), most=MOST, window=timedelta(days=1), now=now):
            return
        if (wish := moving.ask(session, reader, address, site.clock)) is None:
            return
        sealed = site.tokens.seal_until(_PURPOSE, wish, now + WITHIN)
        post(
            session,
            Kind.ADDRESS,
            address.email,
            site.clock,
            language=reader.language or language,
            url=f"{site.settings.publication.base_url}/address/{sealed}",
            values={"hours": str(WITHIN // timedelta(hours=1))},
        )


def to_move(site: Site, token: str) -> tuple[str, bool]:
    """The language of the reader whom a link from such a mail is of, and whether it was confirmed before. Raises
    `BadToken` and `NotFound`."""
    number = site.tokens.unseal_in_time(_PURPOSE, token, site.clock.now())
    with site.database.reading() as session:
        wish, reader = moving.find(session, number, site.clock.now())
        return reader.language, not wish.email


def confirm_move(site: Site, token: str, said: Said, language: str) -> Fate:
    """Gives a reader the address at which a link came, and tells the address that they had. Raises `BadToken` and
    `NotFound`."""
    number = site.tokens.unseal_in_time(_PURPOSE, token, site.clock.now())
    with site.database.writing() as session:
        done = moving.confirm(session, number, said, site.clock)
        if done.before:
            post(session, Kind.MOVED, done.before, site.clock, language=done.language or language)
    _log.info("address", extra={"action": "move", "wish": number, "fate": done.fate.value})
    return done.fate
