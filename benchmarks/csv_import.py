"""How fast subscribers are imported: ``python -m benchmarks.csv_import --rows 1000000 [--database URL]``.

Makes a CSV of invented readers (every tenth with a tag list, one in a thousand wrong, one in a hundred twice), imports
it into an empty database, and again, when it changes nothing. Prints rows a second and the memory at its peak.
"""

from __future__ import annotations

import argparse
import csv
import random
import resource
import tempfile
import time
from pathlib import Path

from newsletter.audience.transfer import import_csv
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.database.schema import upgrade

FIRST = ["Rita", "Edith", "Omar", "Zoë", "Łukasz", "Ngọzi", "José", "Ελένη", "ليلى", "美雪", ""]
COUNTRIES = ["DE", "FR", "PL", "GB", "US", "BR", "MX", "JP", "NG", "IN", ""]


def write_csv(path: Path, rows: int) -> None:
    """Invented readers in no order, the same for the same number."""
    dice = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["Email", "First name", "Last name", "Country", "Language", "Time zone", "Tags", "Visits"])
        previous = ""
        for number in range(rows):
            local = f"{dice.choice('abcdefghijklmnopqrstuvwxyz')}{number * 2654435761 % 4294967296:08x}.reader"
            if number % 100 == 99:
                local = previous
            previous = local
            out.writerow([
                local if number % 1000 == 500 else f"{local}@example.org",
                dice.choice(FIRST), "Reader", dice.choice(COUNTRIES), "en-GB", "Europe/Berlin",
                "founders,politics" if number % 10 == 0 else "", number % 400,
            ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--database", help="an empty one; a new SQLite file unless given")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "readers.csv"
        write_csv(path, given.rows)
        database = Database(given.database or f"sqlite:///{folder}/newsletter.db")
        upgrade(database)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for name in ("into an empty database", "the same again"):
            start = time.perf_counter()
            report = import_csv(
                database, path, consent="I want the briefing.", source="benchmark", clock=SystemClock(),
                rejects=Path(folder) / "rejects.csv",
            )  # fmt: skip
            spent = time.perf_counter() - start
            print(
                f"{name:<24} {report.rows:>9,} rows  {spent:6.1f} s  {report.rows / spent:>9,.0f} rows/s   "
                f"added {report.added:,}, unchanged {report.unchanged:,}, duplicates {report.duplicates:,}, "
                f"rejected {report.rejected:,}"
            )
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"memory at its peak {after / 1024:.0f} MiB, {(after - before) / 1024:.0f} MiB more than before")
        database.close()


if __name__ == "__main__":
    main()
