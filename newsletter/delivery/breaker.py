"""A breaker: when a backend fails several times in a row, its work waits or goes elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

_LONGEST = timedelta(minutes=15)


class Gate(StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"
    """Everything: all is well."""
    HALF_OPEN = "half-open"
    """One message, to see."""
    OPEN = "open"
    """Nothing."""


class Breaker:
    """Opens after ``limit`` failures in a row, for ``rest``; twice as long after each failed trial, to 15 minutes."""

    def __init__(self, limit: int = 5, rest: timedelta = timedelta(minutes=1)) -> None:
        self._limit, self._first_rest = limit, rest
        self._rest = rest
        self._failures = 0
        self.until: datetime | None = None
        """When an open breaker lets a trial through; None while it is closed."""

    def gate(self, now: datetime) -> Gate:
        """What goes through at an instant."""
        if self.until is None:
            return Gate.CLOSED
        return Gate.OPEN if now < self.until else Gate.HALF_OPEN

    def succeeded(self) -> None:
        """The backend did its work."""
        self._failures, self._rest, self.until = 0, self._first_rest, None

    def failed(self, now: datetime) -> None:
        """The backend, not a reader, was the reason of a failure."""
        self._failures += 1
        if self.until is None:
            if self._failures >= self._limit:
                self.until = now + self._rest
        elif now >= self.until:  # the trial failed; what was on the wire when it opened does not count again
            self._rest = min(self._rest * 2, _LONGEST)
            self.until = now + self._rest
