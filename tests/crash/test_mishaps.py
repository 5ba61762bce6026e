"""A sender is frozen past its lease, its clock is set, its database restarts, its server is moody."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery.ledger import InDoubt
from tests.crash.postgres import Postgres
from tests.crash.scene import CONNECTIONS, Scene
from tests.crash.sender import LEASE
from tests.crash.sink import Mood, Sink

READERS = 200
RULES = pytest.mark.parametrize("in_doubt", ["hold", "resend"])


@contextmanager
def frozen(scene: Scene, pid: int) -> Iterator[None]:
    """Stops a process where it stands, but not where it has the database locked: nobody could take over then."""
    for _ in range(200):
        os.kill(pid, signal.SIGSTOP)
        if not locked(scene.database):
            break
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.003)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def locked(database: Database) -> bool:
    """Whether a writer could not write now."""
    if database.is_sqlite:
        with closing(sqlite3.connect(database.url.database or "", timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("SELECT id FROM batch FOR UPDATE NOWAIT")
    except OperationalError:
        return True
    return False


@RULES
def test_a_sender_that_wakes_up_after_its_lease_sends_nothing_more_and_writes_nothing(
    database: Database, tmp_path: Path, in_doubt: InDoubt
) -> None:
    """But for final dots that had been let through before it slept: their readers are in doubt, by name."""
    with Sink(tmp_path / "sink", Mood(slow=0.01)) as sink:
        scene = Scene(database, tmp_path, sink, readers=READERS, in_doubt=in_doubt)
        zombie = scene.start()
        assert zombie.pid is not None
        scene.when_taken(READERS // 4, zombie.is_alive)
        with frozen(scene, zombie.pid):
            scene.crashed()
            scene.finish()
            before, ledger = sink.copies(), scene.world.statuses()
        scene.end(zombie)
        late = sink.copies() - before
        assert sum(late.values()) <= CONNECTIONS
        assert scene.world.statuses() == ledger
        assert not scene.tally().broken


@pytest.mark.parametrize("hours", [2, -2])
@RULES
def test_the_clock_is_set_in_mid_send_and_nobody_is_mailed_twice_but_by_the_rule(
    database: Database, tmp_path: Path, hours: int, in_doubt: InDoubt
) -> None:
    with Sink(tmp_path / "sink", Mood(slow=0.002)) as sink:
        scene = Scene(database, tmp_path, sink, readers=READERS, in_doubt=in_doubt)
        process = scene.start()
        scene.when_taken(READERS // 4, process.is_alive)
        scene.clock.jump(hours * 3600)
        scene.crashes += 1  # set forwards, it ends every lease, also those of a living sender
        scene.end(process)
        scene.finish()
        found = scene.tally()
    assert not found.broken
    if hours < 0:
        assert found.doubts == found.extra == 0


def test_a_sender_whose_clock_was_set_back_is_killed_and_the_edition_still_comes_to_its_end(
    database: Database, tmp_path: Path
) -> None:
    with Sink(tmp_path / "sink") as sink:
        scene = Scene(database, tmp_path, sink, readers=READERS)
        process = scene.start()
        scene.when_taken(READERS // 4, process.is_alive)
        scene.clock.jump(-7200)
        scene.kill(process)
        scene.finish()
        assert not scene.tally().broken


@pytest.mark.parametrize(
    "mood",
    [
        pytest.param(Mood(drop=0.1), id="takes it and drops the reply"),
        pytest.param(Mood(busy=0.15, leave=0.15), id="451 and 421 at random"),
        pytest.param(Mood(drop=0.05, busy=0.1, leave=0.1, cut=0.1), id="all of it"),
    ],
)
@RULES
def test_a_moody_server_loses_nobody_and_doubles_nobody_but_by_the_rule(
    database: Database, tmp_path: Path, mood: Mood, in_doubt: InDoubt
) -> None:
    """In doubt, or under resend sent again, is exactly who got no reply."""
    with Sink(tmp_path / "sink", mood) as sink:
        scene = Scene(database, tmp_path, sink, readers=READERS, in_doubt=in_doubt)
        scene.finish()
        found = scene.tally()
        assert not found.broken
        assert (found.doubts if in_doubt == "hold" else found.extra) == sink.dropped()
        assert found.arrived == found.doubts


@pytest.mark.needs("postgresql")
def test_postgresql_stops_in_mid_commit_and_the_send_goes_on_when_it_is_back(tmp_path: Path) -> None:
    """Stopped at once, three times, while every commit waits 20 ms for its turn to reach the disk."""
    with Postgres("commit_delay=20000", "commit_siblings=0") as server, Sink(tmp_path / "sink") as sink:
        database = Database(server.url)
        upgrade(database)
        scene = Scene(database, tmp_path, sink, readers=READERS)
        dice = random.Random()
        for _ in range(3):
            process = scene.start(rounds=10)
            scene.when_taken(20, process.is_alive)
            time.sleep(dice.random() * 0.02)
            server.stop()
            server.start()
            process.join(LEASE)
            assert process.exitcode is not None, "a sender hangs without its database"
            scene.crashed()
        scene.finish()
        assert not scene.tally().broken
        database.close()
