"""A crew: worker processes of this one, which end when it ends, and are started again when they fall over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence

_log = logging.getLogger(__name__)

RESTARTS = 3
"""How often one worker is started again before it is given up."""
_REST = 1.0
"""Seconds before the first restart; one more before each further one."""
_STEADY = 60.0
"""Seconds after which a worker that falls over has not done so in a row."""
_PATIENCE = 10.0
"""Seconds that a worker is given to write down who is in doubt, before it is killed."""
_WRONG_USAGE = 2
"""The exit status of a worker that would fall over again: its configuration is wrong."""


async def work_together(command: Sequence[str], number: int, stop: asyncio.Event, *, lasting: bool = False) -> bool:
    """Runs ``number`` processes of a command until they end by themselves. Returns whether all of them ended well.
    With ``lasting`` they end well only after ``stop``, and the first that is given up ends the others.

    ``stop`` lets them drain (SIGTERM). When cancelled it ends them at once. Each has a pipe as its standard input that
    nobody writes to and that closes with this process, however that ends; and a session of its own, so that a Ctrl-C
    reaches this process alone. One that falls over is started again, but not more than `RESTARTS` times in a row.
    """
    over = asyncio.Event()

    async def keep(place: int) -> bool:
        well = await _keep(command, place, over, lasting=lasting)
        if lasting:
            over.set()
        return well

    async def pass_on() -> None:
        await stop.wait()
        over.set()

    passing = asyncio.create_task(pass_on())
    try:
        ended = await asyncio.gather(*(keep(place) for place in range(number)))
    finally:
        passing.cancel()
    return all(ended)


async def _keep(command: Sequence[str], place: int, stop: asyncio.Event, *, lasting: bool) -> bool:
    loop = asyncio.get_running_loop()
    falls = 0
    # Ends with the process's own end, with ``stop``, or after some falls in a row.
    while falls <= RESTARTS:
        began = loop.time()
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=DEVNULL, start_new_session=True)
        try:
            status = await _ended(process, stop)
        except asyncio.CancelledError:
            await _end(process)
            raise
        if stop.is_set() or (status == 0 and not lasting):
            return True
        falls = 1 if loop.time() - began > _STEADY else falls + 1
        _log.warning("a worker fell over", extra={"action": "crew", "worker": place, "status": status, "falls": falls})
        if status == _WRONG_USAGE:
            break
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _REST * falls)
            return True
    _log.error("a worker is given up", extra={"action": "crew", "worker": place})
    return False


async def _ended(process: Process, stop: asyncio.Event) -> int:
    end, asked = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((end, asked), return_when=asyncio.FIRST_COMPLETED)
        if not end.done():
            _signal(process, signal.SIGTERM)
        # It drains: as long as its servers take to answer.
        return await asyncio.shield(end)
    finally:
        asked.cancel()


async def _end(process: Process) -> None:
    # Two different ones: of two alike that wait together, a process sees one.
    for number in (signal.SIGTERM, signal.SIGINT):
        _signal(process, number)
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE)
    except TimeoutError:
        _signal(process, signal.SIGKILL)
        await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
