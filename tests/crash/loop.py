"""The ``kill -9`` loop."""

from __future__ import annotations

import random
import time
from pathlib import Path

from newsletter.database import Database
from newsletter.delivery.ledger import InDoubt
from tests.crash.scene import Scene, Tally
from tests.crash.sender import NOT_DONE
from tests.crash.sink import WILLING, Mood, Sink

PER_KILL = 60
"""Readers for each kill; half as many get theirs between two, on average."""

TRIES = 4
"""Senders for each kill, at most."""

MOODS = {
    "quick": WILLING,  # a kill hits whatever the sender does
    "slow": Mood(slow=0.005),  # a kill mostly hits a sender that waits for the reply to its final dots
    "BDAT × 3": Mood(chunking=1, slow=0.001),  # with three messages under way on each connection
    "moody": Mood(drop=0.03, busy=0.1, leave=0.05, cut=0.05),
    # A server that hangs up on BDAT leaves whatever is under way in doubt, so it does that only when it keeps a reply.
    "moody, BDAT × 3": Mood(drop=0.03, busy=0.1, leave=0.05, chunking=1),
}
IN_FLIGHT = 3


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
        scene = Scene(
            database, folder, sink, readers=readers, in_doubt=in_doubt, in_flight=IN_FLIGHT if mood.chunking else 1
        )
        for _ in range(TRIES * kills):
            process = scene.start()
            scene.when_taken(dice.randrange(1, PER_KILL), process.is_alive)
            time.sleep(dice.random() * 0.005)
            # A server that turns it away often enough makes a sender give up for the moment.
            if not scene.kill(process) and process.exitcode != NOT_DONE:
                raise RuntimeError(f"a sender ended with {process.exitcode} before it was killed")
            if scene.crashes == kills:
                break
        scene.finish()
        return scene.tally()
