"""How long live counts take: ``python -m benchmarks.segments [--readers 1000000] [--database URL]``.

Imports invented readers, suppresses one in twenty, lets one in a hundred leave one briefing and one in a thousand take
a break; counts the segments and briefings of the sample site, then five segments more, then one that asks for an
attribute. ``--plan`` prints how the engine goes about it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sqlalchemy import event, text

from benchmarks.csv_import import write_csv
from newsletter.audience.headcount import headcount
from newsletter.audience.rules import AttributeNumber, Either, Language, Not, Rule, Tagged, Text
from newsletter.audience.segments import load_segments
from newsletter.audience.transfer import import_csv
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.database.schema import upgrade

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
SAMPLE = Path(__file__).parent.parent / "subscribers" / "segments.yaml"
MORE: dict[str, Rule] = {
    "english": Language(("en",)),
    "founders": Tagged(("founders",)),
    "politics-in-german": Either((Tagged(("politics",)), Language(("de",)))),
    "not-europe": Not(Text("country", ("DE", "FR", "PL", "GB"))),
    "berlin": Text("timezone", ("Europe/Berlin",)),
}


def counted(database: Database, rules: Mapping[str, Rule], briefings: Mapping[str, list[str]]) -> str:
    """Milliseconds of seven counts, each in a session of its own, and of our own processor time among them."""
    spent, own = [], []
    for _ in range(7):
        start, cpu = time.perf_counter(), time.process_time()
        with database.reading() as session:
            headcount(session, rules, briefings, NOW)
        spent.append((time.perf_counter() - start) * 1000)
        own.append((time.process_time() - cpu) * 1000)
    return f"median {median(spent):6.0f} ms, slowest of seven {max(spent):6.0f}; processor {median(own):6.0f} ms"


def fill(database: Database, folder: Path, readers: int) -> None:
    """Readers, some of them suppressed, gone from one briefing, or on a break."""
    path = folder / "readers.csv"
    write_csv(path, readers)
    import_csv(database, path, consent="I want the briefing.", source="benchmark", clock=SystemClock())
    at = int(NOW.timestamp() * 1000)
    with database.write_connection() as connection:
        for briefing, reason, every in (("", "bounce", 20), ("morning", "unsubscribed", 100)):
            connection.execute(
                text(
                    "INSERT INTO suppression (address_hash, briefing, email_norm, reason, note, at) "
                    "SELECT address_hash, :briefing, email_norm, :reason, '', :at FROM subscriber WHERE id % :every = 0"
                ),
                {"briefing": briefing, "reason": reason, "at": at, "every": every},
            )
        connection.execute(
            text("UPDATE subscriber SET paused_until = :at WHERE id % 1000 = 1"), {"at": at + 86_400_000}
        )
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--database", help="an empty one; a new SQLite file unless given")
    parser.add_argument("--plan", action="store_true", help="print the engine's plans")
    given = parser.parse_args()
    sample = {key: segment.rule for key, segment in load_segments(SAMPLE).items()}
    briefings = {"morning": list(sample), "evening": list(sample)}
    with tempfile.TemporaryDirectory() as folder:
        database = Database(given.database or f"sqlite:///{folder}/newsletter.db")
        upgrade(database)
        fill(database, Path(folder), given.readers)
        cases: tuple[tuple[str, dict[str, Rule], dict[str, list[str]]], ...] = (
            ("the sample's three segments, two briefings", sample, briefings),
            ("eight segments, two briefings", sample | MORE, briefings),
            (
                "one that asks for an attribute besides",
                sample | {"often": AttributeNumber("visits", least=200)},
                briefings,
            ),
        )
        for name, rules, of in cases:
            print(f"{name:<44}{counted(database, rules, of)}")
        if given.plan:
            _plans(database, sample, briefings)
        database.close()


def _plans(database: Database, rules: Mapping[str, Rule], briefings: Mapping[str, list[str]]) -> None:
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.reading() as session:
        asked: list[tuple[str, object]] = []
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        headcount(session, rules, briefings, NOW)
        for statement, values in [*asked]:
            for row in connection.exec_driver_sql(f"{explain} {statement}", values):  # type: ignore[arg-type]
                print(" ", row[-1])
            print()


if __name__ == "__main__":
    main()
