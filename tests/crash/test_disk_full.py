"""The disk fills up in mid-send."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from newsletter.database import Database
from newsletter.database.schema import upgrade
from tests.crash.program import CONNECTIONS, KEY, READERS, make_program
from tests.crash.scene import Expected, tally
from tests.crash.sink import PATIENCE, Mood, Sink

SIZE = 4 << 20


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of `SIZE` bytes; skips the test in one line where we may not have one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "newsletter-test", str(folder)]
    if sys.platform != "linux" or os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("not on this machine: the right to mount a small file system (root has it on Linux)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path, room: int) -> None:
    """Writes until no more than ``room`` bytes are free, whatever else is written meanwhile."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while (free := os.statvfs(ballast)).f_bavail * free.f_frsize > room:
            file.write(bytes(4096))


@pytest.mark.parametrize("room", [0, 16 << 10])
def test_a_full_disk_stops_the_send_with_one_line_and_it_goes_on_when_there_is_room(tmp_path: Path, room: int) -> None:
    """Nobody is lost, nobody mailed twice; ``room`` is what is left when it is about half way."""
    with small_disk(tmp_path / "disk") as disk, Sink(tmp_path / "sink", Mood(slow=0.03)) as sink:
        database = Database(f"sqlite:///{disk / 'newsletter.db'}")
        upgrade(database)
        program = make_program(tmp_path / "site", database, sink)
        process = program.start("send", KEY)
        sink.wait(len(READERS) // 4, process.is_alive)
        ballast = disk / "ballast"
        fill(ballast, room)
        process.join(PATIENCE)
        said = program.said()
        assert process.exitcode == 1, said
        assert said.count("\n") == 1
        assert "disk is full" in said
        assert sink.taken() < len(READERS)
        ballast.unlink()
        program.clock.advance(61)
        assert program.run("send", KEY) == 0
        expected = Expected(READERS, "hold", CONNECTIONS)
        found = tally(database, program.edition(), sink, expected, 1)
        database.close()
    assert not found.broken
