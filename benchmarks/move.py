"""How fast people move between systems: ``python -m benchmarks.move [--readers 200000]``.

Writes invented readers, one in ten of whom left and one in fifty bounced, for each system, and imports each export into
an empty database of its own (SQLite). Prints people a second, by the clock and by the processor time used, and the most
memory of a process that did one of them alone.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from benchmarks.csv_import import write_csv
from newsletter.audience import formats
from newsletter.audience.archives import people_files
from newsletter.audience.exports import export_for
from newsletter.audience.transfer import import_csv
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.database.schema import upgrade

SYSTEMS = ("listmonk", "mailchimp", "ghost", "substack")


def timed(name: str, work: Callable[[], int]) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    people = work()
    spent, used = time.perf_counter() - start, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:<20}{people:>10,} people{people / spent:>10,.0f}/s{people / used:>10,.0f}/s of processor"
          f"{memory:>7,.0f} MiB at most", flush=True)  # fmt: skip


def export(folder: Path, system: str) -> int:
    database = Database(f"sqlite:///{folder}/from.db")
    return sum(export_for(database, formats.FORMATS[system], folder / system).values())


def import_(folder: Path, system: str) -> int:
    database = Database(f"sqlite:///{folder}/{system}.db")
    upgrade(database)
    with people_files(folder / system) as files:
        return sum(import_csv(database, one, consent="Yes.", clock=SystemClock()).rows for one in files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=200_000)
    parser.add_argument("--one", nargs=3, help="for its own processes: a folder, export or import, a system")
    given = parser.parse_args()
    if given.one:
        folder, what, system = given.one
        work = export if what == "export" else import_
        timed(f"{what} {system}", lambda: work(Path(folder), system))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_csv(folder / "readers.csv", given.readers)
        database = Database(f"sqlite:///{folder}/from.db")
        upgrade(database)
        import_csv(database, folder / "readers.csv", consent="Yes.", clock=SystemClock())
        with database.write_connection() as connection:
            for reason, every in (("bounce", 50), ("unsubscribed", 10)):
                connection.execute(
                    text(
                        "INSERT OR IGNORE INTO suppression (address_hash, briefing, email_norm, reason, note, at) "
                        "SELECT address_hash, '', email_norm, :reason, '', 0 FROM subscriber WHERE id % :every = 0"
                    ),
                    {"reason": reason, "every": every},
                )
        database.close()
        for system in SYSTEMS:
            for what in ("export", "import"):
                command = [sys.executable, "-m", "benchmarks.move", "--one", str(folder), what, system]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
