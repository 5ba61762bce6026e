"""Engines whose transactions lose nothing.

SQLite: WAL, ``synchronous=FULL``, foreign keys on, a busy timeout, writers begin with ``BEGIN IMMEDIATE`` (the driver's
own way of beginning loses updates, and a deferred one fails on upgrade without waiting). One write engine with one
connection for each process, one read engine that cannot write. PostgreSQL: ordinary pools.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool, QueuePool

from newsletter.errors import ConfigError

BUSY_TIMEOUT_MS = 30_000
_OPTIONS = "-c timezone=UTC -c idle_in_transaction_session_timeout=60000"


class Database:
    """One database, however many threads. Sessions and connections come from the two pairs of context managers."""

    def __init__(self, url: str | URL, *, root: Path | None = None) -> None:
        """``url`` is what the config says; a relative SQLite file is meant from ``root``. Raises `ConfigError`."""
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise ConfigError("database is no URL: write sqlite:///newsletter.db or postgresql+psycopg://…") from None
        backend = parsed.get_backend_name()
        if backend == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise ConfigError("database must be a file: write sqlite:///newsletter.db")
            if root is not None and not Path(parsed.database).is_absolute():
                parsed = parsed.set(database=str(root / parsed.database))
            self._write = _sqlite(parsed, writer=True)
            self._read = _sqlite(parsed, writer=False)
        elif backend == "postgresql":
            # A bare postgresql:// means another driver in another version of SQLAlchemy.
            parsed = parsed.set(drivername="postgresql+psycopg")
            self._write = self._read = _postgresql(parsed)
        else:
            raise ConfigError(f"database speaks {backend}: only sqlite and postgresql are supported")
        self.url = parsed
        self.is_sqlite = backend == "sqlite"
        self._kept: Connection | None = None

    def __repr__(self) -> str:
        return f"Database({self.url.render_as_string(hide_password=True)!r})"

    @property
    def engine(self) -> Engine:
        """The engine that may write."""
        return self._write

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session on one consistent view that cannot write."""
        with Session(self._read) as session:
            if not self.is_sqlite:
                session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session in a write transaction: committed when the block ends, rolled back when it raises."""
        with Session(self._write, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read_connection(self) -> Iterator[Connection]:
        """A connection for reading with Core."""
        with self._read.connect() as connection:
            yield connection

    @contextmanager
    def write_connection(self) -> Iterator[Connection]:
        """A connection in a write transaction for Core: committed when the block ends, rolled back when it raises."""
        if self._kept is not None:
            with self._kept.begin():
                yield self._kept
            return
        with self._write.begin() as connection:
            yield connection

    @contextmanager
    def driver_connection(self) -> Iterator[DBAPIConnection]:
        """The driver's own connection for writing, not yet in a transaction: for what runs hundreds of times a second.
        Whoever borrows it commits, or rolls back when something raises. What the driver raises comes out as
        SQLAlchemy's error of the same name, as everywhere else."""
        kept = self._kept
        fairy = self._write.raw_connection() if kept is None else kept.connection
        try:
            assert fairy.dbapi_connection is not None
            yield fairy.dbapi_connection
        except self._write.dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(None, None, error, self._write.dialect.loaded_dbapi.Error) from error
        finally:
            if kept is None:
                fairy.close()

    @contextmanager
    def one_writer(self) -> Iterator[None]:
        """While the block lasts, whatever is written through the two above goes over one connection that is not given
        back in between, which saves a third of a small commit. For a process whose one thread writes."""
        with self._write.connect() as connection:
            self._kept = connection
            try:
                yield
            finally:
                self._kept = None

    def close(self) -> None:
        """Closes every pooled connection."""
        self._write.dispose()
        self._read.dispose()


def _sqlite(url: URL, *, writer: bool) -> Engine:
    # A writer's lock is the database's: more than one connection a process would only wait for each other.
    pool: dict[str, Any] = (
        {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": BUSY_TIMEOUT_MS / 1000}
        if writer
        else {"poolclass": NullPool}
    )
    engine = create_engine(
        url,
        hide_parameters=True,  # they are addresses and names, and errors stand in logs
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        **pool,
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we begin transactions, not the driver
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        if writer:
            cursor.execute("PRAGMA journal_mode=WAL")
            # Who is erased is gone from the file too, and not only from its tables.
            cursor.execute("PRAGMA secure_delete=ON")
        else:
            cursor.execute("PRAGMA query_only=ON")
        # What a reader sorts or groups stays in memory as far as the cache goes, and then in a file: in memory alone
        # the report of ten million readers would take half a gigabyte. Nothing that is written sorts so much.
        for pragma in (
            "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384", f"temp_store={'MEMORY' if writer else 'FILE'}",
        ):  # fmt: skip
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    return create_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
        hide_parameters=True,
        # Compiling a statement anew takes longer than any of ours runs.
        connect_args={"connect_timeout": 10, "options": f"{_OPTIONS} -c jit=off"},
    )
