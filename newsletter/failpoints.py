"""Named points at which a test has this process die, as it would of ``kill -9``.

A point stands in the code as two lines, which cost the look at one flag::

    if failpoints.armed:
        failpoints.reach("ledger.after_commit")

The command line arms one with ``NEWSLETTER_FAILPOINTS=ledger.after_commit``, or ``=ledger.after_commit:5`` for the
fifth time that the process comes there. Nobody but tests/crash has a use for that: it dies there on each of them, on
both engines, and goes on. A point that is not in `POINTS`, or no longer in the code, fails a test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from types import MappingProxyType

from newsletter.errors import ConfigError

POINTS: Mapping[str, str] = MappingProxyType(
    {
        "lock.after_words": "the words are frozen, and no reader is",
        "plan.in_chunk": "a chunk of readers is written, and not committed",
        "plan.after_chunk": "a chunk of readers is committed",
        "send.before_state": "all readers are frozen, and the edition is still locked",
        "send.after_state": "the edition is sending, and nothing is claimed",
        "send.before_end": "every reader has an outcome, and the edition is still sending",
        "pump.claimed": "a batch is claimed and its readers are read, and none of them has been sent to",
        "ledger.in_claim": "a batch is claimed, and the claim is not committed",
        "ledger.before_commit": "outcomes and intents are written, and not committed",
        "ledger.after_commit": "outcomes and intents are committed",
        "ledger.in_finish": "a batch is let go of, and that is not committed",
        "ledger.after_finish": "a batch is let go of",
        "writer.before_answer": "the writer knows that an intent is on disk, and the connection does not",
        "smtp.before_dot": "a connection knows that its intent is on disk, and the final dot has not gone out",
        "smtp.after_dot": "the final dot has gone out, and there is no reply",
        "smtp.after_reply": "the reply to the final dot has come, and nobody has written it down",
        "smtp.before_bdat": "a connection knows that its intent is on disk, and nothing of the message has gone out",
        "smtp.after_bdat": "the whole message has gone out by BDAT, and there is no reply",
        "smtp.after_bdat_reply": "the reply to a BDAT has come, and nobody has written it down",
        "closing.in_doubt": "what a dead worker had on the wire is settled, and not committed",
        "closing.in_close": "readers are withdrawn or have expired, and nothing is committed",
        "closing.after_close": "readers are withdrawn or have expired",
    }
)
"""Every point, and what has happened there and what has not."""

EXIT_STATUS = 137
"""What a shell reports of a process that died of signal 9."""

armed = ""
"""The point at which to die."""

_left = 0


def arm(words: str) -> None:
    """Arms what ``NEWSLETTER_FAILPOINTS`` says: ``NAME`` or ``NAME:TIMES``; nothing where it is empty.

    Raises `ConfigError` for a point that there is not.
    """
    global armed, _left
    if not words:
        armed = ""
        return
    found = re.fullmatch(r"([a-z_.]+)(?::([1-9]\d{0,5}))?", words)
    if found is None or found[1] not in POINTS:
        raise ConfigError(
            f"NEWSLETTER_FAILPOINTS is {words!r}: write NAME or NAME:TIMES, with one of {', '.join(POINTS)}"
        )
    armed, _left = found[1], int(found[2] or 1)


def reach(name: str) -> None:
    """Dies here if this is the point, and it has been reached often enough: no cleaning up, nothing is flushed."""
    global _left
    if name == armed:
        _left -= 1
        if _left == 0:
            os._exit(EXIT_STATUS)
