"""One lane of a delivery: takes a message, sends it, settles it, and again."""

from __future__ import annotations

import asyncio

from newsletter.backends.base import Counter, Message, Stopped
from newsletter.backends.smtp.client import Client, Sent, Unavailable
from newsletter.backends.smtp.outcomes import in_doubt, unfit
from newsletter.backends.smtp.pool import Pool
from newsletter.backends.smtp.protocol import body

_PATIENCE = 3
"""A lane ends when the server turned it away this often in a row without a word on any reader or message."""


class Lane:
    """``reachable`` tells, as soon as it is known, whether this lane found a connection or had no need of one."""

    def __init__(self, number: int, counter: Counter, pool: Pool) -> None:
        self.reachable: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._number, self._counter, self._pool = number, counter, pool
        self._client: Client | None = None

    async def work(self) -> None:
        """Until the counter has nothing more, or stops this lane, or the server does not serve."""
        turned_away = 0
        try:
            while turned_away < _PATIENCE and (message := await self._counter.take(self._number)) is not None:
                try:
                    wire_form = body(message.data)
                except ValueError as error:
                    self._counter.settle(self._number, message, unfit(str(error), "5.6.0"))
                    continue
                try:
                    sent = await self._send(message, wire_form)
                except Stopped:
                    return
                except Unavailable as error:
                    self._counter.settle(self._number, message, error.outcome)
                    self._found(reachable=False)
                    return
                self._counter.settle(self._number, message, sent.outcome)
                turned_away = 0 if sent.served else turned_away + 1
                if self._client is not None and (self._pool.contended or not self._pool.wants_more_of(self._client)):
                    self._let_go()
        finally:
            self._found(reachable=True)
            self._let_go()

    async def _send(self, message: Message, wire_form: bytes) -> Sent:
        sent = await self._try(message, wire_form, fresh=False)
        if sent.try_afresh:
            # A connection that had rested, or that had its fill: nothing was intended yet, and nobody has to wait.
            self._let_go()
            sent = await self._try(message, wire_form, fresh=True)
        return sent

    async def _try(self, message: Message, wire_form: bytes, *, fresh: bool) -> Sent:
        if self._client is None:
            self._client = await self._pool.borrow(fresh=fresh)
            self._found(reachable=True)
        try:
            return await self._client.send(message, wire_form, lambda: self._counter.intend(self._number, message))
        except asyncio.CancelledError:
            if self._client.after_dot:
                self._counter.settle(self._number, message, in_doubt("stopped while it waited for the reply"))
            raise

    def _found(self, *, reachable: bool) -> None:
        if not self.reachable.done():
            self.reachable.set_result(reachable)

    def _let_go(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            self._pool.give_back(client)
