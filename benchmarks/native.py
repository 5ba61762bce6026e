"""Programs of ours in C: built into a temporary folder, run on a core, ended by SIGTERM."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="newsletter-native.")


@cache
def built(source: Path) -> Path:
    """The program of a C file, in a folder that goes with this process. Raises CalledProcessError."""
    if CC is None:
        raise RuntimeError("there is no C compiler (cc) on this machine")
    program = Path(_folder().name) / source.stem
    subprocess.run([CC, "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    return program


class Native:
    """A running program, on ``core`` if given."""

    def __init__(self, command: list[str], core: int | None = None) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        if core is not None and core in os.sched_getaffinity(0):
            os.sched_setaffinity(self.pid, {core})

    def listening(self) -> int:
        """The port that its first line names."""
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        if words[:1] != ["listening"]:
            self.stop()
            raise RuntimeError(f"{self._process.args} does not start")
        return int(words[1])

    def cpu_seconds(self) -> float:
        """Processor time it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> str:
        """Ends it, and returns what else it printed; nothing when it has been ended."""
        if self._process.returncode is not None:
            return ""
        self._process.send_signal(signal.SIGTERM)
        words, _ = self._process.communicate(timeout=10)
        return words
