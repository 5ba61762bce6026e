"""The command line as a process that is made to die: `start` forks it with everything imported."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import select

from newsletter import cli, press
from newsletter.config import load_settings
from newsletter.database import Database
from newsletter.editions.models import Edition
from newsletter.press import Site
from newsletter.press import site as sites
from tests.crash.clocks import MovedClock
from tests.crash.sender import LEASE, PRELOAD, RELAY
from tests.crash.sink import PATIENCE, Sink
from tests.integration.delivery_world import add_readers
from tests.sites import CONFIG, SEGMENTS, make_site

CONNECTIONS = 2
KEY = "morning/2026-11-23"
READERS = (*range(1, 20), *range(150_001, 150_020))
"""Their ids: two chunks of the freeze."""
_RELAY = "{type: smtp, host: 127.0.0.1, port: %d, tls: none, connections: %d}"


@dataclass(frozen=True)
class Program:
    """A site whose one backend is a sink, and its command line."""

    site: Site
    clock: MovedClock

    def start(self, *arguments: str, failpoint: str = "") -> BaseProcess:
        """``newsletter ARGUMENTS…``, by this site's clock."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        command = ["--config", str(self.site.root / "config.yaml"), *arguments]
        process = context.Process(target=_run, args=(command, str(self.clock.file), failpoint), daemon=True)
        process.start()
        return process

    def run(self, *arguments: str, failpoint: str = "") -> int:
        """The exit status of such a process. Whatever leases it leaves behind have run out afterwards."""
        process = self.start(*arguments, failpoint=failpoint)
        process.join(PATIENCE)
        assert process.exitcode is not None, f"{arguments} did not end"
        self.clock.advance(LEASE + 1)
        return process.exitcode

    def said(self) -> str:
        """What the last process had to complain of."""
        return (self.site.root / "stderr").read_text(encoding="utf-8")

    def edition(self) -> int:
        """The edition's id."""
        with self.site.database.reading() as session:
            return session.scalars(select(Edition.id)).one()


def make_program(root: Path, database: Database, sink: Sink, *, in_doubt: str = "hold") -> Program:
    """A site in production whose readers get their mail at the sink; its edition is assembled."""
    root.mkdir()
    clock = MovedClock(root / "clock")
    config = (
        CONFIG.replace("outbox: {type: outbox, path: outbox}", f"{RELAY}: {_RELAY % (sink.port, CONNECTIONS)}")
        .replace("    min_stories", f"    in_doubt: {in_doubt}\n    min_stories")
        .replace("publication:", f"environment: production\nsecret_key: {'0' * 64}\npublication:")
    )
    config += f"database: {database.url.render_as_string(hide_password=False)}\n"
    site = make_site(root, database, clock, config=config, readers="")
    (root / "subscribers" / "segments.yaml").write_text(SEGMENTS.replace("outbox", RELAY), encoding="utf-8")
    add_readers(database, READERS, lambda number: "DE" if number % 2 else "BR")
    site = Site(load_settings(root / "config.yaml"), database, clock)
    press.assemble(site, "morning")
    return Program(site, clock)


def _run(arguments: Sequence[str], clock: str, failpoint: str) -> None:
    # The product asks the machine what the time is; here the machine is wrong, as the test wants it.
    sites.SystemClock = lambda: MovedClock(Path(clock))  # type: ignore[assignment,misc]
    os.environ["NEWSLETTER_FAILPOINTS"] = failpoint
    with Path(os.devnull).open("w") as nowhere, Path(clock).with_name("stderr").open("w") as complaints:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(complaints.fileno(), 2)
    sys.exit(cli.main(list(arguments)))
