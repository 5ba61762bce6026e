"""How long a mail program waits that takes its reader out: ``python -m benchmarks.oneclick [--quick]``.

So many clients at a time send the one-click POST of RFC 8058, each on a connection of its own, to ``newsletter serve``
on loopback, every one for another reader: while nothing else happens, while another process sends an edition to the
rest of the readers as fast as it can, and while the server does that itself. What is measured is the time from the
beginning of the connection to the last byte of the answer; the reader is out of the briefing, on disk, by then.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from benchmarks.edition import KEY, add_readers, lock_edition, make_site
from benchmarks.mail import rendered
from benchmarks.sink import Sink
from newsletter.press import Site

_BODY = b"List-Unsubscribe=One-Click"
_SIZE = 60_000


@contextmanager
def program(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """``newsletter ARGUMENTS…`` while the block runs, then SIGTERM."""
    command = [sys.executable, "-m", "newsletter", "--config", str(folder / "config.yaml"), *arguments]
    root = Path(__file__).resolve().parents[1]
    with (folder / f"{arguments[0]}.log").open("ab") as log:
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(root)}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.wait(60)


async def click(port: int, path: str) -> float:
    """Seconds until the answer is there, which must be 200."""
    start = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST %b HTTP/1.1\r\nhost: courier.example.org\r\nconnection: close\r\n"
        b"content-type: application/x-www-form-urlencoded\r\ncontent-length: %d\r\n\r\n%b"
        % (path.encode(), len(_BODY), _BODY)
    )
    answer = await asyncio.wait_for(reader.read(), 60)
    took = time.perf_counter() - start
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
    return took


async def clicks(port: int, paths: list[str], parallel: int) -> tuple[list[float], float]:
    """Seconds of each, and of all together."""
    left, took = iter(paths), list[float]()

    async def client() -> None:
        for path in left:
            took.append(await click(port, path))

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(parallel):
            group.create_task(client())
    return took, time.perf_counter() - start


def until(port: int) -> None:
    """Waits until the desk answers, a minute at most."""
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError("the desk does not start")


def sent(site: Site) -> int:
    """How many readers have been sent to."""
    with site.database.read_connection() as connection:
        return int(connection.execute(text("SELECT count(*) FROM delivery WHERE status = 1")).scalar_one())


def measure(way: str, parallel: int, count: int, readers: int) -> str:
    """One line of the table: with a site, a sink and a server of its own."""
    with tempfile.TemporaryDirectory() as name, Sink() as sink:
        folder = Path(name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        relay = f"type: smtp, host: 127.0.0.1, port: {sink.port}, tls: none, connections: 50"
        site = make_site(folder, "sqlite:///newsletter.db", relay, settings=f"web: {{port: {port}}}")
        add_readers(site, count + 10 if way == "nothing else" else readers)
        of = site.links.of(1, "morning")
        paths = [of(number).unsubscribe.removeprefix("https://courier.example.org") for number in range(1, count + 1)]
        if way != "nothing else":
            lock_edition(site, rendered(_SIZE))
        with contextlib.ExitStack() as stack:
            stack.enter_context(program(folder, "serve", *(["--no-clock"] if way == "another process sends" else [])))
            until(port)
            if way == "another process sends":
                stack.enter_context(program(folder, "send", KEY))
            before = 0
            if way != "nothing else":
                for _ in range(600):
                    if (before := sent(site)) > 1_000:
                        break
                    time.sleep(0.1)
                assert before, "nothing is sent"
            took, seconds = asyncio.run(clicks(port, paths, parallel))
            beside = sent(site) - before if way != "nothing else" else 0
            assert way == "nothing else" or beside < readers - count - before - 1_000, "the send was over too early"
        with site.database.read_connection() as connection:
            out = connection.execute(text("SELECT count(*) FROM suppression WHERE briefing = 'morning'")).scalar_one()
        assert out == count, (out, count)
        site.database.close()
    took.sort()
    half, most, all_but = took[len(took) // 2], took[-1], took[int(len(took) * 0.99)]
    figures = "".join(f"{1000 * value:>9,.0f} ms" for value in (half, all_but, most))
    return f"{way:<26}{parallel:>9}{len(took) / seconds:>11,.0f}{figures}{beside / seconds:>14,.0f}"


def main() -> None:
    """Prints a line for each way and number of clients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a look only")
    parser.add_argument("--parallel", type=int, nargs="+", default=[1, 200])
    parser.add_argument("--readers", type=int, default=200_000)
    given = parser.parse_args()
    head = f"{'beside it':<26}{'clients':>9}{'a second':>11}{'median':>12}{'p99':>12}{'most':>12}"
    print(f"{head}{'mails/s beside':>14}")
    for way in ("nothing else", "another process sends", "the same process sends"):
        for parallel in given.parallel:
            count = (200 if parallel == 1 else 2_000) // (4 if given.quick else 1)
            print(measure(way, parallel, count, given.readers), flush=True)


if __name__ == "__main__":
    main()
