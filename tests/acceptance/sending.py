"""A site whose readers get their mail over SMTP from real processes, and a server that takes its time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.press import Site, assemble
from newsletter.testing.smtp import ScriptedServer
from tests.sites import CONFIG, make_site

ROOT = Path(__file__).resolve().parents[2]
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER")} | {
    "PYTHONPATH": str(ROOT)
}
OUTBOX = "  outbox: {type: outbox, path: outbox}\n"


class SlowServer(ScriptedServer):
    """Answers every final dot after ``delay`` seconds; while ``closed`` is set, not at all."""

    delay = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    async def _act(self, dialogue: object, point: str, default: str) -> bool:
        if point == ".":
            await asyncio.sleep(self.delay)
            while not self.gate.is_set():  # noqa: ASYNC110 (another thread opens it)
                await asyncio.sleep(0.01)
        return await super()._act(dialogue, point, default)  # type: ignore[arg-type]

    def copies(self) -> Counter[str]:
        """How many messages with their final dot came for each address."""
        return Counter(recipient for mail in list(self.mails) for recipient in mail.recipients)


@contextlib.contextmanager
def slow_server() -> Iterator[SlowServer]:
    """A `SlowServer` in a thread of its own."""
    server, ready, over = SlowServer(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with server:
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield server
    finally:
        server.gate.set()
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()


@dataclass
class Newsroom:
    """A site in a folder, with an assembled edition of today, and the processes that a test started."""

    folder: Path
    key: str
    readers: int
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            _command(arguments), cwd=self.folder, env=ENVIRON, capture_output=True, text=True, timeout=120
        )

    def site(self) -> Site:
        """The site, open in this process."""
        return Site.open(self.folder / "config.yaml")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            _command(arguments),
            cwd=self.folder,
            env=ENVIRON,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running.append(process)
        return process


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "newsletter", *arguments]


@contextlib.contextmanager
def newsroom(folder: Path, port: int, *, readers: int, connections: int = 3, more: str = "") -> Iterator[Newsroom]:
    """``more`` is written at the end of the config. Whatever still runs at the end is killed."""
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'newsletter.db'}")
    upgrade(database)
    relay = f"  relay: {{type: smtp, host: 127.0.0.1, port: {port}, tls: none, connections: {connections}}}\n"
    config = f"environment: production\nsecret_key: {'k' * 40}\n" + CONFIG.replace(OUTBOX, relay) + more
    rows = "email,country\n" + "".join(
        f"reader{number}@example.org,{'DE' if number % 2 else 'US'}\n" for number in range(readers)
    )
    site = make_site(folder, database, SystemClock(), config=config, readers=rows)
    segments = folder / "subscribers" / "segments.yaml"
    segments.write_text(segments.read_text(encoding="utf-8").replace("outbox", "relay"), encoding="utf-8")
    site = Site(site.settings, database, SystemClock())
    there = Newsroom(folder, assemble(site, "morning").key, readers)
    site.close()
    try:
        yield there
    finally:
        for process in there.running:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=30)


def until(condition: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Waits for a condition, for a minute at most, and no longer than a process lives."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not come to it within a minute"
        if process is not None and process.poll() is not None:
            raise AssertionError(f"it ended with {process.returncode}: {process.communicate(timeout=30)}")
        time.sleep(0.01)


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a process says on standard error, within a minute."""
    assert process.stderr is not None
    ready, _, _ = select.select([process.stderr], [], [], 60)
    assert ready, "it says nothing"
    return process.stderr.readline()
