"""The pump: carries the batches of an edition to the backends of their segments until nothing is due."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import socket
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import starmap

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import SQLAlchemyError

from newsletter import failpoints
from newsletter.backends.base import Backend
from newsletter.clock import Clock
from newsletter.config import LimitSettings
from newsletter.database import Database
from newsletter.delivery.breaker import Breaker, Gate
from newsletter.delivery.claims import Claim
from newsletter.delivery.counter import Builder, Held, LedgerCounter
from newsletter.delivery.leavers import Leavers
from newsletter.delivery.ledger import LEASE, SENDING, InDoubt, Ledger, Recipient
from newsletter.delivery.limits import Limits
from newsletter.delivery.models import Status
from newsletter.delivery.pacestore import DatabasePaces
from newsletter.delivery.scribe import LedgerFailed, LedgerLost, ProcessWriter
from newsletter.delivery.writer import ThreadWriter, Writer
from newsletter.editions.models import Variant
from newsletter.errors import Refused

_log = logging.getLogger(__name__)

_UNWRITABLE = (SQLAlchemyError, LedgerFailed, LedgerLost)

_SLICE = 1.0
"""Seconds between two looks at the edition's state while the pump waits for a retry, and at a backend that rests."""


_LONG = 60.0
"""Seconds of a backend's pause from which on the next backend takes over."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a run of the pump ended."""

    done: bool
    """Nothing is left to do: every reader of every batch has an outcome."""
    next_due: datetime | None
    """When it is worth running again: a retry, a later wave, a breaker's rest, another worker's lease."""
    stopped: str
    """Why it ended with work that was due; empty when it ended because nothing was."""
    settled: Mapping[str, int]
    """What this run wrote, by the name of the status in small letters."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a briefing says about its delivery."""

    deadline: datetime
    """Deferred messages are tried until then; whoever has not been reached then has expired."""
    in_doubt: InDoubt = "hold"


HOST_CHARACTERS = 40
"""How much of a machine's name stands in a worker's."""


def worker_name() -> str:
    """A name for this process that no other has, and that an operator can read: host, process id, a few hex digits."""
    return f"{socket.gethostname()[:HOST_CHARACTERS]}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


@contextmanager
def _few_collections() -> Iterator[None]:
    """While messages go out the collector of cycles looks rarely, and not at all at what was there before: it finds
    nothing, and a tenth of the time of a large send would go into its looking."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class Pump:
    """Delivers one edition from this process, once. Others may do so at the same time, from other processes.

    ``builders`` makes the messages, by variant id: only these variants are delivered. ``backends`` are those that the
    variants name. ``suppressed`` is looked at for every batch as it is claimed, and each second while it goes out.
    ``blocked``, if given, is asked for each batch with its variant's id and answers why that must not go out, or
    nothing. ``stop`` drains: what is on the wire is settled, nothing else begins. ``breakers`` may be kept from one run
    to the next.
    ``in_process`` has the ledger written by a process of its own, which has the machine's clock: for sends of many
    thousands. ``limits`` says how fast a backend may be, by its name.
    """

    def __init__(
        self,
        database: Database,
        edition_id: int,
        builders: Mapping[int, Builder],
        backends: Mapping[str, Backend],
        suppressed: ColumnElement[bool],
        rules: Rules,
        clock: Clock,
        *,
        blocked: Callable[[int], str] | None = None,
        stop: asyncio.Event | None = None,
        breakers: dict[str, Breaker] | None = None,
        worker: str | None = None,
        in_process: bool = False,
        limits: Mapping[str, LimitSettings] | None = None,
        lease: timedelta = LEASE,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.clock, self.deadline, self.resend = clock, rules.deadline, rules.in_doubt == "resend"
        self.lease_seconds = lease.total_seconds()
        worker, in_doubt = worker or worker_name(), rules.in_doubt
        self._ledger = Ledger(
            database, edition_id, worker, clock, lease=lease, in_doubt=in_doubt, suppressed=suppressed
        )
        self.writer: Writer = (
            ProcessWriter(database, edition_id, worker, suppressed, lease=lease, in_doubt=in_doubt)
            if in_process
            else ThreadWriter(self._ledger)
        )
        self._leavers = Leavers(database, suppressed)
        self._database, self._edition_id = database, edition_id
        self._builders, self._backends, self._blocked = builders, backends, blocked
        self._stop, self._sleep = stop or asyncio.Event(), sleep
        self._breakers = breakers if breakers is not None else {}
        self._counters: dict[str, LedgerCounter] = {}
        self._reason = ""
        self._routes = self._read_routes()
        settings, chance = limits or {}, random.Random()  # noqa: S311 (it spreads leases, and hides nothing)
        self._limits = {
            name: Limits(name, settings.get(name, LimitSettings()), DatabasePaces(database, name), clock, chance)
            for name in backends
        }

    def _read_routes(self) -> dict[int, tuple[str, ...]]:
        statement = select(Variant.id, Variant.segment, Variant.backends).where(
            Variant.edition_id == self._edition_id, Variant.id.in_(list(self._builders))
        )
        with self._database.read_connection() as connection:
            rows = connection.execute(statement).all()
        for row in rows:
            if missing := [name for name in row.backends if name not in self._backends]:
                raise Refused(f"segment {row.segment} goes to backend {missing[0]!r}, which there is not")
            if not row.backends:
                raise Refused(f"segment {row.segment} names no backend")
            for name in row.backends:
                self._breakers.setdefault(name, Breaker())
        return {row.id: tuple(row.backends) for row in rows}

    async def run(self, wait: timedelta | None = None) -> Delivered:
        """Delivers what is due, and returns. With ``wait`` it stays for retries and later waves, for that long at most.

        Raises `Refused` when a variant names a backend that is not there, and whatever a backend raises, which is a
        programming error; what such a backend had on the wire is in doubt.
        """
        async with self.writer:
            self.writer.state = await asyncio.to_thread(self._ledger.state)
            for limits in self._limits.values():
                await limits.load()
            beside = [
                asyncio.create_task(self._beat()),
                asyncio.create_task(self._leavers.watch(self._in_hand)),
                *(asyncio.create_task(limits.keep()) for limits in self._limits.values()),
            ]
            try:
                with _few_collections():
                    await self._drive(None if wait is None else self.clock.now() + wait)
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
                await self._give_tokens_back()
            if self.writer.error is not None:
                raise self.writer.error
            if self.writer.state == "aborted":
                await self._close("withdraw", Status.WITHDRAWN)
            elif self._late() and self.writer.state == SENDING and not self._stop.is_set():
                await self._close("expire", Status.EXPIRED)
            due = await asyncio.to_thread(self._ledger.next_due)
        if not due:
            self._reason = ""
        delivered = Delivered(
            done=not due,
            next_due=min((self._available(variant, at) for variant, at in due.items()), default=None),
            stopped=self._reason,
            settled={status.name.lower(): count for status, count in self.writer.written.items() if count},
        )
        _log.info(
            "pump ended",
            extra={
                "action": "deliver",
                "edition": self._edition_id,
                "worker": self._ledger.worker,
                "stopped": delivered.stopped,
                "done": delivered.done,
                **delivered.settled,
            },
        )
        return delivered

    # What the counters ask for.

    def halted(self) -> bool:
        """Whether no further message may be handed out; keeps the reason."""
        if self._reason:
            return True
        writer, late = self.writer, self.clock.now() >= self.deadline
        if not late and writer.state == SENDING and writer.error is None and not self._stop.is_set():
            return False
        if self._stop.is_set():
            self._reason = "asked to stop"
        elif writer.error is not None:
            self._reason = "the ledger cannot be written"
        elif writer.state != SENDING:
            self._reason = f"the edition is {writer.state or 'gone'}"
        else:
            self._reason = "the deadline has passed"
        return True

    async def fetch(self, backend: str) -> Held | None:
        """Claims the next batch that this backend may deliver and that has readers whose turn it is."""
        try:
            return await self._fetch(backend)
        except _UNWRITABLE as error:
            self._broken(error)
            return None

    async def _fetch(self, backend: str) -> Held | None:
        # Bounded: a batch without such readers is done, or due later, when it is released.
        while not self.halted():
            claim = await self.writer.call("claim", self._variants(backend))
            if claim is None:
                return None
            place = self._routes[claim.variant_id].index(backend)
            if self._blocked is not None and (why := await asyncio.to_thread(self._blocked, claim.variant_id)):
                self._reason = why
                await self.release(self._held(claim, [], place))
                return None
            rows, gone = await self.writer.read(claim)
            recipients = [*starmap(Recipient, rows)]
            for left_out in gone:
                self.writer.settle(left_out)
            held = self._held(claim, recipients, place)
            if failpoints.armed:
                failpoints.reach("pump.claimed")
            if recipients:
                return held
            await self.release(held)
        return None

    def _held(self, claim: Claim, recipients: list[Recipient], place: int) -> Held:
        limits = self._limits[self._routes[claim.variant_id][place]]
        return Held(claim, recipients, self._builders[claim.variant_id], place, limits)

    async def release(self, held: Held) -> None:
        """Lets go of a claim, until one of its variant's backends is there."""
        if self.writer.error is not None:
            return  # nothing can be written: the lease runs out by itself
        now = self.clock.now()
        not_before = max(self._available(held.claim.variant_id, now), held.not_before or now)
        try:
            await self.writer.call("finish", held.claim, not_before if not_before > now else None)
        except _UNWRITABLE as error:
            self._broken(error)

    def _broken(self, error: Exception) -> None:
        """The database is gone, or full: the lanes come to their end, and `run` raises this."""
        if self.writer.error is None:
            self.writer.error = error

    # The loop.

    async def _drive(self, until: datetime | None) -> None:
        running: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for name in self._breakers:
                    if name in self._backends and name not in running and (first := await self._first(name)):
                        counter = LedgerCounter(self, name, self._breakers[name], self._limits[name], first)
                        self._counters[name] = counter
                        running[name] = asyncio.create_task(self._serve(name, counter))
                if running:
                    done, _ = await asyncio.wait(
                        running.values(), timeout=self._patience(running), return_when=asyncio.FIRST_COMPLETED
                    )
                    for name in [name for name, task in running.items() if task in done]:
                        running.pop(name).result()
                elif until is None or self.halted() or not await self._pause(until):
                    return
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)

    def _patience(self, running: Collection[str]) -> float | None:
        """Seconds after which the idle backends are looked at again, so that one that has rested gets its trial while
        another does its work; None when none of them rests."""
        resting = (name for name, breaker in self._breakers.items() if breaker.until is not None)
        return _SLICE if any(name in self._backends and name not in running for name in resting) else None

    async def _first(self, backend: str) -> Held | None:
        if self._breakers[backend].gate(self.clock.now()) is Gate.OPEN:
            return None
        return await self.fetch(backend)

    async def _serve(self, name: str, counter: LedgerCounter) -> None:
        try:
            await self._backends[name].deliver(counter)
        finally:
            await counter.close()
            del self._counters[name]
        if not counter.progress and not self.halted():
            # It ended with work before it: without this it would be asked again at once, for ever.
            self._breakers[name].failed(self.clock.now())

    def _variants(self, backend: str) -> list[int]:
        """The variants that a backend may take now: those for which every better one is not well."""
        now = self.clock.now()
        chosen = []
        for variant, names in self._routes.items():
            if backend not in names:
                continue
            better = names[: names.index(backend)]
            if all(self._breakers[name].gate(now) is not Gate.CLOSED or self._paused(name) for name in better):
                chosen.append(variant)
        return chosen

    def _paused(self, backend: str) -> bool:
        """Whether a server has asked for so long a pause that another backend may as well do the work."""
        return self._limits[backend].closed(self.clock.monotonic()) >= _LONG

    def _available(self, variant: int, at: datetime) -> datetime:
        """The first instant from ``at`` on at which one of a variant's backends may be tried."""
        names = self._routes.get(variant, ())
        return min((max(at, self._breakers[name].until or at) for name in names), default=at)

    async def _pause(self, until: datetime) -> bool:
        """Sleeps towards the next thing that is due; returns False when nothing is due before ``until``."""
        due = await asyncio.to_thread(self._ledger.next_due)
        now = self.clock.now()
        instant = min((self._available(variant, at) for variant, at in due.items()), default=None)
        if instant is None or instant > until or now >= until:
            return False
        await self._sleep(min(max((instant - now).total_seconds(), 0.05), _SLICE))
        await self.writer.renew([])
        return True

    def _in_hand(self) -> list[Held]:
        return [held for counter in self._counters.values() for held in counter.claims]

    async def _beat(self) -> None:
        """Renews the leases while a backend waits for a slow server, and learns of a stop from elsewhere."""
        while self.writer.error is None:
            await asyncio.sleep(self.lease_seconds / 4)
            held = self._in_hand()
            try:
                lost = await self.writer.renew([one.claim for one in held])
            except _UNWRITABLE as error:  # the next beat, or a commit, may find the database back
                _log.warning("leases not renewed", extra={"action": "renew", "error": type(error).__name__})
                continue
            for one in held:
                if one.claim.batch_id in lost:
                    one.lose()

    async def _give_tokens_back(self) -> None:
        for name, limits in self._limits.items():
            try:
                await limits.save(closing=True)
            except SQLAlchemyError as error:  # they come back by themselves, a little later
                _log.warning(
                    "limits not saved", extra={"action": "limit", "backend": name, "error": type(error).__name__}
                )

    async def _close(self, method: str, status: Status) -> None:
        self.writer.written[status] += await self.writer.call(method)

    def _late(self) -> bool:
        return self.clock.now() >= self.deadline
