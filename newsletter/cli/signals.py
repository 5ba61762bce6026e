"""What Ctrl-C and SIGTERM do to a command that delivers: the first drains and says so, a second one ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from newsletter.cli.output import complain, plural

T = TypeVar("T")

DRAIN_SECONDS = 30.0
"""How long a SIGTERM lets servers answer: less than the 90 s after which systemd kills. A Ctrl-C waits for another."""


class EndedAtOnce(Exception):
    """Somebody asked a second time, or no answer came: what was on the wire is in doubt."""


async def stoppable(
    work: Callable[[asyncio.Event], Coroutine[Any, Any, T]], on_the_wire: Callable[[], int], *, quiet: bool = False
) -> T:
    """Runs ``work``, and hands it the event that the first signal sets: then it settles what is on the wire and begins
    nothing else. A second signal cancels it, and so does the end of `DRAIN_SECONDS` after a SIGTERM.

    ``on_the_wire`` counts messages and runs in a thread. Raises `EndedAtOnce` after a second signal, once the ledger
    holds who is in doubt. ``quiet`` says nothing: another process does.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = loop.create_task(work(stop))
    told: list[asyncio.Task[None]] = []
    ended = False
    patience: asyncio.TimerHandle | None = None

    async def tell() -> None:
        wire = await asyncio.to_thread(on_the_wire)
        complain(
            f"draining: {plural(wire, 'message')} on the wire; "
            "again (Ctrl-C or SIGTERM) to end at once, which leaves those in doubt"
        )

    def end(why: str) -> None:
        nonlocal ended
        if not ended:
            ended = True
            if not quiet:
                complain(why)
            task.cancel()

    def asked(number: signal.Signals) -> None:
        nonlocal patience
        if stop.is_set():
            end("ending at once")
            return
        stop.set()
        if not quiet:  # else the other process sees to both
            told.append(loop.create_task(tell()))
            if number == signal.SIGTERM:
                patience = loop.call_later(DRAIN_SECONDS, end, f"no answer for {DRAIN_SECONDS:.0f} s: ending")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not ended:
            raise
        raise EndedAtOnce from None
    finally:
        if patience is not None:
            patience.cancel()
        await asyncio.gather(*told, return_exceptions=True)
