"""Signing up: somebody asks, the address's reader confirms. Neither finds out here whether an address is known."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from newsletter.audience import signups
from newsletter.audience.consent import Said
from newsletter.audience.models import SignUp
from newsletter.catalogues import languages
from newsletter.delivery import service
from newsletter.delivery.service import Kind
from newsletter.errors import NotFound, Refused
from newsletter.press import choices, door
from newsletter.press.choices import Choice
from newsletter.press.door import Came
from newsletter.press.site import Site

_log = logging.getLogger(__name__)

PURPOSE = "join"


class NothingChosen(Refused):
    """Choose at least one of them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A sign-up, as it is shown to whoever confirms it. Their address is not among it."""

    choices: tuple[Choice, ...]
    """What was asked for, all of it chosen."""
    language: str
    source: str
    """How it came: ``page`` or ``form``."""
    done: bool
    """Whether it was confirmed before."""


def offered(site: Site) -> tuple[Choice, ...]:
    """The briefings that anybody can join; none where a site has no such page."""
    keys = site.settings.readers.join.briefings
    return tuple(Choice(key, site.settings.briefings[key].name, chosen=False) for key in _offered(site, keys))


def _offered(site: Site, keys: Sequence[str] | None) -> list[str]:
    return [*site.settings.briefings] if keys is None else [*keys]


def ask(site: Site, email: str, wanted: Collection[str], language: str, source: str, came: Came) -> None:
    """Takes a sign-up, and has a mail sent that asks to confirm it; the same, and as quickly, for every address.

    ``language`` is that of the form, ``source`` how it came: ``page`` or ``form``. Raises `NothingChosen`,
    `AddressRefused`, `door.NoWork` and `door.TooMany`.
    """
    open_to_all = [choice.key for choice in offered(site)]
    keys = open_to_all if len(open_to_all) == 1 else [key for key in open_to_all if key in wanted]
    if not keys:
        raise NothingChosen
    until = site.clock.now() + site.settings.readers.join.confirm_within
    language = language if language in languages() else ""
    with site.database.writing() as session:
        door.admit(site, session, came)
        number = signups.wish(session, email, keys, language, source, site.clock, until)
        service.ask(session, Kind.JOIN, email, site.clock, {"sign_up": number})
    _log.info("signed up", extra={"action": "join", "way": source})


def ask_link(site: Site, email: str, language: str, came: Came) -> None:
    """Has a reader sent the link to their own page, if the address is a reader's; nobody is told whether it is. Raises
    `AddressRefused`, `door.NoWork` and `door.TooMany`."""
    with site.database.writing() as session:
        door.admit(site, session, came)
        service.ask(session, Kind.LINK, email, site.clock, {"language": language if language in languages() else ""})


def wish(site: Site, sealed: str) -> Wish:
    """The sign-up that a link confirms. Raises `BadToken`, and `NotFound` once it is gone."""
    now = site.clock.now()
    number = site.tokens.unseal_in_time(PURPOSE, sealed, now)
    with site.database.reading() as session:
        row = signups.find(session, number, now)
        if row is None:
            raise NotFound("this sign-up is over")
        keys = [key for key in row.briefings if key in site.settings.briefings]
        names = (Choice(key, site.settings.briefings[key].name, chosen=True) for key in keys)
        return Wish(tuple(names), row.language, row.source, row.confirmed_at is not None)


def confirm(site: Site, sealed: str, wanted: Collection[str], said: Said) -> str:
    """Makes a sign-up true for those of its briefings that are wanted; returns the address of the reader's own page.

    Twice is as once. Raises `BadToken`, `NotFound` once it is gone, and `NothingChosen`.
    """
    now = site.clock.now()
    number = site.tokens.unseal_in_time(PURPOSE, sealed, now)
    with site.database.writing() as session:
        row = signups.find(session, number, now, to_confirm=True)
        if row is None:
            raise NotFound("this sign-up is over")
        if row.confirmed_at is not None:
            reader = signups.reader_at(session, row.address_hash)
            if reader is None:  # erased since
                raise NotFound("this sign-up is over")
            return own_page(site, reader.id)
        keys = _wanted(site, row, wanted)
        if not keys:
            raise NothingChosen
        reader = signups.confirm(
            session,
            row,
            keys,
            said,
            site.clock,
            briefings=[*site.settings.briefings],
            tags=site.settings.readers.join.tags,
        )
    _log.info("joined", extra={"action": "join", "reader": reader.id, "briefings": ",".join(keys)})
    got = {choice.key for choice in choices.reader(site, reader.id).choices if choice.chosen}
    if missing := [key for key in keys if key not in got]:
        why = "no segment has them for this briefing: see readers.join.tags"
        _log.warning("joined in vain", extra={"action": "join", "briefings": ",".join(missing), "reason": why})
    return own_page(site, reader.id)


def _wanted(site: Site, row: SignUp, wanted: Collection[str]) -> list[str]:
    return [key for key in row.briefings if key in wanted and key in site.settings.briefings]


def own_page(site: Site, number: int) -> str:
    """The address of a reader's own page, absolute."""
    return site.links.of(0, "")(number).preferences


def page(site: Site, row: SignUp) -> str:
    """The address at which a sign-up is confirmed, absolute."""
    base = site.settings.publication.base_url.rstrip("/")
    return f"{base}/join/{site.tokens.seal_until(PURPOSE, row.id, row.expires_at)}"
