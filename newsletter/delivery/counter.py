"""The counter of one backend: hands out messages of claimed batches, and takes outcomes to the ledger."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

from newsletter.backends.base import Message, Outcome, Result, Stopped
from newsletter.clock import Clock
from newsletter.delivery.breaker import Breaker, Gate
from newsletter.delivery.ledger import Claim, Intent, Recipient, Settled, Trace
from newsletter.delivery.models import Status, to_ms
from newsletter.delivery.retry import Blame, blame, verdict
from newsletter.delivery.writer import Fenced, Writer
from newsletter.errors import NewsletterError

Builder = Callable[[Recipient], Message]
"""Makes the message of one reader. A ValueError or a `NewsletterError` rejects that reader and no other."""

SELF_FENCE = 5.0
"""Seconds before the end of a lease at which a worker no longer trusts it."""

_REPLY_LIMIT = 2_000
_SILENT = Outcome(Result.IN_DOUBT, reply="the backend ended without saying what became of this message")


class Held:
    """A claim in hand: the readers who wait, and how many are with the backend."""

    __slots__ = ("build", "claim", "lost", "out", "place", "size", "waiting")

    def __init__(self, claim: Claim, recipients: list[Recipient], build: Builder, place: int) -> None:
        self.claim, self.build, self.place = claim, build, place
        self.waiting = deque(recipients)
        self.size = len(recipients)
        self.out = 0
        self.lost = False

    def lose(self) -> None:
        """Another worker has it: nobody of it is sent from here any more."""
        self.lost = True
        self.waiting.clear()


class _Out(NamedTuple):
    held: Held
    recipient: Recipient


class Source(Protocol):
    """Where a counter gets its claims, and what it must obey: the pump."""

    clock: Clock
    writer: Writer
    deadline: datetime
    resend: bool
    lease_seconds: float

    def halted(self) -> bool:
        """Whether no further message may be handed out."""

    async def fetch(self, backend: str) -> Held | None:
        """Claims the next batch for a backend."""

    async def release(self, held: Held) -> None:
        """Lets go of a claim."""


class LedgerCounter:
    """See `newsletter.backends.base.Counter`."""

    def __init__(self, source: Source, backend: str, breaker: Breaker, first: Held) -> None:
        self._source, self._backend, self._breaker = source, backend, breaker
        self._current: Held | None = first
        self._held = {first.claim.batch_id: first}
        self._ahead: asyncio.Task[Held | None] | None = None
        self._filling = asyncio.Lock()
        self._exhausted = False
        self._finishing: set[asyncio.Task[None]] = set()
        self._out: dict[int, _Out] = {}
        self._wire: dict[int, Message] = {}
        self._trial: tuple[int, int] | None = None  # lane and subscriber of a half-open breaker's one message
        self._trial_over = asyncio.Event()
        self.progress = False
        """Whether anything was settled, or lost."""

    @property
    def claims(self) -> list[Held]:
        """What is in hand."""
        return [held for held in self._held.values() if not held.lost]

    async def take(self, lane: int) -> Message | None:
        """The next message for a lane."""
        while not self._source.halted():
            gate = self._breaker.gate(self._source.clock.now())
            if gate is Gate.OPEN:
                return None
            if gate is Gate.HALF_OPEN and self._trial is not None:
                if self._trial[0] == lane:  # it has to settle that one first
                    return None
                await self._trial_over.wait()
                continue
            held = self._current
            if held is None or not held.waiting:
                if not await self._refill():
                    return None
                continue
            message = self._build(held, held.waiting.popleft())
            self._look_ahead(held)
            if message is None:
                continue
            if gate is Gate.HALF_OPEN:
                self._trial = (lane, message.subscriber)
                self._trial_over.clear()
            return message
        return None

    async def intend(self, lane: int, message: Message) -> None:
        """Returns when the ledger holds that this message is about to be on the wire."""
        if lane in self._wire:
            raise RuntimeError(f"backend {self._backend} intends a message on lane {lane} before it settled the last")
        held, _ = self._out[message.subscriber]
        clock = self._source.clock
        try:
            if held.lost or self._source.halted():
                raise Stopped("the pump has stopped")
            began = clock.monotonic()
            await self._source.writer.intend(Intent(held.claim, lane, message.subscriber, held.place))
            if clock.monotonic() - began > self._source.lease_seconds - SELF_FENCE:
                raise Fenced("this worker was asleep for as long as its lease")
        except Stopped as stopped:
            if isinstance(stopped, Fenced):
                held.lose()
                self.progress = True
            self._put_back(message.subscriber)
            raise
        self._wire[lane] = message

    def settle(self, lane: int, message: Message, outcome: Outcome) -> None:
        """Takes an outcome."""
        intended = self._wire.get(lane)
        if intended is message:
            del self._wire[lane]
        held, recipient = self._out.pop(message.subscriber)
        now = self._source.clock.now()
        if outcome.result is Result.ACCEPTED or blame(outcome) is not Blame.BACKEND:
            self._breaker.succeeded()
        else:
            self._breaker.failed(now)
        self._end_trial(message.subscriber)
        self._record(held, recipient, outcome, now, lane if intended is message else None)
        held.out -= 1
        self._finish_if_empty(held)

    async def close(self) -> None:
        """After the backend has ended: what it left on the wire is in doubt, what it only took is still to go, and
        every claim is let go."""
        for lane, message in list(self._wire.items()):
            self.settle(lane, message, _SILENT)
        self._trial = None
        self._trial_over.set()
        if self._ahead is not None:
            (ahead,) = await asyncio.gather(self._ahead, return_exceptions=True)
            if isinstance(ahead, Held):
                self._held[ahead.claim.batch_id] = ahead
        await asyncio.gather(*self._finishing)
        for held in self.claims:
            await self._source.release(held)

    def _build(self, held: Held, recipient: Recipient) -> Message | None:
        try:
            message = held.build(recipient)
        except (ValueError, NewsletterError) as error:
            outcome = Outcome(Result.REJECTED, reply=f"the message could not be made: {error}")
            self._record(held, recipient, outcome, self._source.clock.now(), None)
            self._finish_if_empty(held)
            return None
        if message.subscriber != recipient.subscriber:
            raise RuntimeError(f"the message for subscriber {recipient.subscriber} was made for {message.subscriber}")
        held.out += 1
        self._out[message.subscriber] = _Out(held, recipient)
        return message

    def _record(self, held: Held, recipient: Recipient, outcome: Outcome, now: datetime, lane: int | None) -> None:
        self.progress = True
        source, claim = self._source, held.claim
        attempts = recipient.attempts + 1
        trace: Trace | None = None
        if outcome.result is Result.ACCEPTED:
            status, at = Status.ACCEPTED, now
        else:
            seed = claim.edition_id << 32 ^ recipient.subscriber
            status, again = verdict(outcome, attempts, now, source.deadline, seed, resend=source.resend)
            at = again or now
            # PostgreSQL takes no NUL in a text.
            reply = outcome.reply.replace("\0", "\N{SYMBOL FOR NULL}")[:_REPLY_LIMIT]
            trace = Trace(outcome.result, outcome.enhanced.replace("\0", ""), reply, self._backend, again)
        code = min(max(outcome.code, 0), 999)
        source.writer.settle(
            Settled(claim, lane, recipient.subscriber, status, code, attempts, held.place, to_ms(at), trace)
        )

    def _put_back(self, subscriber: int) -> None:
        held, recipient = self._out.pop(subscriber)
        self._end_trial(subscriber)
        held.out -= 1
        if not held.lost:
            held.waiting.appendleft(recipient)

    def _end_trial(self, subscriber: int) -> None:
        if self._trial is not None and self._trial[1] == subscriber:
            self._trial = None
            self._trial_over.set()

    def _look_ahead(self, held: Held) -> None:
        # The next batch is claimed while the last fifth of this one goes out: late, because what was suppressed until
        # then is seen by the claim; early enough that no lane waits for it.
        if self._ahead is None and len(held.waiting) <= held.size // 5:
            self._ahead = asyncio.create_task(self._source.fetch(self._backend))

    async def _refill(self) -> bool:
        async with self._filling:
            if self._current is not None and self._current.waiting:
                return True
            if self._exhausted:
                return False
            if self._ahead is None:
                self._ahead = asyncio.create_task(self._source.fetch(self._backend))
            # Shielded: a lane that is cancelled must not lose the claim that all lanes wait for.
            fetched = await asyncio.shield(self._ahead)
            self._ahead = None
            self._exhausted = fetched is None
            before, self._current = self._current, fetched
            if before is not None:
                self._finish_if_empty(before)
            if fetched is not None:
                self._held[fetched.claim.batch_id] = fetched
            return fetched is not None

    def _finish_if_empty(self, held: Held) -> None:
        if held.out or held.waiting or held is self._current or held.claim.batch_id not in self._held:
            return
        del self._held[held.claim.batch_id]
        if not held.lost:
            task = asyncio.create_task(self._source.release(held))
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)
