"""Brings the schema up to date, and says whether it is."""

from __future__ import annotations

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
    with database.write_connection() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Takes the schema back to ``revision``. Data of newer tables is lost."""
    with database.write_connection() as connection:
        command.downgrade(_config(connection), revision)


def require_current(database: Database) -> None:
    """Raises `SchemaBehind` unless the schema is the one that this program was written for."""
    if current(database) != head():
        raise SchemaBehind
