"""A backend without a network."""

from __future__ import annotations

import asyncio

from newsletter.backends.base import Backend, Counter, Message, Outcome, Result, Stopped

_ACCEPTED = Outcome(Result.ACCEPTED, 250, "2.0.0", "2.0.0 taken")


class NullBackend(Backend):
    """Says yes to everything, at once, on as many lanes as it is told: what is left is the press and its ledger."""

    live = False

    def __init__(self, lanes: int) -> None:
        super().__init__("relay", {})
        self._lanes = lanes

    async def deliver(self, counter: Counter) -> None:
        await asyncio.gather(*(_Lane(counter, number).work() for number in range(self._lanes)))


class _Lane:
    """One message after another, without a coroutine that waits for each, as the SMTP backend does it."""

    def __init__(self, counter: Counter, number: int) -> None:
        self._counter, self._number = counter, number
        self._message: Message | None = None
        self._idle: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def work(self) -> None:
        while (message := await self._counter.take(self._number)) is not None:
            self._idle = asyncio.get_running_loop().create_future()
            self._begin(message)
            if await self._idle:
                return

    def _begin(self, message: Message) -> None:
        self._message = message
        self._counter.announce(self._number, message, self._intended)

    def _intended(self, stopped: Stopped | None) -> None:
        if stopped is not None:
            self._idle.set_result(True)
            return
        assert self._message is not None
        self._counter.settle(self._number, self._message, _ACCEPTED)
        message = self._counter.next(self._number)
        if message is None:
            self._idle.set_result(False)
        else:
            self._begin(message)
