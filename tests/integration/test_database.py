"""The database: schema, instants, and transactions that lose nothing."""

from __future__ import annotations

import importlib
import multiprocessing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from newsletter.audience.models import Consent, SiteValue
from newsletter.database import Database, metadata
from newsletter.database.schema import current, downgrade, head, require_current, upgrade
from newsletter.editions.store import ensure
from newsletter.errors import ConfigError, SchemaAhead, SchemaBehind
from newsletter.testing import FixedClock


def test_models_and_migrations_agree(database: Database) -> None:
    """Autogenerate finds nothing to do after an upgrade."""
    for room in ("accounts", "stories", "editions", "audience", "delivery"):
        importlib.import_module(f"newsletter.{room}.models")

    def here(thing: Any, *_: object) -> bool:
        return thing.info.get("engine") in (None, "sqlite" if database.is_sqlite else "postgresql")

    with database.write_connection() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_object": here}
        )
        assert compare_metadata(context, metadata) == []


def test_schema_goes_down_and_up_again(database: Database) -> None:
    downgrade(database, "base")
    with pytest.raises(SchemaBehind, match="db upgrade"):
        require_current(database)
    upgrade(database)
    upgrade(database)
    assert current(database) == head()
    require_current(database)


def test_a_schema_of_a_later_program_is_named_in_one_line_and_left_alone(database: Database) -> None:
    with database.write_connection() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_later'"))
    for deed in (upgrade, require_current):
        with pytest.raises(SchemaAhead, match=r"schema '9999_later', which is newer than this program knows \(\d"):
            deed(database)
    assert current(database) == "9999_later"


def test_instants_come_back_aware_and_in_utc(database: Database) -> None:
    berlin = datetime.fromisoformat("2026-11-23T06:00:00.123+01:00")
    with database.writing() as session:
        session.add(Consent(digest="x", wording="yes", source="form", at=berlin))
    with database.reading() as session:
        at = session.scalars(select(Consent.at)).one()
    assert at == berlin
    assert at.tzinfo is UTC
    assert at.isoformat() == "2026-11-23T05:00:00.123000+00:00"


def test_a_naive_instant_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="aware"), database.writing() as session:
        session.add(Consent(digest="x", wording="yes", source="form", at=datetime(2026, 11, 23)))  # noqa: DTZ001


def test_a_foreign_key_is_kept(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write_connection() as connection:
        connection.execute(
            text(
                "INSERT INTO edition_event (edition_id, at, from_state, to_state, by, reason) VALUES (9, 1, '', '', '', '')"
            )
        )


def test_a_reading_session_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match=r"read.?only"), database.reading() as session:
        session.add(SiteValue(name="a", value="b"))
        session.flush()


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.writing() as session:
        session.add(SiteValue(name="a", value="b"))
        session.flush()
        raise RuntimeError
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SiteValue)) == 0


counter = Table("counter", MetaData(), Column("v", Integer, nullable=False))


def _count_up(url: str, times: int) -> None:
    database = Database(url)
    for _ in range(times):
        with database.write_connection() as connection:
            value = connection.execute(select(counter.c.v)).scalar_one()
            connection.execute(update(counter).values(v=value + 1))
    database.close()


def test_two_processes_lose_no_update_on_sqlite(tmp_path: Path) -> None:
    """Read, add, write back from two processes at once: every increment counts, and nobody is told to try again."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    database = Database(url)
    with database.write_connection() as connection:
        counter.create(connection)
        connection.execute(insert(counter).values(v=0))
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count_up, args=(url, 150)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    with database.read_connection() as connection:
        assert connection.execute(select(counter.c.v)).scalar_one() == 300


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://h/x"])
def test_a_database_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match="database"):
        Database(url)


def test_a_password_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Database("postgresql://omar:secret@127.0.0.1/x"))


def test_making_a_table_anew_takes_no_rows_of_others_with_it(database: Database, clock: FixedClock) -> None:
    """SQLite drops the old table of editions, and keeps what stands under it; a paused one is held after a downgrade."""
    with database.writing() as session:
        edition = ensure(session, "morning", date(2026, 11, 23), clock.now(), clock)
        edition.state = "paused"
    downgrade(database, "0003_who_decided")
    with database.read_connection() as connection:
        assert connection.execute(text("SELECT state FROM edition")).all() == [("held",)]
        assert connection.execute(text("SELECT count(*) FROM edition_event")).scalar_one() == 1
    upgrade(database)
    with database.write_connection() as connection:
        assert connection.execute(text("SELECT count(*) FROM edition_event")).scalar_one() == 1
        connection.execute(text("UPDATE edition SET state = 'paused'"))
    with pytest.raises(IntegrityError), database.write_connection() as connection:
        connection.execute(text("UPDATE edition SET state = 'lost'"))
    with pytest.raises(IntegrityError), database.write_connection() as connection:
        connection.execute(text("DELETE FROM edition_event"))
        connection.execute(
            text(
                "INSERT INTO edition_event (edition_id, at, from_state, to_state, by, reason) VALUES (9, 1, '', '', '', '')"
            )
        )


def test_what_people_decided_of_stories_before_is_kept_by_the_upgrade(database: Database) -> None:
    """Where the status is not the source's word, it was a person's; withheld was only ever a source's."""
    downgrade(database, "0002_paces")
    row = text(
        "INSERT INTO story (external_id, slug, status, source_status, source, latest_no, created_at, updated_at) "
        "VALUES (:name, :name, :status, :said, 'note', 0, 1, 2)"
    )
    stories = [
        {"name": "held", "status": "held", "said": "usable"},
        {"name": "as-said", "status": "usable", "said": "usable"},
        {"name": "unsaid", "status": "held", "said": None},
        {"name": "withheld", "status": "withheld", "said": "held"},
    ]
    with database.write_connection() as connection:
        connection.execute(row, stories)
    upgrade(database)
    with database.read_connection() as connection:
        found = connection.execute(text("SELECT slug, decision, decided_at FROM story ORDER BY id")).all()
    assert [tuple(one) for one in found] == [
        ("held", "held", 2), ("as-said", None, None), ("unsaid", None, None), ("withheld", None, None),
    ]  # fmt: skip


def test_what_a_failed_statement_says_names_no_value(database: Database) -> None:
    """Values are addresses and names, and what a statement says of itself stands in logs."""
    with pytest.raises(DBAPIError) as failed, database.read_connection() as connection:
        connection.execute(text("SELECT :email FROM nowhere"), {"email": "rita@example.org"})
    assert "rita" not in str(failed.value)
