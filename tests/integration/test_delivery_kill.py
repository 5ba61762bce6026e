"""``kill -9`` in mid-send, counted at the sink and not by ourselves."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.delivery.models import Status
from newsletter.delivery.report import names, report
from tests.integration.delivery_child import LANES
from tests.integration.delivery_world import World, address, make_world

READERS = 1_500
KILLS = 5


def copies(sink: Path) -> Counter[int]:
    return Counter(int(line) for line in sink.read_text().split()) if sink.exists() else Counter()


def child(world: World, sink: Path, in_doubt: str, run: int) -> subprocess.Popen[bytes]:
    url = world.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.integration.delivery_child", url, str(world.edition), str(sink), in_doubt]
    return subprocess.Popen([*command, str(run * 61)], cwd=Path(__file__).parents[2])


def kill_and_resume(world: World, sink: Path, in_doubt: str) -> int:
    """Sends, killed after a random number of messages each time; returns how many of the kills hit a live sender."""
    dice = random.Random()
    hits = 0
    for run in range(KILLS):
        enough = sum(copies(sink).values()) + dice.randrange(1, READERS // (KILLS + 1))
        process = child(world, sink, in_doubt, run)
        until = time.monotonic() + 60
        while process.poll() is None and sum(copies(sink).values()) < enough and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(dice.random() * 0.005)
        process.kill()
        hits += process.wait() == -9
    process = child(world, sink, in_doubt, KILLS)
    assert process.wait(60) == 0
    return hits


def test_killed_and_resumed_under_hold_nobody_gets_it_twice_and_everyone_else_is_named(
    database: Database, tmp_path: Path
) -> None:
    world = make_world(database, SystemClock(), READERS, batch_size=100)
    sink = tmp_path / "sink"
    hits = kill_and_resume(world, sink, "hold")
    assert hits == KILLS
    got = copies(sink)
    assert max(got.values()) == 1
    statuses = world.statuses()
    accepted = {reader for reader, status in statuses.items() if status is Status.ACCEPTED}
    doubtful = {reader for reader, status in statuses.items() if status is Status.IN_DOUBT}
    assert accepted <= set(got)
    assert accepted | doubtful == set(range(1, READERS + 1))
    assert 0 < len(doubtful) <= KILLS * LANES
    named = names(database, world.edition, Status.IN_DOUBT)
    assert {one.email for one in named} == {address(reader) for reader in doubtful}
    assert report(database, world.edition).counts.to_go == 0
    assert world.balanced()
    again = child(world, sink, "hold", KILLS + 1)
    assert again.wait(60) == 0
    assert copies(sink) == got


def test_killed_and_resumed_under_resend_everyone_gets_it_and_at_most_one_lane_each_kill_twice(
    database: Database, tmp_path: Path
) -> None:
    world = make_world(database, SystemClock(), READERS, batch_size=100)
    sink = tmp_path / "sink"
    hits = kill_and_resume(world, sink, "resend")
    got = copies(sink)
    assert set(got) == set(range(1, READERS + 1))
    assert sum(got.values()) - READERS <= hits * LANES
    assert world.count(Status.ACCEPTED) == READERS
    assert world.balanced()


def test_a_second_process_that_comes_while_the_first_one_lives_sends_only_what_the_first_does_not(
    database: Database, tmp_path: Path
) -> None:
    world = make_world(database, SystemClock(), READERS, batch_size=50)
    sink = tmp_path / "sink"
    processes = [child(world, sink, "hold", 0) for _ in range(2)]
    assert {process.wait(60) for process in processes} <= {0, 3}  # 3: the other one still held a batch
    assert copies(sink) == Counter(range(1, READERS + 1))
    assert world.count(Status.ACCEPTED) == READERS
