"""Brings the schema up to date, and says whether it is.

Alembic is loaded by what changes the schema alone: every command asks whether it is current, and most would carry
Alembic's 12 MB for that one answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from newsletter.database.engine import Database
from newsletter.errors import SchemaAhead, SchemaBehind

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_REVISION = re.compile(r"""^revision = ["'](\w+)["']""", re.MULTILINE)
_LOCK = 0x6E6577736C  # any constant of ours: one upgrade at a time on PostgreSQL


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The newest revision that this program knows: the files are numbered."""
    return _revision(max(_files()))


def _files() -> Iterator[Path]:
    return (_MIGRATIONS / "versions").glob("[0-9]*.py")


def _revision(file: Path) -> str:
    found = _REVISION.search(file.read_text("utf-8"))
    assert found is not None, f"{file.name} names no revision"
    return found[1]


def current(database: Database) -> str | None:
    """The revision of the database's schema, None where there is none yet."""
    with database.read_connection() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def upgrade(database: Database, revision: str = "head") -> None:
    """Brings the schema up to ``revision`` in one transaction; does nothing when it is there. Safe to run at once from
    several processes. Raises `SchemaAhead`."""
    _refuse_newer(current(database))
    from alembic import command

    with _changing(database) as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Takes the schema back to ``revision``. Data of newer tables is lost."""
    from alembic import command

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
    """Raises `SchemaBehind` or `SchemaAhead` unless the schema is the one that this program was written for."""
    if (found := current(database)) != head():
        _refuse_newer(found)
        raise SchemaBehind


def _refuse_newer(revision: str | None) -> None:
    """What no file of ours names was made by a later program."""
    if revision is not None and revision not in map(_revision, _files()):
        raise SchemaAhead(
            f"the database has the schema {revision!r}, which is newer than this program knows ({head()}): "
            "run the program that made it, or a later one; nothing was changed"
        )
