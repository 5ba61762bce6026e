"""Importing readers from CSV: a stream of rows, some thousand to a transaction, each row accounted for once.

What is decided here:

- The last row of an address wins, field by field; an empty cell says nothing and wipes nothing. Tags are one field.
- An address that is suppressed for every briefing is neither stored nor changed, whatever the reason: who left did
  not say yes again by standing in a file, and who was erased must not be stored at all. One that left a single
  briefing is stored like any other, and its suppression stays.
- The consent of a reader whom we have is kept: it says when and to what they first said yes.
- What another system says of a person counts: who left there, bounced or complained is suppressed here, who never
  confirmed is not stored. Whoever left here comes back only where the import says in words that they said yes again.
- An import that was interrupted has stored whole batches; running it again finds them unchanged and goes on.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

from sqlalchemy import func, select

from newsletter.audience import consent as consents
from newsletter.audience import formats
from newsletter.audience.addresses import AddressRefused, address_hash, normalise
from newsletter.audience.columns import ATTRIBUTES, FIELDS, RowReader, Values, assign
from newsletter.audience.csvfile import CsvFile
from newsletter.audience.formats import PLAIN, Format, Standing, State
from newsletter.audience.models import Subscriber
from newsletter.audience.sitevalues import ADDRESS_SALT, make_secret
from newsletter.audience.storing import Row, Storing, Terms
from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.errors import ImportRefused

BATCH = 20_000
_CACHE_KIB = 65_536
"""Of SQLite pages while an import runs: two of the indexes are met in no order, and 16 MiB hold too little of them."""
KEPT_REJECTS = 20


class Reject(NamedTuple):
    """A row that was not stored. ``file`` is the CSV's name, of several in an archive."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class TransferReport:
    """What became of the rows: ``rows`` is the sum of the eight that follow it."""

    rows: int
    added: int
    updated: int
    unchanged: int
    duplicates: int
    left: int
    """Of people who left there, and are suppressed as unsubscribed."""
    suppressed: int
    """Of people who get nothing, by what we knew or by what the file says."""
    unconfirmed: int
    """Of people who never said yes, or not a second time: not stored."""
    rejected: int
    columns: Mapping[str, str]
    """What each column was taken for; ``-`` is not read as a field."""
    rejects: tuple[Reject, ...]
    """The first rejected rows, at most twenty of a file; the reject file has them all."""
    format: str = PLAIN
    """What the file was taken for."""


COUNTS = ("rows", "added", "updated", "unchanged", "duplicates", "left", "suppressed", "unconfirmed", "rejected")


def import_csv(
    database: Database,
    path: Path,
    *,
    consent: str,
    source: str = "",
    clock: Clock,
    mapping: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    source_format: str | None = None,
    status: State = State.SUBSCRIBED,
    returned: str = "",
    rejects: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TransferReport:
    """Stores the readers of a CSV file, ours or another system's.

    ``consent`` is the words to which they said yes, ``source`` where, the format and the file's name unless given;
    ``mapping`` maps columns to fields, ``labels`` what a list or tag is called there to the briefing that only its
    people get. ``source_format`` is a key of `formats.FORMATS` or ``csv``, by the columns unless given; ``status`` what
    people are of whom the file says nothing else; ``returned`` the words by which those who left here said yes again.
    Rejected rows go to the file ``rejects`` (line, reason, the original cells), which is not there afterwards when
    there are none. ``progress`` is told, after each batch, the lines that are done and the lines of the file.

    Raises `Refused` for an empty consent and `ImportRefused` for a file that cannot be read, before anything is stored.
    """
    file = CsvFile(path)
    form = formats.detect(file.header) if source_format is None else formats.of(source_format)
    columns = assign(path, file.header, _presets(file.header, form, mapping or {}))
    reader = RowReader(file.header, columns)
    if rejects is not None and rejects.exists() and rejects.samefile(path):
        raise ImportRefused("is the file to import: write the rejected rows to another", path=rejects)
    source = source or f"import from {form.title}, {path.name}" if form else source or f"import {path.name}"
    with database.writing() as session:
        words = consents.record(session, consent, source, clock)
        again = consents.record(session, returned, source, clock).id if returned else None
        salt = make_secret(session, ADDRESS_SALT)
        known = session.scalar(select(func.max(Subscriber.id))) or 0
    folded = {label.casefold(): briefing for label, briefing in (labels or {}).items()}
    storing = Storing(database, Terms(words.id, words.at, folded, again), clock, known)
    names = [name.casefold() for name in file.header]
    counts = storing.counts
    says_more = form is not None or folded or status is not State.SUBSCRIBED
    with _Rejects(path, rejects, file.header) as bad, _large_cache(database):
        batch: list[Row] = []
        for line, cells, problem in file.records():
            counts["rows"] += 1
            if problem:
                bad.add(line, problem, cells)
                continue
            standing = None
            try:
                written, values = reader.read(cells)
                address = normalise(written)
                if says_more:
                    row = dict(zip(names, cells, strict=True))
                    standing = form.read(row, path.name) if form else Standing(labels=values[_TAGS] or ())
                    if standing.state is State.SUBSCRIBED:
                        standing = standing._replace(state=status)
                    _add(values, standing)
            except (ValueError, AddressRefused) as error:
                bad.add(line, str(error), cells)
                continue
            if standing is not None and standing.state is State.UNCONFIRMED:
                counts["unconfirmed"] += 1
                continue
            batch.append(Row(address, address_hash(salt, address.email_norm), values, standing))
            if len(batch) == BATCH:
                storing.store(batch)
                batch = []
                if progress is not None:
                    progress(line, file.lines)
        storing.store(batch)
        if progress is not None:
            progress(file.lines, file.lines)
    counts["rejected"] = bad.count
    return TransferReport(
        **{name: counts[name] for name in COUNTS},
        columns=columns,
        rejects=tuple(bad.first),
        format=form.key if form else PLAIN,
    )


_TAGS = FIELDS.index("tags")


def _presets(header: list[str], form: Format | None, mapping: Mapping[str, str]) -> dict[str, str]:
    """What a format knows of its columns, under what somebody said about them."""
    said = {name.strip().casefold() for name in mapping}
    preset = {} if form is None else {
        name: form.columns[name.casefold()] for name in header
        if name.casefold() in form.columns and name.casefold() not in said
    }  # fmt: skip
    return {**preset, **mapping}


def _add(values: Values, standing: Standing) -> None:
    """What a format made of a row's cells, where its columns say nothing by themselves."""
    for name, value in standing.fields.items():
        place = FIELDS.index(name)
        if value and values[place] is None:
            values[place] = value
    if standing.attributes:
        values[ATTRIBUTES] = {**standing.attributes, **(values[ATTRIBUTES] or {})}


@contextmanager
def _large_cache(database: Database) -> Iterator[None]:
    if not database.is_sqlite:
        yield
        return
    with database.write_connection() as connection:  # the one that the process writes with
        before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
        connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")
    try:
        yield
    finally:
        with database.write_connection() as connection:
            connection.exec_driver_sql(f"PRAGMA cache_size={before}")


class _Rejects:
    """The reject file, made at the first rejected row. It holds addresses, so only its owner may read it."""

    def __init__(self, source: Path, path: Path | None, header: list[str]) -> None:
        self._source, self._path, self._header = source.name, path, header
        self._file: TextIO | None = None
        self.count = 0
        self.first: list[Reject] = []

    def __enter__(self) -> _Rejects:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, line: int, reason: str, cells: list[str]) -> None:
        self.count += 1
        if len(self.first) < KEPT_REJECTS:
            self.first.append(Reject(self._source, line, reason))
        if self._path is None:
            return
        if self._file is None:
            self._path.touch(mode=0o600)
            self._file = self._path.open("w", encoding="utf-8", newline="")
            csv.writer(self._file).writerow(["line", "reason", *self._header])
        csv.writer(self._file).writerow([line, reason, *cells])
