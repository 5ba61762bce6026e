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
from newsletter.errors import Refused
from newsletter.press import service, tick
from newsletter.press.crew import work_together
from newsletter.press.drain import DRAIN_SECONDS, drain
from newsletter.press.site import Site
from newsletter.press.work import refuse_elsewhere

_log = logging.getLogger(__name__)

PLAN_SECONDS = 5
RELEASE_SECONDS = 1
WATCH_SECONDS = 60
SERVICE_SECONDS = 2
"""Somebody sits before a page that says: look at your mail."""
CLEAR_SECONDS = 3600


async def serve(site: Site, stop: asyncio.Event, *, drain_seconds: float = DRAIN_SECONDS) -> None:
    """Runs until ``stop`` is set; then drains: nothing else begins, and what is on the wire has ``drain_seconds`` to be
    settled. What has no answer by then is in doubt.

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
    crewed = site.settings.workers > 1 and site.config is not None
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

    def release() -> object:
        return asyncio.to_thread(tick.begin_due, site) if crewed else tick.release_due(site, stop, breakers)

    first = SystemClock().now()  # the scheduler goes by the machine's clock, whatever the site's is
    scheduler.add_job(kept("plan", plan), "interval", seconds=PLAN_SECONDS, id="plan", next_run_time=first)
    scheduler.add_job(kept("release", release), "interval", seconds=RELEASE_SECONDS, id="release", next_run_time=first)
    scheduler.add_job(
        kept("watch", lambda: asyncio.to_thread(tick.watch, site)), "interval", seconds=WATCH_SECONDS, id="watch"
    )
    scheduler.add_job(
        kept("service", lambda: service.send_waiting(site, stop)), "interval", seconds=SERVICE_SECONDS, id="service"
    )
    scheduler.add_job(
        kept("clear", lambda: asyncio.to_thread(service.clear, site)), "interval", seconds=CLEAR_SECONDS, id="clear"
    )
    await refuse_elsewhere(site, stop)
    scheduler.start()
    _log.info("the clock runs", extra={"action": "serve"})
    stopping = asyncio.create_task(stop.wait())
    crew = (
        [asyncio.create_task(work_together(site.worker_command(), site.settings.workers, stop, lasting=True))]
        if crewed
        else []
    )
    try:
        await asyncio.wait((stopping, *crew), return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            raise Refused("a worker fell over again and again: see the log, and `newsletter doctor`")
    finally:
        stopping.cancel()
        scheduler.pause()
        await asyncio.sleep(0)  # what the scheduler has just begun is running then
        await drain((*running, *crew), drain_seconds)
        scheduler.shutdown(wait=False)
        _log.info("the clock stopped", extra={"action": "serve"})


def _plan(site: Site) -> None:
    for step in (tick.assemble_due, tick.lock_due, tick.hold_late):
        try:
            step(site)
        except Exception:
            _log.exception("a step failed; the next tick tries again", extra={"action": step.__name__})
