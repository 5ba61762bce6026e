"""The suppression list as a CSV: out, and in from here or from another system."""

from __future__ import annotations

import csv
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from sqlalchemy import select

from newsletter.audience.addresses import AddressRefused, address_hash, normalise
from newsletter.audience.columns import meaning
from newsletter.audience.csvfile import CsvFile
from newsletter.audience.instants import instant
from newsletter.audience.models import Suppression
from newsletter.audience.sheet import cell, plain
from newsletter.audience.sitevalues import ADDRESS_SALT, make_secret
from newsletter.audience.suppression import Reason, Stop, suppress_all
from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.errors import ImportRefused

COLUMNS = ("email", "briefing", "reason", "since", "note")
_BATCH = 1_000
_KEPT = 20
# What the lists of others call it.
_REASONS = {
    "bounce": "hard_bounce bounced hardbounce invalid cleaned undeliverable",
    "complaint": "spam complained spamcomplaint spam_complaint spam_report abuse",
    "unsubscribed": "unsubscribe unsubscribes opt_out left manualsuppression",
    "manual": "blocked blocklisted suppressed",
}
_MEANT = {word: reason for reason, words in _REASONS.items() for word in words.split()} | {r: r for r in list(Reason)}


@dataclass(frozen=True, slots=True)
class Stopped:
    """What became of the rows: ``rows`` is the sum of the three that follow it."""

    rows: int
    added: int
    """New, or for a stronger reason than before."""
    unchanged: int
    rejected: int
    rejects: tuple[tuple[int, str], ...]
    """Line and reason of the first rejected rows."""


def export(database: Database, out: TextIO) -> tuple[int, int]:
    """Writes the suppressions; returns how many, and how many were left out because who they are of was erased: no
    address is left of those. `import_stops` reads the file back."""
    written = erased = 0
    sheet = csv.writer(out)
    sheet.writerow(COLUMNS)
    with database.reading() as session:
        rows = select(Suppression).order_by(Suppression.at, Suppression.address_hash, Suppression.briefing)
        for row in session.scalars(rows.execution_options(yield_per=_BATCH)):
            if row.email_norm is None:
                erased += 1
                continue
            cells = (row.email_norm, row.briefing, row.reason, row.at.isoformat(), row.note)
            sheet.writerow([cell(one) for one in cells])
            written += 1
    return written, erased


def import_stops(
    database: Database, path: Path, clock: Clock, *, reason: Reason, briefings: Container[str], note: str
) -> Stopped:
    """Suppresses the addresses of a CSV that has a column for them.

    ``reason`` is that of rows that say none of a known kind, ``note`` that of a file without notes. Importing again
    changes nothing. Raises `ImportRefused` for a file that cannot be read, before anything is stored.
    """
    file = CsvFile(path)
    at = {name.casefold(): place for place, name in enumerate(file.header)}
    address_at = next((place for place, name in enumerate(file.header) if meaning(name) == "email"), None)
    if address_at is None:
        raise ImportRefused("no column is known to be the address: name it email", path=path, line=1)
    noted = "note" in at or "description" in at
    with database.writing() as session:
        salt = make_secret(session, ADDRESS_SALT)
    rows = added = rejected = 0
    rejects: list[tuple[int, str]] = []
    batch: list[Stop] = []
    now = clock.now()

    def read(cells: list[str]) -> Stop:
        def said(*names: str) -> str:
            return next((plain(cells[at[name]]).strip() for name in names if name in at), "")

        briefing = said("briefing")
        if briefing and briefing not in briefings:
            raise ValueError(f"there is no briefing “{briefing}” in config.yaml")
        norm = normalise(plain(cells[address_at])).email_norm
        since = said("since", "created", "created_at", "date", "timestamp")
        meant = Reason(_MEANT.get(said("reason", "type").lower().replace(" ", "_"), reason))
        when: datetime = min(instant(since), now) if since else now
        return Stop(
            address_hash(salt, norm), briefing, norm, meant, said("note", "description") if noted else note, when
        )

    def store() -> int:
        with database.write_connection() as connection:
            return len(suppress_all(connection, batch))

    for line, cells, problem in file.records():
        rows += 1
        try:
            if problem:
                raise ValueError(problem)
            batch.append(read(cells))
        except (ValueError, AddressRefused) as error:
            rejected += 1
            rejects += [(line, str(error))] if len(rejects) < _KEPT else []
        if len(batch) == _BATCH:
            added += store()
            batch = []
    added += store()
    return Stopped(rows, added, rows - added - rejected, rejected, tuple(rejects))
