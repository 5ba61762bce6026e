"""``python -m tests.crash [--kills 500]``: kills senders for a night, and prints what came of it as a table.

SQLite in a temporary folder; PostgreSQL in a server of its own, where there is one on this machine. Ends with status 1
when an invariant does not hold.
"""

from __future__ import annotations

import argparse
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery.ledger import InDoubt
from tests.crash.loop import MOODS, kill_loop
from tests.crash.postgres import Postgres, binaries
from tests.crash.scene import CONNECTIONS

MOST_KILLS = 10_000
HEAD = ("engine", "in_doubt", "sink", "kills", "readers", "lost", "extra copies", "in doubt", "of these, had it")


@contextmanager
def _database(engine: str, folder: Path) -> Iterator[Database]:
    if engine == "sqlite":
        yield from _opened(f"sqlite:///{folder / 'newsletter.db'}")
    else:
        with Postgres() as server:
            yield from _opened(server.url)


def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    upgrade(database)
    try:
        yield database
    finally:
        database.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="for each engine, rule and sink (20)")
    parser.add_argument("--seed", type=int, default=None, help="of the moments at which a sender is killed")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append", help="both unless given")
    options = parser.parse_args()
    if not 1 <= options.kills <= MOST_KILLS:
        parser.error(f"--kills is a number from 1 to {MOST_KILLS}")
    seed = random.randrange(2**32) if options.seed is None else options.seed
    dice, began, broken = random.Random(seed), time.monotonic(), []
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * 3 + "---:|" * (len(HEAD) - 3), flush=True)
    for engine in options.engine or ["sqlite", "postgresql"]:
        if engine == "postgresql" and binaries() is None:
            print("PostgreSQL is not on this machine: left out", file=sys.stderr)
            continue
        for in_doubt in get_args(InDoubt):
            for name, mood in MOODS.items():
                with tempfile.TemporaryDirectory() as folder, _database(engine, Path(folder)) as database:
                    found = kill_loop(database, Path(folder), in_doubt, options.kills, dice, mood=mood)
                row = (
                    engine,
                    in_doubt,
                    name,
                    found.crashes,
                    found.readers,
                    found.lost,
                    found.extra,
                    found.doubts,
                    found.arrived,
                )
                print(
                    "| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in row) + " |", flush=True
                )
                broken += [f"{engine}, {in_doubt}, {name}: {words}" for words in found.broken]
    print(
        f"\n{CONNECTIONS} connections; Python {platform.python_version()} on {platform.system()}; --seed {seed}; "
        f"{time.monotonic() - began:.0f} s"
    )
    for words in broken:
        print(f"broken: {words}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
