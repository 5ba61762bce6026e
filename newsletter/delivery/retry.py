"""What an outcome means: whose fault it was, and whether and when the message is tried again. Pure functions."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.backends.base import Outcome, Result
from newsletter.delivery.models import Status

STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60))
"""How long after the first, second … attempt the next one comes; the last step repeats."""

LAST_TRY = timedelta(minutes=1)
"""A message is tried for the last time this long before the deadline."""

_JITTER = 0.2
_GRID_MS = 5_000


class Blame(StrEnum):
    """What a failure speaks of."""

    READER = "reader"
    """The address: no such user, disabled, full, no such host."""
    MESSAGE = "message"
    """The message, or the moment: its content, its size, a passing trouble of the receiver."""
    BACKEND = "backend"
    """The backend, the line, or our reputation. Says nothing about the reader."""


def blame(outcome: Outcome) -> Blame:
    """Whose failure an outcome is that is not accepted.

    Goes by the enhanced status (RFC 3463), and by the reply code (RFC 5321 section 4.2) where there is none. A silence
    is the backend's: nobody said a word about the reader.
    """
    if outcome.backend_fault or outcome.result is Result.IN_DOUBT or outcome.code == 421:
        return Blame.BACKEND
    _, _, status = outcome.enhanced.partition(".")
    subject, _, detail = status.partition(".")
    if subject == "7" or status in ("1.7", "1.8"):  # policy; our own sender address
        return Blame.BACKEND
    if subject == "1" or status in ("2.1", "2.2", "4.4"):
        return Blame.READER
    if detail:
        return Blame.MESSAGE
    if outcome.code in (450, 550, 551, 553):
        return Blame.READER
    if outcome.code == 0 and outcome.result is Result.DEFERRED:
        return Blame.BACKEND
    return Blame.MESSAGE


def next_at(attempts: int, now: datetime, deadline: datetime, seed: int) -> datetime | None:
    """When a message that has been tried ``attempts`` times (1 or more) is tried again, or None when it has expired.

    One, five, fifteen, thirty minutes, then every hour, each up to a fifth longer or shorter, the same for the same
    ``seed``. A try that would come too late is made one minute before the deadline.
    """
    last = deadline - LAST_TRY
    if now >= last:
        return None
    step = STEPS[min(attempts, len(STEPS)) - 1]
    spread = zlib.crc32(f"{seed}:{attempts}".encode()) / 0xFFFFFFFF * 2 - 1
    wait_ms = int(step.total_seconds() * 1000 * (1 + _JITTER * spread))
    # On a grid, so that the readers of a batch come back in handfuls and not one by one.
    wait = timedelta(milliseconds=max(_GRID_MS, wait_ms - wait_ms % _GRID_MS))
    return min(now + wait, last)


def verdict(
    outcome: Outcome, attempts: int, now: datetime, deadline: datetime, seed: int, *, resend: bool
) -> tuple[Status, datetime | None]:
    """What a delivery becomes by an outcome, and when it is tried again (only when deferred).

    ``attempts`` counts this one. A rejection that is the backend's fault is tried again like a deferral, so that it
    never counts against the reader. A message in doubt stays in doubt, unless ``resend`` says that a second copy is
    better than none.
    """
    if outcome.result is Result.ACCEPTED:
        return Status.ACCEPTED, None
    if outcome.result is Result.IN_DOUBT and not resend:
        return Status.IN_DOUBT, None
    if outcome.result is Result.REJECTED and blame(outcome) is not Blame.BACKEND:
        return Status.REJECTED, None
    again = next_at(attempts, now, deadline, seed)
    return (Status.EXPIRED, None) if again is None else (Status.DEFERRED, again)
