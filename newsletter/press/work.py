"""Delivery alone: a worker takes whatever is being sent, beside others of its kind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from datetime import datetime

from sqlalchemy import select

from newsletter.delivery.breaker import Breaker
from newsletter.delivery.models import BatchState, batch
from newsletter.delivery.pump import HOST_CHARACTERS
from newsletter.editions.states import State
from newsletter.errors import Refused
from newsletter.press.send import go_on
from newsletter.press.site import Site
from newsletter.press.tick import sendable

_log = logging.getLogger(__name__)

_SECONDS = 1.0
"""Between two looks for something to do."""


async def work(site: Site, stop: asyncio.Event) -> None:
    """Delivers every edition that is sending, and looks for more, until ``stop`` is set; then drains.

    It begins no edition: the clock does, or `send`. Raises `Refused` where it may not run; see `refuse_elsewhere`.
    """
    await refuse_elsewhere(site, stop)
    breakers: dict[str, Breaker] = {}
    while not stop.is_set():
        for key in await asyncio.to_thread(sendable, site, (State.SENDING,)):
            if stop.is_set():
                break
            try:
                await go_on(site, key, stop=stop, breakers=breakers)
            except Refused as error:
                _log.warning("not sent", extra={"action": "work", "edition": key, "reason": str(error)})
            except Exception:
                # One edition's trouble keeps no other from going out.
                _log.exception("the delivery broke off; tried again", extra={"action": "work", "edition": key})
        await _rest(stop)


async def refuse_elsewhere(site: Site, stop: asyncio.Event) -> None:
    """Raises `Refused` when the database is a SQLite file and a worker of another machine is at work on it.

    A file that two machines share loses writes: WAL wants shared memory. What can be known is who holds a batch, and a
    dead worker of a machine that is gone still does: so this waits for the lease to run out, or to be renewed.
    """
    if not site.database.is_sqlite:
        return
    first: datetime | None = None
    # A lease that is not renewed ends within `LEASE`: that is the bound.
    while not stop.is_set() and (held := await asyncio.to_thread(_held_elsewhere, site)) is not None:
        host, until = held
        if first is not None and until > first:
            raise Refused(f"{host} works on this SQLite file: more than one machine wants PostgreSQL")
        if first is None:
            _log.warning("another machine holds a batch; waiting", extra={"action": "work", "host": host})
            first = until
        await _rest(stop)


def _held_elsewhere(site: Site) -> tuple[str, datetime] | None:
    """The machine that is not this one and holds the lease that runs longest, and until when."""
    here = socket.gethostname()[:HOST_CHARACTERS]
    held = (
        select(batch.c.owner, batch.c.lease_until)
        .where(batch.c.state == BatchState.LEASED, batch.c.lease_until > site.clock.now())
        .order_by(batch.c.lease_until.desc())
    )
    with site.database.read_connection() as connection:
        for row in connection.execute(held):
            host = row.owner.rsplit(":", 2)[0]
            if host != here:
                return host, row.lease_until
    return None


async def _rest(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), _SECONDS)
