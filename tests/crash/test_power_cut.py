"""The power goes: a sender is killed, and the database's files are what they were at their last fsync."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery.ledger import InDoubt
from tests.crash.scene import Scene, Tally
from tests.crash.sender import spawn
from tests.crash.sink import PATIENCE, Sink

CUTS = 3
SECTOR = 512

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs LD_PRELOAD and /proc"),
    pytest.mark.needs("cc"),
]


@pytest.fixture
def shim(tmp_path: Path, _needs: None) -> Path:
    library = tmp_path / "shadow.so"
    source = Path(__file__).with_name("shadow.c")
    command = ["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    done = subprocess.run([*command, "-lpthread"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return library


class Disk:
    """The folder of a database, and what of it would survive."""

    def __init__(self, folder: Path, shim: Path, dice: random.Random) -> None:
        self.live, self._safe, self._dice = folder / "live", folder / "safe", dice
        self.live.mkdir()
        self._safe.mkdir()
        self._shim = shim

    @property
    def environment(self) -> dict[str, str]:
        """What makes a sender keep the copies."""
        return {
            "LD_PRELOAD": str(self._shim),
            "NEWSLETTER_SHADOW_FROM": str(self.live.resolve()),
            "NEWSLETTER_SHADOW_TO": str(self._safe.resolve()),
        }

    def flush(self) -> None:
        """All that is there now is safe."""
        for path in self.live.iterdir():
            shutil.copyfile(path, self._safe / path.name)

    def cut(self, *, torn: bool) -> None:
        """The power goes and comes back. With ``torn`` any sector that was written since the last fsync may have reached
        the disk, or not."""
        for path in self._safe.glob("*.new"):
            path.unlink()
        written = {path.name: path.read_bytes() for path in self.live.iterdir()}
        for path in self.live.iterdir():
            path.unlink()
        for path in self._safe.iterdir():
            safe = path.read_bytes()
            if torn:
                safe = self._tear(safe, written.get(path.name, b""))
                path.write_bytes(safe)
            (self.live / path.name).write_bytes(safe)

    def _tear(self, safe: bytes, written: bytes) -> bytes:
        length = max(len(safe), len(written)) if self._dice.random() < 0.5 else len(safe)
        parts = []
        for start in range(0, length, SECTOR):
            part = safe[start : start + SECTOR].ljust(SECTOR, b"\0")
            newer = written[start : start + SECTOR]
            parts.append(newer.ljust(SECTOR, b"\0") if newer and self._dice.random() < 0.5 else part)
        return b"".join(parts)[:length]


def cuts(folder: Path, shim: Path, in_doubt: InDoubt, *, torn: bool = False, synchronous: str = "") -> Tally:
    """Sends an edition through some power cuts, and counts."""
    dice = random.Random()
    disk = Disk(folder, shim, dice)
    database = Database(f"sqlite:///{disk.live / 'newsletter.db'}")
    upgrade(database)
    with Sink(folder / "sink") as sink:
        scene = Scene(database, folder, sink, readers=60 * (CUTS + 1), in_doubt=in_doubt)
        database.close()
        disk.flush()
        for _ in range(CUTS):
            process = spawn(scene.order(synchronous=synchronous), disk.environment)
            scene.when_taken(dice.randrange(20, 60), lambda: process.poll() is None)  # noqa: B023
            process.kill()
            _, said = process.communicate(timeout=PATIENCE)
            assert process.returncode == -9, said
            disk.cut(torn=torn)
            scene.crashed()
        scene.finish()
        found = scene.tally()
    database.close()
    return found


@pytest.mark.parametrize("torn", [False, True], ids=["nothing since the last fsync", "some sectors since"])
@pytest.mark.parametrize("in_doubt", ["hold", "resend"])
def test_no_power_cut_loses_an_outcome_or_an_intent(tmp_path: Path, shim: Path, in_doubt: InDoubt, torn: bool) -> None:
    """What a sender was told is on disk is on disk: nobody is lost, and nobody mailed twice but by the rule."""
    assert not cuts(tmp_path, shim, in_doubt, torn=torn).broken


def test_with_less_than_full_synchronous_the_same_cuts_do_mail_people_twice(tmp_path: Path, shim: Path) -> None:
    """The test above can fail, and SQLite's own default for WAL would not do."""
    assert cuts(tmp_path, shim, "hold", synchronous="NORMAL").extra > 0
