"""What Ctrl-C and SIGTERM do to a command that delivers: the first drains and says so, a second one ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from newsletter.cli.output import complain, plural

T = TypeVar("T")


class EndedAtOnce(Exception):
    """Somebody asked a second time: what was on the wire is in doubt."""


async def stoppable(
    work: Callable[[asyncio.Event], Coroutine[Any, Any, T]], on_the_wire: Callable[[], int], *, quiet: bool = False
) -> T:
    """Runs ``work``, and hands it the event that the first signal sets: then it settles what is on the wire and begins
    nothing else. A second signal cancels it.

    ``on_the_wire`` counts messages and runs in a thread. Raises `EndedAtOnce` after a second signal, once the ledger
    holds who is in doubt. ``quiet`` says nothing: another process does.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = loop.create_task(work(stop))
    told: list[asyncio.Task[None]] = []
    ended = False

    async def tell() -> None:
        wire = await asyncio.to_thread(on_the_wire)
        complain(
            f"draining: {plural(wire, 'message')} on the wire; "
            "again (Ctrl-C or SIGTERM) to end at once, which leaves those in doubt"
        )

    def asked() -> None:
        nonlocal ended
        if not stop.is_set():
            stop.set()
            if not quiet:
                told.append(loop.create_task(tell()))
        elif not ended:
            ended = True
            if not quiet:
                complain("ending at once")
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    try:
        return await task
    except asyncio.CancelledError:
        if not ended:
            raise
        raise EndedAtOnce from None
    finally:
        await asyncio.gather(*told, return_exceptions=True)
