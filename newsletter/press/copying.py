"""Test copies from the desk: counted, so that nobody floods a colleague, and remembered with what became of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

from sqlalchemy import func, select, update

from newsletter import loop
from newsletter.accounts.attempts import TooOften
from newsletter.backends.base import Outcome, Result
from newsletter.editions import store
from newsletter.editions.models import MarkedCopy
from newsletter.errors import NewsletterError, NotFound, Refused
from newsletter.press.preview import segments_of
from newsletter.press.site import Site
from newsletter.press.testsend import allowed, test_send

WINDOW = timedelta(minutes=15)
BY_PERSON = 10
"""Copies that one person may send within the window."""
_PATIENCE = 30.0
"""Seconds that a server is given; a person waits for it."""
_LISTED = 10

CopyResult = Literal["accepted", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Copy:
    """What became of a copy. ``reply`` holds the server's own words; ``at`` is in UTC."""

    no: int
    segment: str
    by: str
    at: datetime
    result: CopyResult
    reply: str


def send_copy(site: Site, key: str, to: str, segment: str, by: str) -> Copy:
    """Sends one marked copy of a segment's mail to an allowed address, in a loop of its own, and says what the server
    said. Never in the ledger.

    Raises `Refused` for an address that is not allowed or an edition that cannot be rendered, `NotFound` for a segment
    that it does not go to, `TooOften`. It counts from before it is sent: what breaks off stays unknown.
    """
    to = to.strip()
    if not allowed(site, to):
        raise Refused("that address is not allowed for test copies: add it, or its @domain, to test_addresses")
    if segment not in (segments := segments_of(site, key)):
        raise NotFound(f"{key} does not go to {segment!r}: it goes to {', '.join(segments)}")
    number = _begun(site, key, segment, by)
    result, reply = _sent(site, key, to, segment)
    with site.database.writing() as session:
        session.execute(
            update(MarkedCopy)
            .where(MarkedCopy.id == number, MarkedCopy.result == "unknown")
            .values(result=result, reply=reply)
        )
    return copy_of(site, key, number)


def _begun(site: Site, key: str, segment: str, by: str) -> int:
    now = site.clock.now()
    with site.database.writing() as session:
        edition = store.find(session, key)
        lately = select(func.count()).where(MarkedCopy.by == by, MarkedCopy.at > now - WINDOW)
        if (session.scalar(lately) or 0) >= BY_PERSON:
            raise TooOften(f"you have sent {BY_PERSON} test copies within a quarter of an hour: wait a while")
        row = MarkedCopy(edition_id=edition.id, segment=segment, by=by, at=now, result="unknown", reply="")
        session.add(row)
        session.flush()
        return row.id


def _sent(site: Site, key: str, to: str, segment: str) -> tuple[CopyResult, str]:
    async def send() -> Outcome:
        async with asyncio.timeout(_PATIENCE):
            return await test_send(site, key, to, segment)

    try:
        outcome = loop.run(send())
    except TimeoutError:
        return "unknown", f"the server has not answered within {_PATIENCE:.0f} seconds"
    except NewsletterError as error:
        # Before a server was asked for anything: nothing has left.
        return "refused", str(error)
    told = " ".join(str(part) for part in (outcome.code or "", outcome.enhanced, outcome.reply) if part)
    match outcome.result:
        case Result.ACCEPTED:
            return "accepted", told
        case Result.IN_DOUBT:
            return "unknown", told or "the connection broke off before the server answered"
        case _:
            return "refused", told or "there was no connection"


def copy_of(site: Site, key: str, number: int) -> Copy:
    """A copy by its number. Raises `NotFound`."""
    with site.database.reading() as session:
        edition = store.find(session, key)
        row = session.scalars(
            select(MarkedCopy).where(MarkedCopy.id == number, MarkedCopy.edition_id == edition.id)
        ).one_or_none()
        if row is None:
            raise NotFound(f"{key} has no test copy {number}")
        return _copy(row)


def copies(site: Site, key: str) -> tuple[Copy, ...]:
    """The last copies of an edition, the newest first."""
    with site.database.reading() as session:
        edition = store.find(session, key)
        rows = select(MarkedCopy).where(MarkedCopy.edition_id == edition.id).order_by(MarkedCopy.id.desc())
        return tuple(_copy(row) for row in session.scalars(rows.limit(_LISTED)))


def _copy(row: MarkedCopy) -> Copy:
    return Copy(row.id, row.segment, row.by, row.at, cast(CopyResult, row.result), row.reply)
