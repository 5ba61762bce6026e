"""One thread that writes: it commits whatever queued while its last commit ran.

There is no timer. While one transaction reaches the disk the lanes hand in what the next one will hold, so that a slow
disk makes larger groups and a quick one shorter waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from newsletter.backends.base import Stopped
from newsletter.delivery.ledger import SENDING, Claim, Committed, Intent, Ledger, Settled
from newsletter.delivery.models import Status

T = TypeVar("T")


class Fenced(Stopped):
    """The batch has been lost to another worker."""


class _Call(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: asyncio.Future[Any]


class Writer:
    """Hands outcomes and intents to the ledger from the event loop. To be used as an async context manager.

    ``state`` is the edition's state as of the last commit, ``written`` what has reached the disk. ``error`` is what a
    commit failed with: after that nothing more is written, every intent is stopped, and the lanes that are on disk tell
    who is in doubt.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._settled: list[Settled] = []
        self._intents: list[tuple[Intent, asyncio.Future[None]]] = []
        self._calls: list[_Call] = []
        self._wake = threading.Condition()
        self._closing = False
        self.state = SENDING
        self.error: Exception | None = None
        self.written: Tally[Status] = Tally()
        self._thread = threading.Thread(target=self._run, name="ledger writer", daemon=True)

    async def __aenter__(self) -> Writer:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)

    def settle(self, settled: Settled) -> None:
        """Queues an outcome. It is written with, or before, whatever is queued after it."""
        with self._wake:
            self._settled.append(settled)
            self._wake.notify()

    async def intend(self, intent: Intent) -> None:
        """Returns when the intent, and all that was settled before, are on disk. Raises `Fenced` when the batch has
        been lost, `Stopped` when the edition is no longer sending or nothing can be written."""
        future: asyncio.Future[None] = self._loop.create_future()
        with self._wake:
            self._intents.append((intent, future))
            self._wake.notify()
        await future

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Runs a function in the writer's thread, after everything that is queued has been committed. Raises what it
        raises."""
        future: asyncio.Future[T] = self._loop.create_future()
        with self._wake:
            self._calls.append(_Call(function, arguments, future))
            self._wake.notify()
        return await future

    async def renew(self, claims: list[Claim]) -> frozenset[int]:
        """Prolongs leases and looks at the edition's state; returns the batches that have been lost."""
        return (await self.call(self._commit, [], [], claims)).fenced

    def _run(self) -> None:
        while True:
            with self._wake:
                while not (self._settled or self._intents or self._calls or self._closing):
                    self._wake.wait()
                settled, self._settled = self._settled, []
                intents, self._intents = self._intents, []
                calls, self._calls = self._calls, []
                if not (settled or intents or calls):
                    return
            committed: Committed | None = None
            if self.error is None and (settled or intents):
                try:
                    committed = self._commit(settled, [intent for intent, _ in intents], ())
                except Exception as error:  # whatever it is, the pump raises it when the lanes have ended
                    self.error = error
            if intents:
                self._loop.call_soon_threadsafe(self._answer, intents, committed)
            for call in calls:
                self._answer_call(call)

    def _commit(self, settled: list[Settled], intents: list[Intent], held: Sequence[Claim]) -> Committed:
        committed = self._ledger.commit(settled, intents, held)
        self.state = committed.state
        self.written.update(item.status for item in settled if item.claim.batch_id not in committed.fenced)
        return committed

    @staticmethod
    def _answer(intents: list[tuple[Intent, asyncio.Future[None]]], committed: Committed | None) -> None:
        for intent, future in intents:
            if future.done():
                continue
            if committed is None:
                future.set_exception(Stopped("the ledger cannot be written"))
            elif intent.claim.batch_id in committed.fenced:
                future.set_exception(Fenced("the batch has been lost to another worker"))
            elif committed.state != SENDING:
                future.set_exception(Stopped(f"the edition is {committed.state or 'gone'}"))
            else:
                future.set_result(None)

    def _answer_call(self, call: _Call) -> None:
        def answer(set_: Callable[[Any], None], value: Any) -> None:
            if not call.future.done():
                set_(value)

        try:
            if self.error is not None:
                raise self.error
            value = call.function(*call.arguments)
        except Exception as error:
            self._loop.call_soon_threadsafe(answer, call.future.set_exception, error)
        else:
            self._loop.call_soon_threadsafe(answer, call.future.set_result, value)
