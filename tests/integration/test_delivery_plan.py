"""Freezing the recipients: who, once, in batches, however often it is interrupted."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, true

from newsletter.audience.models import Subscriber
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery import plan
from newsletter.delivery.models import delivery
from newsletter.delivery.plan import VariantRule, freeze
from newsletter.editions.models import Edition
from newsletter.errors import NotFound, WrongState
from newsletter.testing import FixedClock
from tests.integration.delivery_world import (
    NOW,
    SUPPRESSED,
    add_edition,
    add_readers,
    batches,
    set_state,
    suppress,
)


def rules(variants: list[int]) -> list[VariantRule]:
    """Odd ids below 60 get the first variant, everybody from Germany the second."""
    return [
        VariantRule(variants[0], (Subscriber.id % 2 == 1) & (Subscriber.id < 60), NOW),
        VariantRule(variants[1], Subscriber.country == "DE", NOW),
    ]


def frozen(database: Database, edition: int) -> dict[int, int]:
    with database.read_connection() as connection:
        rows = connection.execute(
            select(delivery.c.subscriber_id, delivery.c.variant).where(delivery.c.edition_id == edition)
        ).all()
    return {row[0]: row[1] for row in rows}


def assert_batches_hold_everyone_once(database: Database, edition: int, variants: list[int], size: int) -> None:
    seen: Counter[int] = Counter()
    everyone = frozen(database, edition)
    for row in batches(database):
        mine = [
            reader for reader, no in everyone.items() if variants[no] == row.variant_id and row.lo <= reader <= row.hi
        ]
        assert len(mine) == row.n <= size
        seen.update(mine)
    assert seen == Counter(everyone.keys())


def test_the_first_rule_that_fits_wins_and_suppressed_people_get_nothing(database: Database, clock: FixedClock) -> None:
    add_readers(database, range(1, 101), lambda number: "DE" if number % 4 else "FR")
    suppress(database, 3, 5)
    edition, variants = add_edition(database, [["fake"], ["fake"]])
    assert freeze(database, edition, rules(variants), SUPPRESSED, clock, chunk=30, batch_size=7) == 73
    expected = dict.fromkeys(range(1, 60, 2), 0) | {n: 1 for n in range(1, 101) if n % 4 and (n % 2 == 0 or n >= 60)}
    assert frozen(database, edition) == {n: no for n, no in expected.items() if n not in (3, 5)}
    assert_batches_hold_everyone_once(database, edition, variants, 7)


def test_ids_far_apart_cost_no_empty_chunks_and_lose_nobody(database: Database, clock: FixedClock) -> None:
    add_readers(database, [1, 2, 5_000_000, 5_000_001, 9_000_000_000])
    edition, variants = add_edition(database)
    turns = []
    event.listen(database.engine, "commit", lambda _: turns.append(1))
    assert freeze(database, edition, [VariantRule(variants[0], true(), NOW)], SUPPRESSED, clock, chunk=100) == 5
    assert len(turns) == 4  # three islands of ids, and the end
    assert set(frozen(database, edition)) == {1, 2, 5_000_000, 5_000_001, 9_000_000_000}


def test_freezing_again_adds_nobody_who_came_later(database: Database, clock: FixedClock) -> None:
    add_readers(database, range(1, 11))
    edition, variants = add_edition(database)
    everybody = [VariantRule(variants[0], true(), NOW)]
    assert freeze(database, edition, everybody, SUPPRESSED, clock) == 10
    add_readers(database, range(11, 21))
    assert freeze(database, edition, everybody, SUPPRESSED, clock) == 10
    assert len(frozen(database, edition)) == 10


def test_nobody_fits_and_the_freeze_is_done(database: Database, clock: FixedClock) -> None:
    edition, variants = add_edition(database)
    assert freeze(database, edition, [VariantRule(variants[0], true(), NOW)], SUPPRESSED, clock) == 0
    assert batches(database) == []
    with database.reading() as session:
        assert session.get_one(Edition, edition).snapshot_done


def test_a_freeze_killed_at_any_statement_goes_on_and_ends_as_if_it_had_not_been(
    database: Database, clock: FixedClock
) -> None:
    """For every n: the n-th statement fails, then it runs again; the outcome is the undisturbed one each time."""

    class Killed(BaseException):
        pass

    add_readers(database, range(1, 101))
    left = 0

    def kill(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    event.listen(database.engine, "before_cursor_execute", kill)
    undisturbed: dict[int, int] | None = None
    killed = True
    for n in range(100):
        edition, variants = add_edition(database, [["fake"], ["fake"]], day=1)
        left = n
        try:
            freeze(database, edition, rules(variants), SUPPRESSED, clock, chunk=40, batch_size=9)
            killed = False
        except Killed:
            killed = True
        left = 0
        assert freeze(database, edition, rules(variants), SUPPRESSED, clock, chunk=40, batch_size=9) == 100
        assert_batches_hold_everyone_once(database, edition, variants, 9)
        if undisturbed is None:
            undisturbed = frozen(database, edition)
        assert frozen(database, edition) == undisturbed
        with database.write_connection() as connection:
            connection.execute(delivery.delete())
            connection.execute(Edition.__table__.delete())  # type: ignore[attr-defined]
        if n and not killed:
            break
    assert n > 15
    assert not killed


def _freeze(url: str, edition: int, variants: list[int]) -> None:
    database = Database(url)
    freeze(database, edition, [VariantRule(variants[0], true(), NOW)], SUPPRESSED, SystemClock(), chunk=50)
    database.close()


def test_two_processes_that_freeze_at_once_freeze_once(database: Database) -> None:
    add_readers(database, range(1, 2001))
    edition, variants = add_edition(database)
    context = multiprocessing.get_context("spawn")
    url = database.url.render_as_string(hide_password=False)
    workers = [context.Process(target=_freeze, args=(url, edition, variants)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(frozen(database, edition)) == 2000
    assert_batches_hold_everyone_once(database, edition, variants, 1000)
    with database.reading() as session:
        found = session.get_one(Edition, edition)
        assert (found.recipients, found.snapshot_done) == (2000, True)


def test_an_edition_aborted_in_mid_freeze_freezes_nobody_more(database: Database, clock: FixedClock) -> None:
    add_readers(database, range(1, 11))
    edition, variants = add_edition(database)
    set_state(database, edition, "aborted")
    with pytest.raises(WrongState, match="aborted"):
        freeze(database, edition, [VariantRule(variants[0], true(), NOW)], SUPPRESSED, clock)
    assert frozen(database, edition) == {}


def test_a_variant_of_another_edition_is_refused(tmp_path: Path, clock: FixedClock) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(database)
    edition, _ = add_edition(database)
    _, others = add_edition(database, day=24)
    with pytest.raises(NotFound, match="no variant"):
        freeze(database, edition, [VariantRule(others[0], true(), NOW)], SUPPRESSED, clock)
    database.close()


def test_postgresql_has_counted_the_deliveries_of_a_large_edition(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "_MANY", 100)
    add_readers(database, range(1, 201))
    edition, variants = add_edition(database)
    assert freeze(database, edition, [VariantRule(variants[0], true(), NOW)], SUPPRESSED, clock) == 200
    if database.is_sqlite:
        return  # it plans without counts
    with database.read_connection() as connection:
        assert connection.exec_driver_sql("SELECT reltuples FROM pg_class WHERE relname = 'delivery'").scalar() == 200
