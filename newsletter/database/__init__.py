"""The database: engines with safe transactions on SQLite and PostgreSQL, typed columns, migrations."""

from newsletter.database.engine import Database
from newsletter.database.types import Base, Instant, Json, metadata

__all__ = ["Base", "Database", "Instant", "Json", "metadata"]
