"""What Ctrl-C and SIGTERM do to a command that delivers: the first drains and says so, a second one ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from newsletter.cli.output import complain, plural
from newsletter.press.drain import DRAIN_SECONDS

T = TypeVar("T")


class EndedAtOnce(Exception):
    """Somebody asked a second time, or no answer came: what was on the wire is in doubt."""


async def stoppable(
    work: Callable[[asyncio.Event], Coroutine[Any, Any, T]],
    on_the_wire: Callable[[], int],
    *,
    quiet: bool = False,
    patience: float | None = DRAIN_SECONDS,
) -> T:
    """Runs ``work``, and hands it the event that the first signal sets: then it settles what is on the wire and begins
    nothing else. A second signal cancels it, and so does a SIGTERM
    after ``patience`` seconds; a Ctrl-C waits for another one.

    ``on_the_wire`` counts messages and runs in a thread. Raises `EndedAtOnce` after a second signal, once the ledger
    holds who is in doubt. ``quiet`` says nothing: another process does.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = loop.create_task(work(stop))
    told: list[asyncio.Task[None]] = []
    ended = False
    timer: asyncio.TimerHandle | None = None

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
        nonlocal timer
        if stop.is_set():
            end("ending at once")
            return
        stop.set()
        if not quiet:
            told.append(loop.create_task(tell()))
        if number == signal.SIGTERM and patience is not None:
            timer = loop.call_later(patience, end, f"no answer for {patience:.0f} s: ending")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not ended:
            raise
        raise EndedAtOnce from None
    finally:
        if timer is not None:
            timer.cancel()
        await asyncio.gather(*told, return_exceptions=True)
