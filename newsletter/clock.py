"""Time: a clock that is handed around, and local times that readers see.

All instants are aware and in UTC. Zones are IANA names. Nothing else in the package asks the system for the time.
"""

from __future__ import annotations

import re
import time as _time
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """What the time is. Tests hand in one of their own."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return _time.monotonic()


def local_instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant of a local wall time on a date in an IANA zone.

    RFC 5545 section 3.3.5: a time that the clocks jump over moves forward by the gap, one that they pass twice is the
    first of the two.
    """
    return datetime.combine(day, at.replace(fold=0), ZoneInfo(zone)).astimezone(UTC)


def local_date(instant: datetime, zone: str) -> date:
    """The calendar date in an IANA zone at a UTC instant."""
    return instant.astimezone(ZoneInfo(zone)).date()


_DURATION = re.compile(r"(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?")


def parse_duration(words: str) -> timedelta:
    """Reads ``2h``, ``90m``, ``1d 6h``, ``45s``. Raises ValueError for anything else, and for nothing at all."""
    match = _DURATION.fullmatch(words.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"{words!r} is no duration: write for example 2h, 90m or 1d 6h")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError(f"{words!r} is longer than any duration that makes sense") from None


def format_duration(span: timedelta) -> str:
    """Writes a duration the way `parse_duration` reads it, to the second: ``2h``, ``1d 6h``, ``0s``."""
    left = int(span.total_seconds())
    words = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            words.append(f"{count}{unit}")
    return " ".join(words) or "0s"
