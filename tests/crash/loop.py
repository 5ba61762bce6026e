"""The ``kill -9`` loop."""

from __future__ import annotations

import random
import time
from pathlib import Path

from newsletter.database import Database
from newsletter.delivery.ledger import InDoubt
from tests.crash.scene import Scene, Tally
from tests.crash.sink import WILLING, Mood, Sink

PER_KILL = 60
"""Readers for each kill; half as many get theirs between two, on average."""

MOODS = {
    "quick": WILLING,  # a kill hits whatever the sender does
    "slow": Mood(slow=0.005),  # a kill mostly hits a sender that waits for the reply to its final dots
    "BDAT": Mood(chunking=1),
    "moody": Mood(drop=0.03, busy=0.1, leave=0.05, cut=0.05),
}


def kill_loop(
    database: Database,
    folder: Path,
    in_doubt: InDoubt,
    kills: int,
    dice: random.Random,
    *,
    mood: Mood = WILLING,
) -> Tally:
    """Sends one edition, and kills the sender ``kills`` times while it sends, after a random number of messages."""
    with Sink(folder / "sink", mood) as sink:
        readers = PER_KILL * (kills + 1)
        scene = Scene(database, folder, sink, readers=readers, in_doubt=in_doubt)
        while scene.crashes < kills:
            process = scene.start()
            scene.when_taken(dice.randrange(1, PER_KILL), process.is_alive)
            time.sleep(dice.random() * 0.005)
            assert scene.kill(process), "the sender had ended before it was killed"
        scene.finish()
        return scene.tally()
