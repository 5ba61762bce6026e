"""What runs once a message, in each engine's quickest form: rows of a driver's own cursor, not SQLAlchemy's.

Outcomes are ``(status, code, attempts, backend, at, edition, subscriber)``, lanes
``(batch, lane, epoch, subscriber, backend)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.engine.interfaces import DBAPICursor

OutcomeRow = tuple[int, int, int, int, int, int, int]
LaneRow = tuple[int, int, int, int, int]


class Dialect(Protocol):
    """The statements of a commit."""

    def renew(self, cursor: DBAPICursor, lease_until: int, batch: int, owner: str, epoch: int, now: int) -> bool:
        """Prolongs a lease that is still held; says whether it is."""

    def state(self, cursor: DBAPICursor, edition: int) -> str:
        """The state of an edition, empty when it is gone."""

    def outcomes(self, cursor: DBAPICursor, rows: Sequence[OutcomeRow]) -> None:
        """Writes outcomes."""

    def intents(self, cursor: DBAPICursor, rows: Sequence[LaneRow]) -> None:
        """Writes what is now on each lane."""

    def clear(self, cursor: DBAPICursor, rows: Sequence[tuple[int, int, int]]) -> None:
        """Forgets ``(batch, lane, subscriber)``, where that subscriber is still on that lane."""


class SqliteDialect:
    """One prepared statement, many rows."""

    def renew(self, cursor: DBAPICursor, lease_until: int, batch: int, owner: str, epoch: int, now: int) -> bool:
        cursor.execute(
            "UPDATE batch SET lease_until = ? "
            "WHERE id = ? AND owner = ? AND epoch = ? AND state = 1 AND lease_until >= ?",
            (lease_until, batch, owner, epoch, now),
        )
        return cursor.rowcount == 1

    def state(self, cursor: DBAPICursor, edition: int) -> str:
        cursor.execute("SELECT state FROM edition WHERE id = ?", (edition,))
        row = cursor.fetchone()
        return str(row[0]) if row else ""

    def outcomes(self, cursor: DBAPICursor, rows: Sequence[OutcomeRow]) -> None:
        cursor.executemany(
            "UPDATE delivery SET status = ?, code = ?, attempts = ?, backend = ?, at = ? "
            "WHERE edition_id = ? AND subscriber_id = ?",
            rows,
        )

    def intents(self, cursor: DBAPICursor, rows: Sequence[LaneRow]) -> None:
        cursor.executemany(
            "INSERT OR REPLACE INTO lane (batch_id, lane, epoch, subscriber_id, backend) VALUES (?, ?, ?, ?, ?)", rows
        )

    def clear(self, cursor: DBAPICursor, rows: Sequence[tuple[int, int, int]]) -> None:
        cursor.executemany("DELETE FROM lane WHERE batch_id = ? AND lane = ? AND subscriber_id = ?", rows)


class PostgresqlDialect:
    """One statement a commit, its rows as arrays: three times as quick as many statements."""

    def renew(self, cursor: DBAPICursor, lease_until: int, batch: int, owner: str, epoch: int, now: int) -> bool:
        cursor.execute(
            "UPDATE batch SET lease_until = %s "
            "WHERE id = %s AND owner = %s AND epoch = %s AND state = 1 AND lease_until >= %s",
            (lease_until, batch, owner, epoch, now),
        )
        return cursor.rowcount == 1

    def state(self, cursor: DBAPICursor, edition: int) -> str:
        cursor.execute("SELECT state FROM edition WHERE id = %s", (edition,))
        row = cursor.fetchone()
        return str(row[0]) if row else ""

    def outcomes(self, cursor: DBAPICursor, rows: Sequence[OutcomeRow]) -> None:
        cursor.execute(
            "UPDATE delivery d SET status = v.status, code = v.code, attempts = v.attempts, backend = v.backend, "
            "at = v.at FROM unnest(%s::smallint[], %s::smallint[], %s::smallint[], %s::smallint[], %s::bigint[], "
            "%s::integer[], %s::bigint[]) AS v (status, code, attempts, backend, at, edition_id, subscriber_id) "
            "WHERE d.edition_id = v.edition_id AND d.subscriber_id = v.subscriber_id",
            [list(column) for column in zip(*rows, strict=True)],
        )

    def intents(self, cursor: DBAPICursor, rows: Sequence[LaneRow]) -> None:
        cursor.execute(
            "INSERT INTO lane (batch_id, lane, epoch, subscriber_id, backend) "
            "SELECT * FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::bigint[], %s::smallint[]) "
            "ON CONFLICT (batch_id, lane) DO UPDATE "
            "SET epoch = excluded.epoch, subscriber_id = excluded.subscriber_id, backend = excluded.backend",
            [list(column) for column in zip(*rows, strict=True)],
        )

    def clear(self, cursor: DBAPICursor, rows: Sequence[tuple[int, int, int]]) -> None:
        cursor.execute(
            "DELETE FROM lane l USING unnest(%s::bigint[], %s::integer[], %s::bigint[]) AS v (batch_id, lane, "
            "subscriber_id) WHERE l.batch_id = v.batch_id AND l.lane = v.lane AND l.subscriber_id = v.subscriber_id",
            [list(column) for column in zip(*rows, strict=True)],
        )
