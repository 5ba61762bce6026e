"""Who writes the ledger while the event loop sends: whatever queued while the last commit ran is the next commit.

There is no timer. While one transaction reaches the disk the lanes hand in what the next one will hold, so that a slow
disk makes larger groups and a quick one shorter waits. The readers of a batch are read beside the commits.

The commits run in a thread, or in a process of their own (`newsletter.delivery.scribe`). A thread and the event loop
take Python's one lock from each other several times a commit, which costs a large send more than the commits do; a
process costs a start and 50 MB.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import Counter as Tally
from collections import deque
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple, Self, TypeVar

from newsletter import failpoints
from newsletter.backends.base import Answer, Stopped
from newsletter.delivery.claims import Claim
from newsletter.delivery.ledger import SENDING, Committed, Intent, Ledger, Reader, Settled, Taken
from newsletter.delivery.models import Status

T = TypeVar("T")


class Fenced(Stopped):
    """The batch has been lost to another worker."""


class Call(NamedTuple):
    """A method of the ledger that is to be called, and who waits for it."""

    method: str
    arguments: tuple[Any, ...]
    future: asyncio.Future[Any]


class Writer(ABC):
    """Hands outcomes and intents to the ledger from the event loop. To be used as an async context manager.

    ``state`` is the edition's state as of the last commit, ``written`` what has reached the disk. ``error`` is what a
    commit failed with: after that nothing more is written, every intent is stopped, and the lanes that are on disk tell
    who is in doubt.
    """

    def __init__(self) -> None:
        self.state = SENDING
        self.error: Exception | None = None
        self.written: Tally[Status] = Tally()
        self._settled: deque[Settled] = deque()
        self._taken: deque[Taken] = deque()
        self._intents: deque[tuple[Intent, Answer]] = deque()
        self._calls: deque[Call] = deque()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

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

    async def call(self, method: str, *arguments: Any) -> Any:
        """Calls a method of the ledger after everything that is queued has been committed. Raises what it raises."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls.append(Call(method, arguments, future))
        self._ring()
        return await future

    @abstractmethod
    async def read(self, claim: Claim) -> tuple[list[Reader], list[Settled]]:
        """See `Ledger.readers`. Waits for no commit, and none waits for it. Raises what reading raises."""

    async def renew(self, claims: list[Claim]) -> frozenset[int]:
        """Prolongs leases and looks at the edition's state; returns the batches that have been lost."""
        committed: Committed = await self.call("commit", [], [], claims)
        self.state = committed.state
        return committed.fenced

    @abstractmethod
    async def _start(self) -> None: ...

    @abstractmethod
    async def _end(self) -> None:
        """Writes whatever is queued, and ends."""

    @abstractmethod
    def _ring(self) -> None:
        """Something has been queued."""

    def _count(self, settled: Sequence[Settled], taken: Sequence[Taken], committed: Committed) -> None:
        self.state, fenced = committed.state, committed.fenced
        self.written.update(item.status for item in settled if item.claim.batch_id not in fenced)
        self.written[Status.ACCEPTED] += sum(item[0] not in fenced for item in taken) if fenced else len(taken)

    @staticmethod
    def _answer(intents: Sequence[tuple[Intent, Answer]], committed: Committed | None) -> None:
        if committed is not None and not committed.fenced and committed.state == SENDING:
            for _, then in intents:
                then(None)
            return
        for intent, then in intents:
            if committed is None:
                then(Stopped("the ledger cannot be written"))
            elif intent[0] in committed.fenced:
                then(Fenced("the batch has been lost to another worker"))
            elif committed.state != SENDING:
                then(Stopped(f"the edition is {committed.state or 'gone'}"))
            else:
                then(None)

    @staticmethod
    def _return(call: Call, value: Any, error: Exception | None) -> None:
        if call.future.done():
            return
        if error is None:
            call.future.set_result(value)
        else:
            call.future.set_exception(error)


def everything(queue: deque[T]) -> list[T]:
    """Empties a queue that another thread may be filling."""
    return [queue.popleft() for _ in range(len(queue))]


class ThreadWriter(Writer):
    """Commits in a thread of this process."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger
        # The queues are filled by the event loop and emptied by the thread: a deque needs no lock for that.
        self._bell: SimpleQueue[bool] = SimpleQueue()
        self._asleep = self._closing = False
        self._thread = threading.Thread(target=self._run, name="ledger writer", daemon=True)

    async def _start(self) -> None:
        self._thread.start()

    async def _end(self) -> None:
        self._closing = True
        self._bell.put(True)
        await asyncio.to_thread(self._thread.join)

    async def read(self, claim: Claim) -> tuple[list[Reader], list[Settled]]:
        return await asyncio.to_thread(self._ledger.readers, claim)

    def _ring(self) -> None:
        if self._asleep:
            self._asleep = False
            self._bell.put(True)

    def _run(self) -> None:
        while True:
            # Intents first: an outcome that comes in between these lines is written with them, while an intent without
            # the outcome that came before it would break the rule.
            intents, settled = everything(self._intents), everything(self._settled)
            taken, calls = everything(self._taken), everything(self._calls)
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
                    committed = self._ledger.commit(settled, [intent for intent, _ in intents], (), taken)
                    self._count(settled, taken, committed)
                except Exception as error:  # whatever it is, the pump raises it when the lanes have ended
                    self.error = error
            if intents:
                if failpoints.armed:
                    failpoints.reach("writer.before_answer")
                self._loop.call_soon_threadsafe(self._answer, intents, committed)
            for call in calls:
                self._serve(call)

    def _serve(self, call: Call) -> None:
        value, failed = None, self.error
        if failed is None:
            try:
                value = getattr(self._ledger, call.method)(*call.arguments)
            except Exception as error:
                failed = error
        self._loop.call_soon_threadsafe(self._return, call, value, failed)
