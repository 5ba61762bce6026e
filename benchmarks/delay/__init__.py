"""A round trip: a proxy that hands every byte on after a while, `delay.c`."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.native import Native, built


class Delay:
    """Stands before a server on loopback while the block runs; ``port`` is its own. ``round_trip`` in seconds: half of
    it on each way. It throttles nothing. Needs a C compiler."""

    def __init__(self, port: int, round_trip: float, *, core: int | None = None) -> None:
        program = built(Path(__file__).parent / "delay.c")
        self._command, self._core = [str(program), str(round(round_trip * 500_000)), str(port)], core

    def __enter__(self) -> Self:
        self._running = Native(self._command, self._core)
        self.port, self.pid = self._running.listening(), self._running.pid
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._running.stop()
