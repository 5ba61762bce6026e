"""The end of a process that sends: what is on the wire is given a while to be answered, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

DRAIN_SECONDS = 30.0
"""Less than the 90 s after which systemd kills, and more than a server takes that means to answer."""


async def drain(tasks: Collection[asyncio.Task[object]], seconds: float = DRAIN_SECONDS) -> int:
    """Waits up to ``seconds`` for tasks that were told to stop, then cancels the rest and waits for their end.

    A cancelled send leaves every message that was on the wire in doubt (RFC 1047), with its reader's name in the
    ledger, and the others still to go. Returns how many tasks were cancelled.
    """
    if not tasks:
        return 0
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)
    return len(late)
