"""A clock that another process moves, through a few bytes of shared memory in a file."""

from __future__ import annotations

import mmap
import struct
from datetime import datetime, timedelta
from pathlib import Path

from newsletter.clock import SystemClock
from tests.integration.delivery_world import NOW

_HANDS = struct.Struct("=dd")  # seconds that the wall clock and the monotonic clock are ahead of the machine's


class MovedClock(SystemClock):
    """The machine's clock, moved by what stands in ``file``. A new file begins at `NOW`, four in the morning, unless
    the machine's own time is to stay."""

    def __init__(self, file: Path, *, moved: bool = True) -> None:
        if not file.exists():
            file.write_bytes(_HANDS.pack((NOW - super().now()).total_seconds() if moved else 0.0, 0.0))
        with file.open("r+b") as handle:
            self._hands = mmap.mmap(handle.fileno(), _HANDS.size)
        self.file = file

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=_HANDS.unpack_from(self._hands)[0])

    def monotonic(self) -> float:
        return super().monotonic() + float(_HANDS.unpack_from(self._hands)[1])

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self._move(seconds, seconds)

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock, forwards or back."""
        self._move(seconds, 0)

    def _move(self, wall: float, monotonic: float) -> None:
        hands = _HANDS.unpack_from(self._hands)
        _HANDS.pack_into(self._hands, 0, hands[0] + wall, hands[1] + monotonic)
