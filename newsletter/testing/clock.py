"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Says what it was set to. ``advance`` moves both of its hands."""

    def __init__(self, now: datetime | str = "2026-11-23T04:00:00+00:00") -> None:
        self._now = (datetime.fromisoformat(now) if isinstance(now, str) else now).astimezone(UTC)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, span: timedelta | float) -> None:
        """Moves on by a span, or by that many seconds."""
        span = span if isinstance(span, timedelta) else timedelta(seconds=span)
        self._now += span
        self._monotonic += span.total_seconds()
