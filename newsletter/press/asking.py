"""What a stranger's request is answered with, decided when it is sent: only then is it looked who has that address."""

from __future__ import annotations

from sqlalchemy.orm import Session

from newsletter.audience import leaving, signups
from newsletter.audience.addresses import address_hash, normalise
from newsletter.audience.models import Subscriber
from newsletter.audience.sitevalues import ADDRESS_SALT, make_secret
from newsletter.delivery import service
from newsletter.delivery.service import Claimed, Kind
from newsletter.press import choices, join
from newsletter.press.site import Site


def answered(site: Site, session: Session, mail: Claimed) -> Claimed | None:
    """A mail in hand with what it says, or None where nothing is to be said: a sign-up that is over, an address that is
    nobody's, or one that we must not write to (its server refuses it, its reader complained, an operator stopped it).
    """
    hashed = address_hash(make_secret(session, ADDRESS_SALT), normalise(mail.email).email_norm)
    stopped = signups.stopped(session, hashed)
    reader = signups.reader_at(session, hashed)
    if mail.kind is Kind.LINK:
        language = (mail.asked or {}).get("language", "")
        return None if reader is None or "" in stopped else _link(site, session, mail, reader, language)
    return _sign_up(site, session, mail, reader, stopped)


def _link(site: Site, session: Session, mail: Claimed, reader: Subscriber, language: str) -> Claimed:
    url = join.own_page(site, reader.id)
    return service.become(session, mail, Kind.LINK, language=reader.language or language, url=url)


def _sign_up(
    site: Site, session: Session, mail: Claimed, reader: Subscriber | None, stopped: set[str]
) -> Claimed | None:
    row = signups.find(session, (mail.asked or {})["sign_up"], site.clock.now())
    if row is None or row.confirmed_at is not None or "" in stopped:
        return None
    keys = [key for key in row.briefings if key in site.settings.briefings and key not in stopped]
    if not keys:
        return None
    had = set() if reader is None else _had(site, session, reader, keys)
    names = [choices.name_of(site, key) for key in keys]
    language = (reader.language if reader else "") or row.language
    if reader is not None and had == set(keys):
        url = join.own_page(site, reader.id)
        return service.become(session, mail, Kind.HAVE, language=language, url=url, items=names)
    hours = str(round((row.expires_at - row.asked_at).total_seconds() / 3600))
    url = join.page(site, row)
    return service.become(session, mail, Kind.JOIN, language=language, url=url, items=names, values={"hours": hours})


def _had(site: Site, session: Session, reader: Subscriber, keys: list[str]) -> set[str]:
    """Those of these briefings that a reader gets already."""
    left = leaving.suppressions(session, reader)
    fits = choices.fitting(site, session, reader.id)
    return {key for key in keys if key in fits and not {"", key} & set(left)}
