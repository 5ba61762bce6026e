"""One lane of a delivery: finds a connection, sends what the counter has over it, and finds the next one."""

from __future__ import annotations

import asyncio

from newsletter.backends.base import Counter, Message
from newsletter.backends.smtp.client import Client, Unavailable
from newsletter.backends.smtp.parcels import PATIENCE, End
from newsletter.backends.smtp.pool import Pool


class Lane:
    """``reachable`` tells, as soon as it is known, whether this lane found a connection or had no need of one."""

    def __init__(self, number: int, counter: Counter, pool: Pool) -> None:
        self.reachable: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.number, self.counter, self.window = number, counter, pool.window
        self.turned_away = 0
        """How often in a row the server has turned this lane away."""
        self._pool = pool
        self._client: Client | None = None

    @property
    def apart(self) -> bool:
        """Whether this server wants no envelope behind a final dot."""
        return self._pool.apart

    @apart.setter
    def apart(self, apart: bool) -> None:
        self._pool.apart = apart

    def wants_more(self) -> bool:
        """Whether the connection may begin another message."""
        client, pool = self._client, self._pool
        assert client is not None
        return not pool.waiting and client.carried < pool.share

    @property
    def _first(self) -> int:
        """The number of the first of this connection's places at the counter."""
        return self.number * self.window

    async def work(self) -> None:
        """Until the counter has nothing more, or stops this lane, or the server does not serve."""
        message: Message | None = None
        fresh = False
        try:
            while self.turned_away < PATIENCE:
                if message is None and (message := await self.counter.take(self._first)) is None:
                    return
                try:
                    client = await self._connected(fresh=fresh)
                except Unavailable as error:
                    self.counter.settle(self._first, message, error.outcome)
                    self._found(reachable=False)
                    return
                why, message = await client.carry(self, message)
                # What is left had the bad luck of a connection that had rested, or had its fill: nothing of it was
                # intended, and on a new connection nobody has to wait.
                fresh = why is End.LOST and message is not None
                if why is End.STOPPED:
                    return
                if why is not End.IDLE or self._pool.waiting or not client.usable:
                    self._let_go()
            if message is not None:
                self.counter.give_back(self._first, message)
        finally:
            self._found(reachable=True)
            self._let_go()

    async def _connected(self, *, fresh: bool) -> Client:
        if self._client is None:
            self._client = await self._pool.borrow(fresh=fresh)
            self._found(reachable=True)
        return self._client

    def _found(self, *, reachable: bool) -> None:
        if not self.reachable.done():
            self.reachable.set_result(reachable)

    def _let_go(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            self._pool.give_back(client)
