"""The clock: wakes the press at short intervals, and knows nothing else.

What is due is in the rows (`newsletter.press.tick`). APScheduler keeps no job of ours: its cron triggers skip and
double days around clock changes, and its job stores lose runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC

from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from newsletter.clock import SystemClock
from newsletter.press import tick
from newsletter.press.site import Site

_log = logging.getLogger(__name__)

_STEP_SECONDS, _RELEASE_SECONDS, _WATCH_SECONDS = 5, 2, 60
_REST_SECONDS = 30.0
"""How long an edition whose sending failed is left alone."""
_DRAIN_SECONDS = 4.0


async def serve(site: Site, stop: asyncio.Event) -> None:
    """Does what is due, until ``stop`` is set; then drains what is on the wire and returns within five seconds.

    An error of one step is logged and the next turn tries again. Any number of processes may serve one database.
    """
    await _Serving(site, stop).run()


class _Serving:
    """The tasks that are under way: one for each step, one for each edition that is being sent."""

    def __init__(self, site: Site, stop: asyncio.Event) -> None:
        self._site, self._stop = site, stop
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._steps: set[asyncio.Task[object]] = set()
        self._rest: dict[str, float] = {}

    async def run(self) -> None:
        # A step that takes longer than its interval is skipped meanwhile; that is no news.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler = AsyncIOScheduler(
            timezone=UTC,
            jobstores={"default": MemoryJobStore()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        now = SystemClock().now()
        for name, seconds, step in (
            ("assemble", _STEP_SECONDS, tick.assemble_due),
            ("lock", _STEP_SECONDS, tick.lock_due),
            ("hold", _STEP_SECONDS, tick.hold_late),
            ("watch", _WATCH_SECONDS, tick.watch),
        ):
            scheduler.add_job(self._step, "interval", [name, step], seconds=seconds, next_run_time=now, id=name)
        scheduler.add_job(self._release, "interval", seconds=_RELEASE_SECONDS, next_run_time=now, id="release")
        scheduler.start()
        _log.info("the clock runs", extra={"action": "serve"})
        try:
            await self._stop.wait()
        finally:
            self._stop.set()
            scheduler.pause()
            await self._drain()
            scheduler.shutdown(wait=False)
            _log.info("the clock stopped", extra={"action": "serve"})

    async def _step(self, name: str, step: Callable[[Site], object]) -> None:
        await self._guarded(name, asyncio.create_task(asyncio.to_thread(step, self._site)))

    async def _release(self) -> None:
        looking = asyncio.create_task(asyncio.to_thread(tick.due_for_release, self._site))
        await self._guarded("release", looking)
        if self._stop.is_set() or looking.cancelled() or looking.exception() is not None:
            return
        now = self._site.clock.monotonic()
        for key in looking.result():
            if key not in self._sending and self._rest.get(key, now) <= now:
                self._sending[key] = asyncio.create_task(self._send(key))

    async def _send(self, key: str) -> None:
        try:
            await tick.release(self._site, key, self._stop)
            self._rest.pop(key, None)
        except Exception as error:
            tick.failed("release", error, key)
            self._rest[key] = self._site.clock.monotonic() + _REST_SECONDS
        finally:
            del self._sending[key]

    async def _guarded(self, name: str, task: asyncio.Task[object]) -> None:
        self._steps.add(task)
        try:
            # The scheduler may cancel the waiting; the thread goes on, and the drain waits for it.
            await asyncio.shield(task)
        except Exception as error:
            tick.failed(name, error)
        finally:
            if task.done():
                self._steps.discard(task)

    async def _drain(self) -> None:
        under_way = {*self._steps, *self._sending.values()}
        if not under_way:
            return
        _, late = await asyncio.wait(under_way, timeout=_DRAIN_SECONDS)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=0.5)
            _log.warning("stopped with work under way", extra={"action": "serve", "tasks": len(late)})
