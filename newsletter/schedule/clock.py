"""APScheduler as a clock: interval ticks in UTC, kept in memory. A reader's time is never a trigger of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from newsletter.delivery.breaker import Breaker
from newsletter.errors import Refused
from newsletter.press import tick
from newsletter.press.crew import work_together
from newsletter.press.site import Site
from newsletter.press.work import refuse_elsewhere

_log = logging.getLogger(__name__)

PLAN_SECONDS = 5
RELEASE_SECONDS = 1
WATCH_SECONDS = 60


async def serve(site: Site, stop: asyncio.Event) -> None:
    """Runs until ``stop`` is set; then drains: what is on the wire is settled, nothing else begins.

    With ``workers`` in the configuration the clock begins what is due and worker processes deliver it. Raises `Refused`
    when one of them falls over again and again, or when another machine works on the same SQLite file.
    """
    scheduler = AsyncIOScheduler(
        timezone=UTC,
        jobstores={"default": MemoryJobStore()},
        executors={"default": AsyncIOExecutor()},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    breakers: dict[str, Breaker] = {}
    crew = site.settings.workers > 1 and site.config is not None
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
            except Exception:
                _log.exception("a tick failed; the next one tries again", extra={"action": name})
            finally:
                running.discard(task)

        return run

    def plan() -> object:
        return asyncio.to_thread(_plan, site)

    scheduler.add_job(kept("plan", plan), "interval", seconds=PLAN_SECONDS, id="plan")

    def release() -> object:
        return asyncio.to_thread(tick.begin_due, site) if crew else tick.release_due(site, stop, breakers)

    scheduler.add_job(kept("release", release), "interval", seconds=RELEASE_SECONDS, id="release")
    scheduler.add_job(
        kept("watch", lambda: asyncio.to_thread(tick.watch, site)), "interval", seconds=WATCH_SECONDS, id="watch"
    )
    await refuse_elsewhere(site, stop)
    scheduler.start()
    _log.info("the clock runs", extra={"action": "serve"})
    try:
        if crew and not await work_together(site.worker_command(), site.settings.workers, stop, lasting=True):
            raise Refused("a worker fell over again and again: see the log, and `newsletter doctor`")
        await stop.wait()
    finally:
        scheduler.pause()
        while running:
            await asyncio.wait(running)
        scheduler.shutdown(wait=False)
        _log.info("the clock stopped", extra={"action": "serve"})


def _plan(site: Site) -> None:
    for step in (tick.assemble_due, tick.lock_due, tick.hold_late):
        try:
            step(site)
        except Exception:
            _log.exception("a step failed; the next tick tries again", extra={"action": step.__name__})
