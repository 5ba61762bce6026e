"""What the machine does while something is measured: cores, resident memory, load."""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

MIB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")
SENDER, SERVER = 0, 1
"""The cores of what is measured, and of the server it speaks to."""


def pin(core: int) -> list[int]:
    """Keeps this process on one core, where the system can; returns the cores it may use."""
    if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def resident(pid: int | str = "self") -> int:
    """Bytes of memory that a process has resident now; 0 where there is no /proc or no such process."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE
    except OSError:
        return 0


def sync_ms() -> float:
    """Milliseconds that the disk under the temporary folder takes to keep 8 kB (fdatasync), the median of twenty."""
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(20):
            file.write(os.urandom(8_192))
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1_000


class Memory:
    """Looks at this process's resident memory, and its children's, every ``every`` seconds while the block runs."""

    def __init__(self, every: float = 0.1) -> None:
        self._every, self._end = every, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.samples: list[int] = []

    def __enter__(self) -> Self:
        self.before = self._now()
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._end.wait(self._every):
            self.samples.append(self._now())

    @staticmethod
    def _now() -> int:
        children = Path(f"/proc/self/task/{os.getpid()}/children")
        return sum(resident(pid) for pid in ("self", *(children.read_text().split() if children.exists() else ())))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()
        self.samples.append(self._now())

    def moments(self) -> dict[str, float]:
        """MiB: before, at a quarter, half, three quarters, at the end, and the most."""
        last = len(self.samples) - 1
        found = {"before": self.before}
        for share in (25, 50, 75, 100):
            found[f"at {share} %"] = self.samples[last * share // 100]
        found["most"] = max(self.samples)
        return {name: round(value / MIB, 1) for name, value in found.items()}


class Stopwatch:
    """Seconds of wall clock and of processor that a block takes, here and in those child processes that ended."""

    def __enter__(self) -> Self:
        self._cpu = self._used()
        self._wall = time.perf_counter()
        return self

    @staticmethod
    def _used() -> float:
        own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wall = time.perf_counter() - self._wall
        self.cpu = self._used() - self._cpu
