"""What runs once a commit, in each engine's quickest form: statements of a driver's own cursor, not SQLAlchemy's.

Rows go in as one value, a JSON array or PostgreSQL arrays, so that a commit is a handful of statements however many
messages it holds. That is not only quick by itself: Python's lock is let go of once a statement and taken again once,
and whoever sends meanwhile is not interrupted for every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy.engine.interfaces import DBAPICursor


class OutcomeRow(NamedTuple):
    """What a delivery becomes. ``at`` is in milliseconds since 1970."""

    status: int
    code: int
    attempts: int
    backend: int
    at: int
    edition: int
    subscriber: int


LaneRow = tuple[int, int, int, int, int]
"""What is now on a lane: batch, epoch, lane, subscriber, place of the backend. A plain tuple of plain numbers."""


class AttemptRow(NamedTuple):
    """What is kept of an attempt. Instants are in milliseconds since 1970."""

    edition: int
    subscriber: int
    n: int
    at: int
    result: str
    code: int
    enhanced_code: str
    reply: str
    backend: str
    next_at: int | None


class Dialect(Protocol):
    """The statements of a commit."""

    def begin(self, cursor: DBAPICursor) -> None:
        """Begins a transaction that will write."""

    def guard(
        self, cursor: DBAPICursor, edition: int, owner: str, batches: list[int], now: int
    ) -> tuple[dict[int, int], str]:
        """Locks those of the batches that ``owner`` holds at ``now``; returns their epochs and then, as it is behind
        that lock, the edition's state, empty when it is gone."""

    def renew(self, cursor: DBAPICursor, lease_until: int, batches: list[int]) -> None:
        """Prolongs leases that `guard` has locked."""

    def accepted(
        self, cursor: DBAPICursor, code: int, attempts: int, backend: int, at: int, edition: int, subscribers: list[int]
    ) -> None:
        """Writes one outcome, accepted, for many subscribers."""

    def outcomes(self, cursor: DBAPICursor, rows: Sequence[OutcomeRow]) -> None:
        """Writes outcomes."""

    def attempts(self, cursor: DBAPICursor, rows: Sequence[AttemptRow]) -> None:
        """Keeps attempts."""

    def intents(self, cursor: DBAPICursor, rows: Sequence[LaneRow]) -> None:
        """Writes what is now on each lane."""

    def clear(self, cursor: DBAPICursor, rows: Sequence[tuple[int, int, int]]) -> None:
        """Forgets ``(batch, lane, subscriber)``, where that subscriber is still on that lane."""


_BITS = 46
"""Of a subscriber's number, where a lane's number stands above it: more than there will be readers, and 131,072
lanes, where a backend has at most 1,000 connections with 100 messages under way."""
_ATTEMPT = "edition_id, subscriber_id, n, at, result, code, enhanced_code, reply, backend, next_at"


class SqliteDialect:
    """Rows as JSON: numbers only, so that Python's way of writing a list is JSON."""

    def begin(self, cursor: DBAPICursor) -> None:
        cursor.execute("BEGIN IMMEDIATE")

    def guard(
        self, cursor: DBAPICursor, edition: int, owner: str, batches: list[int], now: int
    ) -> tuple[dict[int, int], str]:
        cursor.execute(
            "SELECT e.state, b.id, b.epoch FROM edition e "
            "LEFT JOIN batch b ON b.id IN (SELECT value FROM json_each(?)) AND b.edition_id = e.id AND b.owner = ? "
            "AND b.state = 1 AND b.lease_until >= ? WHERE e.id = ?",
            (str(batches), owner, now, edition),
        )
        rows = cursor.fetchall()
        return {number: epoch for _, number, epoch in rows if number is not None}, rows[0][0] if rows else ""

    def renew(self, cursor: DBAPICursor, lease_until: int, batches: list[int]) -> None:
        cursor.execute(
            "UPDATE batch SET lease_until = ? WHERE id IN (SELECT value FROM json_each(?))", (lease_until, str(batches))
        )

    def accepted(
        self, cursor: DBAPICursor, code: int, attempts: int, backend: int, at: int, edition: int, subscribers: list[int]
    ) -> None:
        cursor.execute(
            "UPDATE delivery SET status = 1, code = ?, attempts = ?, backend = ?, at = ? "
            "WHERE edition_id = ? AND subscriber_id IN (SELECT value FROM json_each(?))",
            (code, attempts, backend, at, edition, str(subscribers)),
        )

    def outcomes(self, cursor: DBAPICursor, rows: Sequence[OutcomeRow]) -> None:
        cursor.executemany(
            "UPDATE delivery SET status = ?, code = ?, attempts = ?, backend = ?, at = ? "
            "WHERE edition_id = ? AND subscriber_id = ?",
            rows,
        )

    def attempts(self, cursor: DBAPICursor, rows: Sequence[AttemptRow]) -> None:
        cursor.executemany(f"INSERT INTO attempt ({_ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608

    def intents(self, cursor: DBAPICursor, rows: Sequence[LaneRow]) -> None:
        # Most rows differ in lane and subscriber alone. Two numbers in one are taken apart in half the time that the
        # same takes in JSON.
        alike: dict[tuple[int, int, int], list[int]] = {}
        for number, epoch, place, subscriber, backend in rows:
            if place >> 63 - _BITS or subscriber >> _BITS:
                raise ValueError(f"lane {place} or subscriber {subscriber} has too many bits")
            alike.setdefault((number, epoch, backend), []).append(place << _BITS | subscriber)
        for (number, epoch, backend), both in alike.items():
            cursor.execute(
                "INSERT OR REPLACE INTO lane (batch_id, lane, epoch, subscriber_id, backend) "
                "SELECT ?, value >> ?, ?, value & ?, ? FROM json_each(?)",
                (number, _BITS, epoch, (1 << _BITS) - 1, backend, str(both)),
            )

    def clear(self, cursor: DBAPICursor, rows: Sequence[tuple[int, int, int]]) -> None:
        cursor.executemany("DELETE FROM lane WHERE batch_id = ? AND lane = ? AND subscriber_id = ?", rows)


class PostgresqlDialect:
    """Rows as arrays, one for each column."""

    def begin(self, cursor: DBAPICursor) -> None:
        pass  # the driver begins with the first statement

    def guard(
        self, cursor: DBAPICursor, edition: int, owner: str, batches: list[int], now: int
    ) -> tuple[dict[int, int], str]:
        # In one order, so that two transactions cannot wait for each other.
        cursor.execute(
            "SELECT id, epoch FROM batch WHERE id = ANY(%s) "
            "AND edition_id = %s AND owner = %s AND state = 1 AND lease_until >= %s ORDER BY id FOR UPDATE",
            (batches, edition, owner, now),
        )
        epochs = dict(cursor.fetchall())
        cursor.execute("SELECT state FROM edition WHERE id = %s", (edition,))
        row = cursor.fetchone()
        return epochs, str(row[0]) if row else ""

    def renew(self, cursor: DBAPICursor, lease_until: int, batches: list[int]) -> None:
        cursor.execute("UPDATE batch SET lease_until = %s WHERE id = ANY(%s)", (lease_until, batches))

    def accepted(
        self, cursor: DBAPICursor, code: int, attempts: int, backend: int, at: int, edition: int, subscribers: list[int]
    ) -> None:
        cursor.execute(
            "UPDATE delivery SET status = 1, code = %s, attempts = %s, backend = %s, at = %s "
            "WHERE edition_id = %s AND subscriber_id = ANY(%s::bigint[])",
            (code, attempts, backend, at, edition, _array(subscribers)),
        )

    def outcomes(self, cursor: DBAPICursor, rows: Sequence[OutcomeRow]) -> None:
        cursor.execute(
            "UPDATE delivery d SET status = v.status, code = v.code, attempts = v.attempts, backend = v.backend, "
            "at = v.at FROM unnest(%s::smallint[], %s::smallint[], %s::smallint[], %s::smallint[], %s::bigint[], "
            "%s::integer[], %s::bigint[]) AS v (status, code, attempts, backend, at, edition_id, subscriber_id) "
            "WHERE d.edition_id = v.edition_id AND d.subscriber_id = v.subscriber_id",
            _columns(rows),
        )

    def attempts(self, cursor: DBAPICursor, rows: Sequence[AttemptRow]) -> None:
        cursor.execute(
            f"INSERT INTO attempt ({_ATTEMPT}) SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::smallint[], "  # noqa: S608
            "%s::bigint[], %s::text[], %s::smallint[], %s::text[], %s::text[], %s::text[], %s::bigint[])",
            _columns(rows),
        )

    def intents(self, cursor: DBAPICursor, rows: Sequence[LaneRow]) -> None:
        batches, epochs, lanes, subscribers, backends = (_array(column) for column in zip(*rows, strict=True))
        cursor.execute(
            "INSERT INTO lane (batch_id, epoch, lane, subscriber_id, backend) "
            "SELECT * FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::bigint[], %s::smallint[]) "
            "ON CONFLICT (batch_id, lane) DO UPDATE "
            "SET epoch = excluded.epoch, subscriber_id = excluded.subscriber_id, backend = excluded.backend",
            (batches, epochs, lanes, subscribers, backends),
        )

    def clear(self, cursor: DBAPICursor, rows: Sequence[tuple[int, int, int]]) -> None:
        cursor.execute(
            "DELETE FROM lane l USING unnest(%s::bigint[], %s::integer[], %s::bigint[]) AS v (batch_id, lane, "
            "subscriber_id) WHERE l.batch_id = v.batch_id AND l.lane = v.lane AND l.subscriber_id = v.subscriber_id",
            _columns(rows),
        )


def _array(numbers: Sequence[int]) -> str:
    """An array as PostgreSQL reads it. The driver takes ten times as long, since it looks at what each number is."""
    return f"{{{','.join(map(str, numbers))}}}"


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
