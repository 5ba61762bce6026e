"""APScheduler as a clock: interval ticks in UTC, kept in memory. A reader's time is never a trigger of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from newsletter.clock import SystemClock
from newsletter.delivery.breaker import Breaker
from newsletter.press import tick
from newsletter.press.drain import DRAIN_SECONDS, drain
from newsletter.press.site import Site

_log = logging.getLogger(__name__)

PLAN_SECONDS = 5
RELEASE_SECONDS = 1
WATCH_SECONDS = 60


async def serve(site: Site, stop: asyncio.Event, *, drain_seconds: float = DRAIN_SECONDS) -> None:
    """Runs until ``stop`` is set; then drains: nothing else begins, and what is on the wire has ``drain_seconds`` to be
    settled. What has no answer by then is in doubt."""
    scheduler = AsyncIOScheduler(
        timezone=UTC,
        jobstores={"default": MemoryJobStore()},
        executors={"default": AsyncIOExecutor()},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    breakers: dict[str, Breaker] = {}
    running: set[asyncio.Task[object]] = set()

    def kept(name: str, work: Callable[[], object]) -> Callable[[], object]:
        async def run() -> None:
            task = asyncio.current_task()
            assert task is not None
            running.add(task)
            try:
                result = work()
                if asyncio.iscoroutine(result):
                    await result
            except asyncio.CancelledError:
                _log.warning("cut off; what was on the wire is in doubt", extra={"action": name})
            except Exception:
                _log.exception("a tick failed; the next one tries again", extra={"action": name})
            finally:
                running.discard(task)

        return run

    def plan() -> object:
        return asyncio.to_thread(_plan, site)

    first = SystemClock().now()  # the scheduler goes by the machine's clock, whatever the site's is
    scheduler.add_job(kept("plan", plan), "interval", seconds=PLAN_SECONDS, id="plan", next_run_time=first)
    scheduler.add_job(
        kept("release", lambda: tick.release_due(site, stop, breakers)),
        "interval",
        seconds=RELEASE_SECONDS,
        id="release",
        next_run_time=first,
    )
    scheduler.add_job(
        kept("watch", lambda: asyncio.to_thread(tick.watch, site)), "interval", seconds=WATCH_SECONDS, id="watch"
    )
    scheduler.start()
    _log.info("the clock runs", extra={"action": "serve"})
    try:
        await stop.wait()
    finally:
        scheduler.pause()
        await asyncio.sleep(0)  # what the scheduler has just begun is running then
        await drain(tuple(running), drain_seconds)
        scheduler.shutdown(wait=False)
        _log.info("the clock stopped", extra={"action": "serve"})


def _plan(site: Site) -> None:
    for step in (tick.assemble_due, tick.lock_due, tick.hold_late):
        try:
            step(site)
        except Exception:
            _log.exception("a step failed; the next tick tries again", extra={"action": step.__name__})
