"""Failures on purpose, told by the recipient's address, so that every one of them can be tried by hand.

A local part that ends in ``+451`` (any code from 400 to 599) is answered with that code, ``+timeout`` never gets an
answer, ``+drop`` is taken and the reply to it is lost. ``rita+550@example.org`` is so refused for good.
"""

from __future__ import annotations

import re

from newsletter.backends.base import Message, Outcome, Result

_WORD = re.compile(r"\+(?P<word>[45]\d\d|timeout|drop)@")

# What real servers say most often with the code (RFC 3463).
_ENHANCED = {421: "4.3.2", 450: "4.2.1", 452: "4.2.2", 550: "5.1.1", 552: "5.2.2", 554: "5.7.1"}
_FAULT_OF_THE_BACKEND = {421, 554}


def rehearsed(message: Message) -> Outcome | None:
    """The outcome that the recipient's address asks for, or None for an ordinary address.

    A message whose outcome is *in doubt* was taken: whoever asks has to keep it.
    """
    match = _WORD.search(message.recipient)
    if match is None:
        return None
    if match["word"] == "timeout":
        return Outcome(Result.DEFERRED, reply="timed out on purpose, before the final dot", backend_fault=True)
    if match["word"] == "drop":
        return Outcome(Result.IN_DOUBT, reply="taken, and the reply lost on purpose", backend_fault=True)
    code = int(match["word"])
    return Outcome(
        Result.DEFERRED if code < 500 else Result.REJECTED,
        code,
        _ENHANCED.get(code, f"{code // 100}.0.0"),
        f"{code} on purpose, as the address says",
        backend_fault=code in _FAULT_OF_THE_BACKEND,
    )
