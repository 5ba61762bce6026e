"""Many recipients and no network: ``python -m benchmarks.millions [--recipients 10000000]``.

Freezes an edition's recipients, claims, personalises every message, keeps intents and outcomes, and gives each to a
backend that says yes at once: what the press and its ledger can do, and how much memory that takes. On SQLite, and on
PostgreSQL where NEWSLETTER_TEST_POSTGRES names a server. Whether that one waits for its disk is printed beside it.
"""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, make_url, text

from benchmarks.delivery import preface, python, run
from tests.servers import POSTGRES_URL

SQLITE = "sqlite:///newsletter.db"


@contextmanager
def postgres() -> Iterator[tuple[str, str]]:
    """An empty database of the server, dropped afterwards, and how far its commits can be trusted."""
    name = f"bench_{secrets.token_hex(4)}"
    engine = create_engine(POSTGRES_URL, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        settings = [
            f"{one} {connection.execute(text(f'SHOW {one}')).scalar()}" for one in ("fsync", "synchronous_commit")
        ]
    try:
        yield make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False), ", ".join(settings)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def line(name: str, database: str, recipients: int, size: int, lanes: int) -> str:
    """One run on an empty database."""
    command = python("benchmarks.sender", "--null", "--messages", recipients, "--database", database, "--size", size,
                     "--connections", lanes, "--core", -1)  # fmt: skip
    _, _, _, said = run(command, core=None)
    count, moments = said["messages"], said["memory"]
    memory = " ".join(f"{value:>5,.0f}" for value in moments.values())
    return (
        f"{name:<12}{count:>11,}{count / said['freeze']:>13,.0f}{count / said['seconds']:>13,.0f}"
        f"{said['cpu'] / count * 1e6:>9,.0f}   {memory}"
    )


HEAD = (
    f"{'':<12}{'recipients':>11}{'frozen/s':>13}{'sent/s':>13}{'CPU µs':>9}   "
    "memory, MiB: before, at 25, 50, 75, 100 %, most"
)


def lines(recipients: int, size: int, lanes: int) -> Iterator[str]:
    """On each engine there is."""
    yield HEAD
    yield line("SQLite", SQLITE, recipients, size, lanes)
    if POSTGRES_URL:
        with postgres() as (url, settings):
            yield f"{line('PostgreSQL', url, recipients, size, lanes)}   ({settings})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=60_000, help="bytes of a message")
    # A lane waits for the disk before each message, so few of them measure the disk.
    parser.add_argument("--lanes", type=int, default=500)
    given = parser.parse_args()
    print(preface(), "\n")
    for one in lines(given.recipients, given.size, given.lanes):
        print(one, flush=True)


if __name__ == "__main__":
    main()
