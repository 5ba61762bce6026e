"""What every test can use: the `needs` marker, and a database of its own on each engine."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, make_url

from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.testing import FixedClock
from tests import servers

# The machines are slow and shared: how long an example takes says nothing about the code.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("default")

os.environ.setdefault("TZ", "Pacific/Apia")  # far from UTC, so that a naive local time shows


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    for marker in request.node.iter_markers("needs"):
        if gone := servers.missing(*marker.args):
            if servers.REQUIRED:
                pytest.fail(gone)
            pytest.skip(gone)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.needs("postgresql")),
    ]
)
def database(request: pytest.FixtureRequest, tmp_path: Path, _needs: None) -> Iterator[Database]:
    """An empty database with the newest schema, on SQLite and again on PostgreSQL."""
    if request.param == "sqlite":
        db: Database = request.getfixturevalue("on_sqlite")
        yield db
        return
    template = request.getfixturevalue("_template")
    with _postgresql(template) as db:
        yield db


@contextmanager
def _postgresql(template: str) -> Iterator[Database]:
    """A database made from a template, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    server = create_engine(servers.POSTGRES_URL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    db = Database(make_url(servers.POSTGRES_URL).set(database=name))
    try:
        yield db
    finally:
        db.close()
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        server.dispose()


@pytest.fixture(scope="session")
def _template() -> Iterator[str]:
    """The name of a database with the newest schema that nobody is connected to. Each worker has one of its own, since
    two cannot copy one at the same moment."""
    with _postgresql("template0") as db:
        upgrade(db)
        db.close()
        assert db.url.database
        yield db.url.database


@pytest.fixture(scope="session")
def _newest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("newest") / "newsletter.db"
    db = Database(f"sqlite:///{path}")
    upgrade(db)
    db.close()
    return path


@pytest.fixture
def on_sqlite(_newest: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty database with the newest schema, on SQLite alone: for what does not ask which engine it is on."""
    shutil.copy(_newest, tmp_path / "newsletter.db")
    db = Database(f"sqlite:///{tmp_path / 'newsletter.db'}")
    yield db
    db.close()


@pytest.fixture
def clock() -> FixedClock:
    """Four in the morning, UTC, of Monday, 23 November 2026."""
    return FixedClock()
