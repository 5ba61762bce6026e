"""Corrections of an edition: made, taken back, listed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from newsletter.editions import corrections as rules
from newsletter.editions import store
from newsletter.press.site import Site


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction with its history; instants are in UTC. ``no`` is its number in the whole site."""

    no: int
    kind: str
    words: str
    by: str
    at: datetime
    taken_back_by: str | None
    taken_back_at: datetime | None


def correct(site: Site, key: str, words: str, by: str, kind: str = "correction") -> Correction:
    """Adds a correction to an edition that readers have: it stands on its page in the archive, and in the feeds.

    Raises `NotFound`, `Refused`, `WrongState`.
    """
    with site.database.writing() as session:
        number = rules.add(session, store.find(session, key), words, kind, by=by, clock=site.clock).id
    return next(one for one in corrections(site, key) if one.no == number)


def take_back_correction(site: Site, key: str, number: int, by: str) -> None:
    """Takes a correction off the edition's page. Raises `NotFound`, `Refused`."""
    with site.database.writing() as session:
        rules.take_back(session, store.find(session, key), number, by=by, clock=site.clock)


def corrections(site: Site, key: str) -> tuple[Correction, ...]:
    """Every correction of an edition, the oldest first, those taken back too. Raises `NotFound`."""
    with site.database.reading() as session:
        edition = store.find(session, key)
        return tuple(
            Correction(row.id, row.kind, row.words, row.by, row.at, row.taken_back_by, row.taken_back_at)
            for row in rules.of(session, [edition.id]).get(edition.id, [])
        )
