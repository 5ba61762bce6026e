"""A backend without a network."""

from __future__ import annotations

import asyncio

from newsletter.backends.base import Backend, Counter, Outcome, Result, Stopped

_ACCEPTED = Outcome(Result.ACCEPTED, 250, "2.0.0", "2.0.0 taken")


class NullBackend(Backend):
    """Says yes to everything, at once, on as many lanes as it is told: what is left is the press and its ledger."""

    live = False

    def __init__(self, lanes: int) -> None:
        super().__init__("relay", {})
        self._lanes = lanes

    async def deliver(self, counter: Counter) -> None:
        await asyncio.gather(*(self._lane(counter, lane) for lane in range(self._lanes)))

    async def _lane(self, counter: Counter, lane: int) -> None:
        while (message := await counter.take(lane)) is not None:
            try:
                await counter.intend(lane, message)
            except Stopped:
                return
            counter.settle(lane, message, _ACCEPTED)
