"""The counter of one backend: hands out messages of claimed batches, and takes outcomes to the ledger."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from newsletter.backends.base import Answer, Counter, Message, Outcome, Result, Stopped
from newsletter.clock import Clock
from newsletter.delivery.breaker import Breaker, Gate
from newsletter.delivery.claims import Claim
from newsletter.delivery.ledger import Recipient, Settled, Trace, intent
from newsletter.delivery.limits import Limits
from newsletter.delivery.models import Status, to_ms
from newsletter.delivery.queues import DomainQueues, Gatekeeper
from newsletter.delivery.retry import Blame, blame, verdict
from newsletter.delivery.writer import Fenced, Writer
from newsletter.errors import NewsletterError

Builder = Callable[[Recipient], Message]
"""Makes the message of one reader. A ValueError or a `NewsletterError` rejects that reader and no other.

It may have a method ``many`` that makes those of many readers at once, and leaves out whom it would rather see alone.
"""

_AHEAD = 64
"""Messages that are made at a time, where they can be."""

TRUSTED = 0.65
"""The part of a lease for which a worker trusts an intent. A commit leaves at least three quarters of it."""

_PATIENCE = 5.0
"""Seconds for which a batch is kept in hand while all of its readers have to wait for a limit."""
_MOST_AHEAD = 4
"""Batches that are claimed, or about to be, before the current one is out."""
_LEAD = 0.1
"""Seconds that are enough to claim a batch and to read its readers."""
_SLICE = 1.0
"""Seconds after which whoever waits looks again."""
_REPLY_LIMIT = 2_000
_SILENT = Outcome(Result.IN_DOUBT, reply="the backend ended without saying what became of this message")


class Held:
    """A claim in hand: the readers who wait, and how many are with the backend."""

    __slots__ = (
        "build",
        "claim",
        "gone",
        "lost",
        "many",
        "not_before",
        "out",
        "place",
        "ready",
        "size",
        "waiting",
    )

    def __init__(self, claim: Claim, recipients: list[Recipient], build: Builder, place: int, gate: Gatekeeper) -> None:
        self.claim, self.build, self.place = claim, build, place
        self.many: Callable[[list[Recipient]], list[Message]] | None = getattr(build, "many", None)
        self.ready: dict[int, Message] = {}
        """Messages that have been made, by subscriber. A message is a function of its reader: it never gets stale."""
        self.waiting = DomainQueues(recipients, gate)
        self.not_before: datetime | None = None
        """Until when whoever is left of it has to wait for a limit."""
        self.size = len(recipients)
        self.out = 0
        self.lost = False
        self.gone: frozenset[int] = frozenset()
        """Who has left since it was claimed."""

    def lose(self) -> None:
        """Another worker has it: nobody of it is sent from here any more."""
        self.lost = True
        self.waiting.clear()
        self.ready.clear()

    def message(self, recipient: Recipient) -> Message:
        """The message of a reader who has been handed out. Raises as the builder does."""
        message = self.ready.pop(recipient.subscriber, None)
        if message is not None:
            return message
        if self.many is not None:
            with suppress(ValueError, NewsletterError):  # of whom it is will show when each is made alone
                made = self.many([recipient, *self.waiting.upcoming(_AHEAD - 1)])
                self.ready.update([(message.subscriber, message) for message in made])
            if (message := self.ready.pop(recipient.subscriber, None)) is not None:
                return message
        return self.build(recipient)


_Ticket = tuple[Held, Recipient]
"""Where a message came from."""

_ACCEPTED = Result.ACCEPTED  # an attribute of an enum is looked up slowly


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


def _domain(recipient: Recipient) -> str:
    return recipient.email.rpartition("@")[2]


def _code(outcome: Outcome) -> int:
    """A plug-in may say anything; the ledger holds three digits."""
    code = outcome.code
    return code if type(code) is int and 0 <= code <= 999 else int(min(max(code, 0), 999))


class LedgerCounter(Counter):
    """See `newsletter.backends.base.Counter`."""

    def __init__(self, source: Source, backend: str, breaker: Breaker, limits: Limits, first: Held) -> None:
        self._source, self._backend, self._breaker, self._limits = source, backend, breaker, limits
        self._wait = 0.0  # seconds until it is worth asking the queues again
        self._current: Held | None = first
        self._held = {first.claim.batch_id: first}
        self._began, self._rate = source.clock.monotonic(), 0.0  # of the batch; readers a second of the one before
        self._ahead: deque[asyncio.Task[Held | None]] = deque()
        self._filling = asyncio.Lock()
        self._exhausted = False
        self._finishing: set[asyncio.Task[None]] = set()
        self._wire: dict[int, Message] = {}
        self._trial: tuple[int, int] | None = None  # lane and subscriber of a half-open breaker's one message
        self._trial_over = asyncio.Event()
        self.progress = False
        """Whether anything was settled, or lost."""

    @property
    def claims(self) -> list[Held]:
        """What is in hand."""
        return [held for held in self._held.values() if not held.lost]

    def next(self, lane: int) -> Message | None:
        """The next message for a lane."""
        while not self._source.halted():
            on_trial = self._breaker.until is not None
            if on_trial and (self._trial is not None or self._gate() is Gate.OPEN):
                return None
            held = self._current
            if held is None or not held.waiting.left:
                return None
            recipient = held.waiting.next(self._source.clock.monotonic())
            if isinstance(recipient, float):
                self._wait = recipient
                return None
            if held.gone and recipient.subscriber in held.gone:
                self._leave_out(held, recipient)
                message = None
            else:
                message = self._build(held, recipient)
            if len(self._ahead) < _MOST_AHEAD:
                self._look_ahead(held)
            if message is None:
                continue
            if on_trial:
                self._trial = (lane, message.subscriber)
                self._trial_over.clear()
            return message
        return None

    async def more(self, lane: int) -> bool:
        """Whether it is worth asking again."""
        while not self._source.halted():
            gate = self._gate()
            if gate is Gate.OPEN:
                return False
            if gate is Gate.HALF_OPEN and self._trial is not None:
                if self._trial[0] == lane:  # it has to settle that one first
                    return False
                await self._trial_over.wait()
                continue
            held = self._current
            if held is None or not held.waiting.left:
                return await self._refill()
            wait, self._wait = self._wait, 0.0
            if wait <= _PATIENCE:
                await asyncio.sleep(min(wait, _SLICE))
                return True
            # Whoever is left of this batch has to wait for long: others need not.
            held.not_before = self._source.clock.now() + timedelta(seconds=wait)
            held.waiting.clear()
        return False

    def announce(self, lane: int, message: Message, then: Answer) -> None:
        """``then`` comes when the ledger holds that this message is about to be on the wire. May be called again for a
        message whose turn on the wire was long in coming."""
        if self._wire.get(lane, message) is not message:
            raise RuntimeError(f"backend {self._backend} intends a message on lane {lane} before it settled the last")
        held: Held = message.ticket[0]
        source = self._source
        if held.lost or source.halted():
            self._take_back(lane, message)
            asyncio.get_running_loop().call_soon(then, Stopped("the pump has stopped"))
            return
        monotonic = source.clock.monotonic
        began = monotonic()

        def answer(stopped: Stopped | None) -> None:
            if stopped is None and monotonic() - began > source.lease_seconds * TRUSTED:
                stopped = Fenced("this worker was asleep for as long as its lease")
            if stopped is None:
                self._wire[lane] = message
            else:
                if isinstance(stopped, Fenced):
                    held.lose()
                    self.progress = True
                self._take_back(lane, message)
            then(stopped)

        source.writer.announce(intent(held.claim, lane, message.subscriber, held.place), answer)

    def settle(self, lane: int, message: Message, outcome: Outcome) -> None:
        """Takes an outcome."""
        ticket: _Ticket = message.ticket
        held, recipient = ticket
        intended = self._wire.get(lane) is message
        if intended:
            del self._wire[lane]
        breaker, limits = self._breaker, self._limits
        self.progress = True
        if outcome.result is _ACCEPTED:
            breaker.succeeded()
            if limits.limited:
                limits.judged(_domain(recipient), outcome)
            if intended:
                claim, subscriber, attempts = held.claim, recipient.subscriber, recipient.attempts + 1
                self._source.writer.take(
                    (claim.batch_id, claim.epoch, lane, subscriber, _code(outcome), attempts, held.place)
                )
            else:
                self._record(held, recipient, outcome, self._source.clock.now(), None)
        else:
            now = self._source.clock.now()
            # Who was asked to be slower, and is, has no broken backend.
            if not limits.judged(_domain(recipient), outcome):
                if blame(outcome, limits.rules) is Blame.BACKEND:
                    breaker.failed(now)
                else:
                    breaker.succeeded()
            self._record(held, recipient, outcome, now, lane if intended else None)
        if self._trial is not None:
            self._end_trial(message.subscriber)
        held.out -= 1
        if not held.out and not held.waiting.left:
            self._finish_if_empty(held)

    def give_back(self, lane: int, message: Message) -> None:
        """Takes back what was not announced."""
        self._take_back(lane, message)

    async def close(self) -> None:
        """After the backend has ended: what it left on the wire is in doubt, what it only took is still to go, and
        every claim is let go."""
        for lane, message in list(self._wire.items()):
            self.settle(lane, message, _SILENT)
        self._trial = None
        self._trial_over.set()
        await asyncio.gather(*self._ahead, return_exceptions=True)
        await asyncio.gather(*self._finishing)
        for held in self.claims:
            await self._source.release(held)

    def _gate(self) -> Gate:
        return self._breaker.gate(self._source.clock.now())

    def _build(self, held: Held, recipient: Recipient) -> Message | None:
        try:
            message = held.message(recipient)
        except (ValueError, NewsletterError) as error:
            outcome = Outcome(Result.REJECTED, reply=f"the message could not be made: {error}")
            self._limits.returned(_domain(recipient))
            self._record(held, recipient, outcome, self._source.clock.now(), None)
            self._finish_if_empty(held)
            return None
        if message.subscriber != recipient.subscriber:
            raise RuntimeError(f"the message for subscriber {recipient.subscriber} was made for {message.subscriber}")
        held.out += 1
        message.ticket = (held, recipient)
        return message

    def _leave_out(self, held: Held, recipient: Recipient) -> None:
        self.progress = True
        self._limits.returned(_domain(recipient))
        number, attempts, now = recipient.subscriber, recipient.attempts, to_ms(self._source.clock.now())
        left = Settled(held.claim, None, number, Status.SUPPRESSED, 0, attempts, held.place, now, None)
        self._source.writer.settle(left)
        self._finish_if_empty(held)

    def _record(self, held: Held, recipient: Recipient, outcome: Outcome, now: datetime, lane: int | None) -> None:
        self.progress = True
        source, claim = self._source, held.claim
        attempts = recipient.attempts + 1
        seed = claim.edition_id << 32 ^ recipient.subscriber
        status, again = verdict(
            outcome, attempts, now, source.deadline, seed, resend=source.resend, rules=self._limits.rules
        )
        trace: Trace | None = None
        if outcome.result is not Result.ACCEPTED:
            # PostgreSQL takes no NUL in a text.
            reply = outcome.reply.replace("\0", "\N{SYMBOL FOR NULL}")[:_REPLY_LIMIT]
            trace = Trace(outcome.result, outcome.enhanced.replace("\0", ""), reply, self._backend, again)
        source.writer.settle(
            Settled(
                claim,
                lane,
                recipient.subscriber,
                status,
                _code(outcome),
                attempts,
                held.place,
                to_ms(again or now),
                trace,
            )
        )

    def _take_back(self, lane: int, message: Message) -> None:
        held, recipient = message.ticket
        if self._wire.get(lane) is message:
            del self._wire[lane]
        self._end_trial(message.subscriber)
        self._limits.returned(_domain(recipient))
        held.out -= 1
        if not held.lost and held.not_before is None:
            held.waiting.put_back(recipient)

    def _end_trial(self, subscriber: int) -> None:
        if self._trial is not None and self._trial[1] == subscriber:
            self._trial = None
            self._trial_over.set()

    def _look_ahead(self, held: Held) -> None:
        # The next batch is claimed while the last fifth of this one goes out, or a tenth of a second before its end,
        # were it to go as quickly as the one before: late, because what was suppressed until then is seen by the claim;
        # early enough that no lane waits for it. Where whole batches last for less than that, several are.
        left = held.waiting.left + len(self._ahead) * held.size
        if left <= self._rate * _LEAD or left <= held.size // 5:
            self._ahead.append(asyncio.create_task(self._fetch()))

    async def _fetch(self) -> Held | None:
        """Claims a batch. From then on it is in hand: its lease is kept, and who leaves is seen, however long it waits
        for its turn."""
        fetched = await self._source.fetch(self._backend)
        if fetched is not None:
            self._held[fetched.claim.batch_id] = fetched
        return fetched

    async def _refill(self) -> bool:
        async with self._filling:
            if self._current is not None and self._current.waiting.left:
                return True
            if self._exhausted:
                return False
            if not self._ahead:
                self._ahead.append(asyncio.create_task(self._fetch()))
            # Shielded: a lane that is cancelled must not lose the claim that all lanes wait for.
            fetched = await asyncio.shield(self._ahead[0])
            self._ahead.popleft()
            self._exhausted = fetched is None
            began, self._began = self._began, self._source.clock.monotonic()
            if self._current is not None and self._began > began:
                self._rate = self._current.size / (self._began - began)
            before, self._current = self._current, fetched
            if before is not None:
                self._finish_if_empty(before)
            return fetched is not None

    def _finish_if_empty(self, held: Held) -> None:
        if held.out or held.waiting.left or held is self._current or held.claim.batch_id not in self._held:
            return
        del self._held[held.claim.batch_id]
        if not held.lost:
            task = asyncio.create_task(self._source.release(held))
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)
