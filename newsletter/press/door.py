"""What stands before a form that anybody can have a mail sent with: a trap, work for the browser, and limits.

None of it looks at whether an address is known. That an address gets no more than one mail an hour is seen to where
mails are sent (`newsletter.delivery.service`), so that no answer here tells how often somebody asked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from secrets import token_hex

from sqlalchemy.orm import Session

from newsletter.audience.allowance import spend
from newsletter.audience.tokens import BadToken
from newsletter.errors import NewsletterError
from newsletter.press.site import Site

HOUR = timedelta(hours=1)
TASK_LASTS = timedelta(hours=2)
_TASK = "work"
_LONGEST_ANSWER = 16
_NETWORK_4, _NETWORK_6 = 24, 48
"""What somebody has who has one address: providers give out these, and less is too easily changed."""


class TooMany(NewsletterError):
    """Too many have asked from this network, or from everywhere, within the hour."""


class NoWork(NewsletterError):
    """The browser has not done the work that it should have, or it was done for another form."""


@dataclass(frozen=True, slots=True)
class Came:
    """How a form came in."""

    host: str
    """The network address that sent it, as far as the configured proxies say."""
    task: str = ""
    """The task that the browser was given."""
    answer: str = ""
    """What it found."""


def bits(site: Site) -> int:
    """How much work a browser has to do; 0 for none."""
    return site.settings.readers.forms.proof_of_work


def task(site: Site) -> str:
    """A task for one form: find a text such that the SHA-256 of ``task:text`` begins with `bits` zero bits."""
    ends = int((site.clock.now() + TASK_LASTS).timestamp())
    return site.tokens.seal(_TASK, f"{ends:x}.{token_hex(8)}")


def admit(site: Site, session: Session, came: Came) -> None:
    """Lets a form in, in the caller's write transaction. Raises `NoWork` and `TooMany`; then the caller writes nothing.

    A request from this machine itself has no network: it comes through a proxy that ``web.proxies`` does not name, or
    from somebody who tries it.
    """
    now, forms = site.clock.now(), site.settings.readers.forms
    if forms.proof_of_work:
        _check_work(site, session, came)
    if (network := network_of(came.host)) and not spend(
        session, "forms of a network", network, most=forms.per_network, window=HOUR, now=now
    ):
        raise TooMany
    if not spend(session, "forms", "", most=forms.overall, window=HOUR, now=now):
        raise TooMany


def network_of(host: str) -> str:
    """The network of an address, the /24 of IPv4 and the /48 of IPv6; empty for this machine, and for what is none."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return ""
    return str(ip_network((address, _NETWORK_4 if address.version == 4 else _NETWORK_6), strict=False))


def _check_work(site: Site, session: Session, came: Came) -> None:
    """Raises `NoWork`. A task is good for one form."""
    now = site.clock.now()
    try:
        ends = int(site.tokens.unseal(_TASK, came.task).partition(".")[0], 16)
    except (BadToken, ValueError):
        raise NoWork from None
    if ends <= now.timestamp() or not 0 < len(came.answer) <= _LONGEST_ANSWER or not came.answer.isascii():
        raise NoWork
    found = hashlib.sha256(f"{came.task}:{came.answer}".encode()).digest()
    if int.from_bytes(found) >> (256 - bits(site)) or not spend(
        session, "task", came.task, most=1, window=TASK_LASTS, now=now
    ):
        raise NoWork
