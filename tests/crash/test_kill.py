"""``kill -9`` in mid-send, counted at the sink and not by ourselves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from newsletter.database import Database
from newsletter.delivery.ledger import InDoubt
from tests.crash.loop import MOODS, kill_loop
from tests.crash.scene import Scene
from tests.crash.sink import PATIENCE, Mood, Sink

KILLS = {"quick": 4, "slow": 2, "BDAT × 3": 2, "moody": 1, "moody, BDAT × 3": 1}


@pytest.mark.parametrize("mood", KILLS, ids=["quick", "slow", "BDAT", "moody", "moody BDAT"])
@pytest.mark.parametrize("in_doubt", ["hold", "resend"])
def test_whoever_is_killed_nobody_is_lost_and_nobody_mailed_twice_but_by_the_rule(
    database: Database, tmp_path: Path, in_doubt: InDoubt, mood: str
) -> None:
    """Under hold nobody twice; under resend one copy more at most for each connection open at a kill; doubts named."""
    found = kill_loop(database, tmp_path, in_doubt, KILLS[mood], random.Random(), mood=MOODS[mood])
    assert not found.broken
    assert found.crashes == KILLS[mood]


@pytest.mark.parametrize("victim", ["sender", "scribe"])
def test_a_ledger_that_is_written_by_a_process_of_its_own_is_as_safe_whichever_of_the_two_is_killed(
    database: Database, tmp_path: Path, victim: str
) -> None:
    with Sink(tmp_path / "sink", Mood(slow=0.002)) as sink:
        scene = Scene(database, tmp_path, sink, readers=400, in_process=True)
        process = scene.start()
        assert process.pid is not None
        scene.when_taken(60, process.is_alive)
        if victim == "sender":
            assert scene.kill(process)
        else:
            (scribe,) = children(process.pid)
            os.kill(scribe, signal.SIGKILL)
            process.join(PATIENCE)
            assert process.exitcode == 1
            scene.crashed()
        scene.finish(rounds=1)
        found = scene.tally()
    assert not found.broken
    assert found.crashes == 1


def children(pid: int) -> list[int]:
    listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(one) for one in listing.split()]


def test_two_that_send_at_once_share_the_readers_and_one_more_afterwards_finds_nothing_to_do(
    database: Database, tmp_path: Path
) -> None:
    with Sink(tmp_path / "sink") as sink:
        scene = Scene(database, tmp_path, sink, readers=400)
        for process in [scene.start() for _ in range(2)]:
            scene.end(process)
        scene.end(scene.start())
        found = scene.tally()
    assert not found.broken
    assert found.doubts == 0
