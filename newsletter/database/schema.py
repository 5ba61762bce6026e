"""Brings the schema up to date, and says whether it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from newsletter.database.engine import Database
from newsletter.errors import SchemaBehind

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6E6577736C  # any constant of ours: one upgrade at a time on PostgreSQL


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The newest revision that this program knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def current(database: Database) -> str | None:
    """The revision of the database's schema, None where there is none yet."""
    with database.read_connection() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database, revision: str = "head") -> None:
    """Brings the schema up to ``revision`` in one transaction; does nothing when it is there. Safe to run at once from
    several processes."""
    with _changing(database) as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Takes the schema back to ``revision``. Data of newer tables is lost."""
    with _changing(database) as connection:
        command.downgrade(_config(connection), revision)


@contextmanager
def _changing(database: Database) -> Iterator[Connection]:
    """A write transaction in which tables can be made anew.

    SQLite changes a constraint by copying the table and dropping the old one, and with foreign keys on a dropped table
    takes the rows of others with it. They can only be switched off outside of a transaction; before it ends we look
    that none is broken.
    """
    if not database.is_sqlite:
        with database.write_connection() as connection:
            yield connection
        return
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                if broken := connection.execute(text("PRAGMA foreign_key_check")).first():
                    raise RuntimeError(f"the new schema would leave {broken[0]} without the rows of {broken[2]}")
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def require_current(database: Database) -> None:
    """Raises `SchemaBehind` unless the schema is the one that this program was written for."""
    if current(database) != head():
        raise SchemaBehind
