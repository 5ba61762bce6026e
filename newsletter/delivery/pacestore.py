"""Paces in the database: every worker draws its tokens from the same rows, so that all together keep one limit.

A worker leases whole tokens for the next moment, and gives back what it did not use. A token is in the row or with one
worker, so the sum is right however many workers there are, and nobody has to count them. A row is written only as the
version that was read; who comes second reads again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from newsletter.database import Database
from newsletter.delivery.models import pace as table
from newsletter.delivery.pace import Pace, Plan, Told

FORGET = timedelta(days=30)
"""A row that nobody has used for so long goes."""

_ATTEMPTS = 5


class Request(NamedTuple):
    """What one worker wants of one pace, and has to say to it."""

    name: str
    plan: Plan
    want: float
    back: float
    """Tokens that it did not use."""
    told: Told


@dataclass(frozen=True, slots=True)
class Answer:
    """How a pace stands. ``pace`` is None where there is none any more: it goes as fast as it can."""

    pace: Pace | None
    granted: int = 0


class PaceStore(Protocol):
    """Where paces live."""

    def read(self, now: datetime) -> dict[str, Pace]:
        """All there are, by name."""

    def exchange(self, requests: Iterable[Request], now: datetime) -> dict[str, Answer]:
        """Serves requests; those of which nothing could be written are missing in the answer."""


class DatabasePaces:
    """The paces of one backend. Any thread may call it."""

    def __init__(self, database: Database, backend: str) -> None:
        self._database, self._backend = database, backend

    def read(self, now: datetime) -> dict[str, Pace]:
        """All there are, by name; those that have been idle for long are deleted."""
        with self._database.read_connection() as connection:
            rows = connection.execute(select(table).where(table.c.backend == self._backend)).all()
        old = now - FORGET
        if any(row.at < old for row in rows):
            with self._database.write_connection() as connection:
                connection.execute(
                    delete(table).where(
                        table.c.backend == self._backend,
                        table.c.at < old,
                        or_(table.c.paused_until.is_(None), table.c.paused_until < now),
                    )
                )
        return {row.name: _pace(row) for row in rows if row.at >= old or (row.paused_until or now) > now}

    def exchange(self, requests: Iterable[Request], now: datetime) -> dict[str, Answer]:
        """Serves requests in one transaction, in the order of their names, so that two cannot wait for each other."""
        answers = {}
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # as it is stored: no token for what is cut off
        with self._database.write_connection() as connection:
            for request in sorted(requests, key=lambda request: request.name):
                for _ in range(_ATTEMPTS):
                    answer = self._serve(connection, request, now)
                    if answer is not None:
                        answers[request.name] = answer
                        break
        return answers

    def _serve(self, connection: Connection, request: Request, now: datetime) -> Answer | None:
        name, plan, want, back, told = request
        row = connection.execute(
            select(table).where(table.c.backend == self._backend, table.c.name == name)
        ).one_or_none()
        if row is None:
            first = _first(plan, told, now)
            if first is None:
                return Answer(None)
            pace, granted = first.told(told, now).taken(want, now)
            values = {"backend": self._backend, "name": name, "version": 1, **_values(pace)}
            try:
                with connection.begin_nested():
                    connection.execute(insert(table).values(values))
            except IntegrityError:  # another worker was first
                return None
            return Answer(pace, granted)
        mine = table.c.backend == self._backend, table.c.name == name, table.c.version == row.version
        pace = _pace(row).configured(plan)
        pace = replace(pace, tokens=pace.tokens + back).refilled(plan, now).told(told, now)
        if pace.over(plan, now):
            gone = connection.execute(delete(table).where(*mine))
            return Answer(None) if gone.rowcount == 1 else None
        pace, granted = pace.taken(want, now)
        written = connection.execute(update(table).where(*mine).values(version=row.version + 1, **_values(pace)))
        return Answer(pace, granted) if written.rowcount == 1 else None


def _first(plan: Plan, told: Told, now: datetime) -> Pace | None:
    if plan.rate is not None:
        return Pace.full(plan.rate, plan.burst, now)
    if not told.throttled and told.rate is None and told.paused_until is None:
        return None
    # Nobody has said how fast: what went when the server complained was too fast, and twice that is certainly enough.
    return Pace(max(told.seen, 1.0), max(2 * told.seen, 1.0), 1.0, now)


def _pace(row: Row[Any]) -> Pace:
    return Pace(row.rate, row.ceiling, row.tokens, row.at, row.paused_until, row.slowed_at, row.held_until)


def _values(pace: Pace) -> dict[str, object]:
    return {name: getattr(pace, name) for name in Pace.__slots__}
