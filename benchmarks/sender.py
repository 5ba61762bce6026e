"""One send of ours, in a process of its own: ``python -m benchmarks.sender --messages N (--port P | --null)``.

The whole product from the lock on: recipients frozen, claimed, read, personalised, sent, recorded, and the report adds
up. Prints a line of JSON: messages, seconds, processor seconds, resident memory at several moments in MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import logging
import pstats
import sys
import tempfile
from collections.abc import Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from benchmarks.edition import KEY, add_readers, lock_edition, make_site
from benchmarks.machine import Memory, Stopwatch, pin
from benchmarks.mail import rendered
from benchmarks.null import NullBackend
from newsletter.press import Site
from newsletter.press.lock import lock
from newsletter.press.send import send

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], loop: str) -> T:
    """Runs on uvloop, asyncio's own loop, or (auto) uvloop where it is installed."""
    factory = None
    if loop != "asyncio":
        try:
            from uvloop import new_event_loop as factory
        except ImportError:
            if loop == "uvloop":
                raise
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def measure(given: argparse.Namespace, site: Site) -> dict[str, Any]:
    readers = add_readers(site, given.messages)
    lock_edition(site, rendered(given.size))
    profile = cProfile.Profile() if given.profile else None
    with Memory() as memory:
        with Stopwatch() as freezing:
            lock(site, KEY, now=True)
        with Stopwatch() as sending:
            if profile:
                profile.enable()
            report = run(send(site, KEY), given.loop)
            if profile:
                profile.disable()
    assert report.adds_up, report
    assert report.counts.accepted == readers, report.counts
    if profile:
        with given.profile.open("w", encoding="utf-8") as out:
            pstats.Stats(profile, stream=out).strip_dirs().sort_stats("tottime").print_stats(60)
    return {
        "messages": readers,
        "seconds": freezing.wall + sending.wall,
        "cpu": freezing.cpu + sending.cpu,
        "freeze": freezing.wall,
        "memory": memory.moments(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--size", type=int, default=60_000, help="bytes of a message")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--port", type=int, help="of the server on 127.0.0.1")
    parser.add_argument("--null", action="store_true", help="no network: a backend that says yes at once")
    parser.add_argument("--database", default="sqlite:///newsletter.db", help="an empty one; SQLite unless given")
    parser.add_argument("--loop", choices=("auto", "uvloop", "asyncio"), default="auto")
    parser.add_argument("--options", default="", help="more keys of the backend: 'in_flight: 4'")
    parser.add_argument("--publication", default="", help="more lines of the publication: 'dkim: […]'")
    parser.add_argument("--settings", default="", help="more lines of config.yaml")
    parser.add_argument("--core", type=int, default=-1, help="-1 lets it use all")
    parser.add_argument("--profile", type=Path, help="writes where the event loop's thread spends its time")
    given = parser.parse_args()
    if not given.null and given.port is None:
        parser.error("give --port or --null")
    logging.disable(logging.INFO)
    if given.core >= 0:
        pin(given.core)
    backend = f"type: smtp, host: 127.0.0.1, port: {given.port}, tls: none, connections: {given.connections}"
    if given.null:
        backend = "type: memory"
    if given.options:
        backend += f", {given.options}"
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-bench.") as folder,
        make_site(Path(folder), given.database, backend, given.publication, given.settings) as site,
        patch.object(site, "backend", lambda name: NullBackend(given.connections)) if given.null else nullcontext(),
    ):
        result = measure(given, site)
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
