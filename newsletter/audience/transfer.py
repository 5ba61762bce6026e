"""Importing readers from CSV: a stream of rows, some thousand to a transaction, each row accounted for once.

What is decided here:

- The last row of an address wins, field by field; an empty cell says nothing and wipes nothing. Tags are one field.
- An address that is suppressed for every briefing is neither stored nor changed, whatever the reason: who left did
  not say yes again by standing in a file, and who was erased must not be stored at all. One that left a single
  briefing is stored like any other, and its suppression stays.
- The consent of a reader whom we have is kept: it says when and to what they first said yes.
- An import that was interrupted has stored whole batches; running it again finds them unchanged and goes on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, func, select, text

from newsletter.audience import consent as consents
from newsletter.audience.addresses import Address, AddressRefused, address_hash, normalise
from newsletter.audience.columns import ATTRIBUTES, FIELDS, RowReader, Values, assign
from newsletter.audience.csvfile import CsvFile
from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.sitevalues import ADDRESS_SALT, make_secret
from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.errors import ImportRefused

BATCH = 20_000
_CACHE_KIB = 65_536
"""Of SQLite pages while an import runs: two of the indexes are met in no order, and 16 MiB hold too little of them."""
KEPT_REJECTS = 20


@dataclass(frozen=True)
class TransferReport:
    """What became of the rows: ``rows`` is the sum of the six that follow it."""

    rows: int
    added: int
    updated: int
    unchanged: int
    duplicates: int
    suppressed: int
    rejected: int
    columns: Mapping[str, str]
    """What each column was taken for; ``-`` is not read."""
    rejects: tuple[tuple[int, str], ...]
    """Line and reason of the first rejected rows, at most twenty; the reject file has them all."""


def import_csv(
    database: Database,
    path: Path,
    *,
    consent: str,
    source: str,
    clock: Clock,
    mapping: Mapping[str, str] | None = None,
    rejects: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TransferReport:
    """Stores the readers of a CSV file.

    ``consent`` is the words to which they said yes, ``source`` where; ``mapping`` maps columns to fields. Rejected rows
    go to the file ``rejects`` (line, reason, the original cells), which is not there afterwards when there are none.
    ``progress`` is told, after each batch, the lines that are done and the lines of the file. Raises `Refused` for an
    empty consent and `ImportRefused` for a file that cannot be read, before anything is stored.
    """
    file = CsvFile(path)
    columns = assign(path, file.header, mapping or {})
    reader = RowReader(file.header, columns)
    if rejects is not None and rejects.exists() and rejects.samefile(path):
        raise ImportRefused("is the file to import: write the rejected rows to another", path=rejects)
    with database.writing() as session:
        consent_id = consents.record(session, consent, source, clock).id
        salt = make_secret(session, ADDRESS_SALT)
        known = session.scalar(select(func.max(Subscriber.id))) or 0
    run = _Run(database, consent_id, clock, known)
    with _Rejects(rejects, file.header) as bad, _large_cache(database):
        batch: list[_Row] = []
        for line, cells, problem in file.records():
            run.rows += 1
            if problem:
                bad.add(line, problem, cells)
                continue
            try:
                written, values = reader.read(cells)
                address = normalise(written)
            except (ValueError, AddressRefused) as error:
                bad.add(line, str(error), cells)
                continue
            batch.append((address, address_hash(salt, address.email_norm), values))
            if len(batch) == BATCH:
                run.store(batch)
                batch = []
                if progress is not None:
                    progress(line, file.lines)
        run.store(batch)
        if progress is not None:
            progress(file.lines, file.lines)
    return TransferReport(
        rows=run.rows,
        added=run.added,
        updated=run.updated,
        unchanged=run.unchanged,
        duplicates=run.duplicates,
        suppressed=run.suppressed,
        rejected=bad.count,
        columns=columns,
        rejects=tuple(bad.first),
    )


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

    def __init__(self, path: Path | None, header: list[str]) -> None:
        self._path, self._header = path, header
        self._file: TextIO | None = None
        self.count = 0
        self.first: list[tuple[int, str]] = []

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
            self.first.append((line, reason))
        if self._path is None:
            return
        if self._file is None:
            self._path.touch(mode=0o600)
            self._file = self._path.open("w", encoding="utf-8", newline="")
            csv.writer(self._file).writerow(["line", "reason", *self._header])
        csv.writer(self._file).writerow([line, reason, *cells])


_Row = tuple[Address, bytes, Values]
_STORED = ("email_norm", *FIELDS, "attributes", "id")
_INSERTED = (
    "email email_norm address_hash first_name last_name country region language timezone frequency tags attributes "
    "consent_id created_at updated_at"
)
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(1024)
def _tags_json(tags: tuple[str, ...]) -> str:
    return _json(tags)


class _Run:
    """One import: what was counted, and which readers it has met."""

    def __init__(self, database: Database, consent_id: int, clock: Clock, known: int) -> None:
        self._database, self._consent_id, self._clock = database, consent_id, clock
        self.rows = self.added = self.updated = self.unchanged = self.duplicates = self.suppressed = 0
        # A reader met before in this file is one with a number above all that there were, or with a bit here.
        self._known = known
        self._met = bytearray(known // 8 + 1)

    def store(self, batch: list[_Row]) -> None:
        """Stores a batch in one transaction."""
        if not batch:
            return
        with self._database.write_connection() as connection:
            if not self._database.is_sqlite:
                # One writer at a time, as in SQLite, so that what is looked up holds until it is stored.
                connection.execute(text("LOCK TABLE subscriber IN SHARE ROW EXCLUSIVE MODE"))
            self._store(connection, batch)

    def _store(self, connection: Connection, batch: list[_Row]) -> None:
        gone = self._suppressed(connection, batch)
        rows: dict[str, _Row] = {}
        for row in batch:
            norm = row[0].email_norm
            if row[1] in gone:
                self.suppressed += 1
            elif (earlier := rows.get(norm)) is None:
                rows[norm] = row
            else:
                self.duplicates += 1
                rows[norm] = (earlier[0], earlier[1], _over(earlier[2], row[2]))
        at = _stored_instant(self._clock.now())
        changed = []
        for stored in _find(connection, rows, sqlite=self._database.is_sqlite):
            new = rows.pop(stored[0])[2]
            old = [*stored[1 : ATTRIBUTES + 1], _loaded(stored[ATTRIBUTES + 1])]
            old[ATTRIBUTES - 1] = tuple(_loaded(old[ATTRIBUTES - 1]))
            values = _over(old, new)
            same = values == old
            if not same:
                changed.append((*_columns(values), at, stored[-1]))
            if self._meet(stored[-1]):
                self.duplicates += 1
            elif same:
                self.unchanged += 1
            else:
                self.updated += 1
        if changed:
            assignments = ", ".join(f"{name} = {{}}" for name in (*FIELDS, "attributes", "updated_at"))
            _executemany(connection, f"UPDATE subscriber SET {assignments} WHERE id = {{}}", changed)  # noqa: S608
        self.added += len(rows)
        new_rows = (
            (address.email, address.email_norm, hashed, *_columns(values), self._consent_id, at, at)
            for address, hashed, values in rows.values()
        )
        if self._database.is_sqlite:
            names = _INSERTED.replace(" ", ", ")
            marks = ", ".join(["{}"] * len(_INSERTED.split()))
            _executemany(connection, f"INSERT INTO subscriber ({names}) VALUES ({marks})", list(new_rows))  # noqa: S608
        else:
            _copy(connection, new_rows)

    def _suppressed(self, connection: Connection, batch: list[_Row]) -> set[bytes]:
        everywhere = select(Suppression.address_hash).where(Suppression.briefing == "")
        if connection.execute(everywhere.limit(1)).first() is None:
            return set()
        hashes = {hashed for _, hashed, _ in batch}
        return {bytes(row[0]) for row in connection.execute(everywhere.where(Suppression.address_hash.in_(hashes)))}

    def _meet(self, subscriber_id: int) -> bool:
        if subscriber_id > self._known:
            return True
        byte, bit = subscriber_id >> 3, 1 << (subscriber_id & 7)
        met = self._met[byte] & bit
        self._met[byte] |= bit
        return bool(met)


def _over(old: Values, new: Values) -> Values:
    """The values of a later row over those of an earlier one."""
    merged = [before if now is None else now for before, now in zip(old, new, strict=True)]
    if old[ATTRIBUTES] and new[ATTRIBUTES]:
        merged[ATTRIBUTES] = {**old[ATTRIBUTES], **new[ATTRIBUTES]}
    return merged


def _attributes_json(attributes: dict[str, Any] | None) -> str:
    # Piece by piece: the encoder is quick with a text, and slow to begin with anything else.
    parts = [
        f"{_json(name)}:{repr(value) if type(value) in (int, float) else _json(value)}"
        for name, value in (attributes or {}).items()
    ]
    return f"{{{','.join(parts)}}}"


def _columns(values: Values) -> tuple[str, ...]:
    """The values as the columns hold them."""
    *plain, tags, attributes = values
    return (*[value or "" for value in plain], _tags_json(tags or ()), _attributes_json(attributes))


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value  # PostgreSQL's driver has read its JSON already


def _stored_instant(at: datetime) -> int:
    return int(Subscriber.created_at.type.process_bind_param(at, None))


def _find(connection: Connection, norms: Iterable[str], *, sqlite: bool) -> list[Any]:
    condition = "IN (SELECT value FROM json_each(?))" if sqlite else "= ANY(%s)"
    query = f"SELECT {', '.join(_STORED)} FROM subscriber WHERE email_norm {condition}"  # noqa: S608
    return list(connection.exec_driver_sql(query, (_json(list(norms)) if sqlite else list(norms),)))


def _executemany(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(statement.replace("{}", mark), rows)


def _copy(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    driver: Any = connection.connection.driver_connection
    names = _INSERTED.replace(" ", ", ")
    with driver.cursor() as cursor, cursor.copy(f"COPY subscriber ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
