"""What became of everyone, and of one reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.audience.consentlog import LogEntry, log_of
from newsletter.audience.models import Bounce, Subscriber, Suppression
from newsletter.audience.subscribers import Person, bounce_score, show
from newsletter.delivery import report as ledger
from newsletter.delivery.figures import Name, Report
from newsletter.delivery.models import Status
from newsletter.delivery.progress import Watch
from newsletter.delivery.reader import Received, received
from newsletter.editions import store
from newsletter.errors import NotFound
from newsletter.press.site import Site

_PAGE = 1_000


def report(site: Site, key: str) -> Report:
    """The report of an edition. Raises `NotFound`."""
    with site.database.reading() as session:
        edition_id = store.find(session, key).id
    return ledger.report(site.database, edition_id)


def deliveries(
    site: Site,
    key: str,
    status: Status | None = None,
    *,
    segment: str | None = None,
    reason: str | None = None,
    limit: int | None = None,
    after: int = 0,
) -> Iterator[Name]:
    """The readers behind the report's numbers, by number: those of one status, segment or reason if given.

    ``limit`` is how many at most, all unless given; ``after`` the number behind which they begin. They come out of the
    database in pages. Raises `NotFound`.
    """
    with site.database.reading() as session:
        edition_id = store.find(session, key).id
    left = limit
    # Every page begins behind the last one: the readers are the bound.
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        page = ledger.names(site.database, edition_id, status, segment=segment, reason=reason, limit=size, after=after)
        yield from page
        if len(page) < size:
            return
        after, left = page[-1].subscriber, None if left is None else left - size


def on_the_wire(site: Site, key: str | None = None) -> int:
    """How many messages, of one edition or of all, are with a server at this moment. Raises `NotFound`."""
    with site.database.reading() as session:
        return ledger.wire(session, None if key is None else store.find(session, key).id)


def watching(site: Site, key: str) -> Watch:
    """What tells, again and again, how far an edition is. Raises `NotFound`."""
    with site.database.reading() as session:
        edition_id = store.find(session, key).id
    return Watch(site.database, edition_id, site.clock)


@dataclass(frozen=True, slots=True)
class History:
    """What one address got. ``subscriber`` is None for one who was erased, or is only suppressed: what is in the
    ledger of them has no name any more."""

    email: str
    subscriber: int | None
    suppressions: tuple[Suppression, ...]
    decisions: tuple[LogEntry, ...]
    """The consent log, the oldest first; it is there after an erasure too."""
    received: tuple[Received, ...]
    bounces: Bounce | None
    """What has failed softly, None where nothing has."""


def history_of(site: Site, subscriber: int) -> History:
    """The same of a reader whose number is known. Raises `NotFound` for one who was erased, or never was."""
    with site.database.reading() as session:
        reader = session.get(Subscriber, subscriber)
    if reader is None:
        raise NotFound("there is no reader with this number: who was erased has no name here any more")
    return history(site, reader.email)


def history(site: Site, email: str) -> History:
    """What a reader got, the newest edition first. Raises `AddressRefused`, and `NotFound` for an unknown address."""
    with site.database.reading() as session:
        try:
            person: Person = show(session, email)
        except NotFound:
            raise NotFound("there is no reader with this address, and it is not suppressed: it got nothing") from None
        reader = person.subscriber
        return History(
            email=reader.email if reader else email,
            subscriber=reader.id if reader else None,
            suppressions=person.suppressions,
            decisions=tuple(log_of(session, email)),
            received=tuple(received(session, reader.id)) if reader else (),
            bounces=bounce_score(session, email),
        )
