"""One thread that writes: it commits whatever queued while its last commit ran.

There is no timer. While one transaction reaches the disk the lanes hand in what the next one will hold, so that a slow
disk makes larger groups and a quick one shorter waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from newsletter.backends.base import Answer, Stopped
from newsletter.delivery.ledger import SENDING, Claim, Committed, Intent, Ledger, Settled, Taken
from newsletter.delivery.models import Status

T = TypeVar("T")


class Fenced(Stopped):
    """The batch has been lost to another worker."""


class _Call(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: asyncio.Future[Any]


def _all(queue: deque[T]) -> list[T]:
    return [queue.popleft() for _ in range(len(queue))]


class Writer:
    """Hands outcomes and intents to the ledger from the event loop. To be used as an async context manager.

    ``state`` is the edition's state as of the last commit, ``written`` what has reached the disk. ``error`` is what a
    commit failed with: after that nothing more is written, every intent is stopped, and the lanes that are on disk tell
    who is in doubt.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # Filled by the event loop, emptied by the thread: a deque needs no lock for that.
        self._settled: deque[Settled] = deque()
        self._taken: deque[Taken] = deque()
        self._intents: deque[tuple[Intent, Answer]] = deque()
        self._calls: deque[_Call] = deque()
        self._bell: SimpleQueue[bool] = SimpleQueue()
        self._asleep = False
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
        self._closing = True
        self._bell.put(True)
        await asyncio.to_thread(self._thread.join)

    def settle(self, settled: Settled) -> None:
        """Queues an outcome. It is written with, or before, whatever is queued after it."""
        self._settled.append(settled)
        self._ring()

    def take(self, taken: Taken) -> None:
        """Queues a plain acceptance, like `settle`."""
        self._taken.append(taken)
        self._ring()

    def announce(self, intent: Intent, then: Answer) -> None:
        """Queues an intent. ``then`` is called in the event loop when it is on disk with all that was settled before:
        with None, with `Fenced` when the batch has been lost, or with `Stopped` when the edition is no longer sending
        or nothing can be written."""
        self._intents.append((intent, then))
        self._ring()

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Runs a function in the writer's thread, after everything that is queued has been committed. Raises what it
        raises."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.append(_Call(function, arguments, future))
        self._ring()
        return await future

    async def renew(self, claims: list[Claim]) -> frozenset[int]:
        """Prolongs leases and looks at the edition's state; returns the batches that have been lost."""
        return (await self.call(self._commit, [], [], claims)).fenced

    def _ring(self) -> None:
        if self._asleep:
            self._asleep = False
            self._bell.put(True)

    def _run(self) -> None:
        while True:
            # Intents first: an outcome that comes in between these lines is written with them, while an intent without
            # the outcome that came before it would break the rule.
            intents, settled = _all(self._intents), _all(self._settled)
            taken, calls = _all(self._taken), _all(self._calls)
            if not (intents or settled or taken or calls):
                if self._closing:
                    return
                # In this order: who appends after the look below sees that this thread is asleep, and rings.
                self._asleep = True
                if not (self._intents or self._settled or self._taken or self._calls or self._closing):
                    self._bell.get()
                self._asleep = False
                continue
            committed: Committed | None = None
            if self.error is None and (settled or taken or intents):
                try:
                    committed = self._commit(settled, [intent for intent, _ in intents], (), taken)
                except Exception as error:  # whatever it is, the pump raises it when the lanes have ended
                    self.error = error
            if intents:
                self._loop.call_soon_threadsafe(self._answer, intents, committed)
            for call in calls:
                self._answer_call(call)

    def _commit(
        self, settled: list[Settled], intents: list[Intent], held: Sequence[Claim], taken: Sequence[Taken] = ()
    ) -> Committed:
        committed = self._ledger.commit(settled, intents, held, taken)
        self.state = committed.state
        fenced = committed.fenced
        self.written.update(item.status for item in settled if item.claim.batch_id not in fenced)
        self.written[Status.ACCEPTED] += (
            sum(item.claim.batch_id not in fenced for item in taken) if fenced else len(taken)
        )
        return committed

    @staticmethod
    def _answer(intents: list[tuple[Intent, Answer]], committed: Committed | None) -> None:
        if committed is not None and not committed.fenced and committed.state == SENDING:
            for _, then in intents:
                then(None)
            return
        for intent, then in intents:
            if committed is None:
                then(Stopped("the ledger cannot be written"))
            elif intent.claim.batch_id in committed.fenced:
                then(Fenced("the batch has been lost to another worker"))
            elif committed.state != SENDING:
                then(Stopped(f"the edition is {committed.state or 'gone'}"))
            else:
                then(None)

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
