"""The connections of one backend, shared by all of its deliveries."""

from __future__ import annotations

import asyncio
import ssl

from newsletter.backends.smtp.client import Client, Unavailable, connect
from newsletter.backends.smtp.options import SmtpOptions
from newsletter.backends.smtp.outcomes import unavailable
from newsletter.backends.smtp.wire import words_of

_GOODBYE = 1.0
"""Seconds that connections are given to go when somebody waits for it."""


class Pool:
    """Lends out at most ``connections`` clients at a time, and keeps the idle ones for a while. For one event loop."""

    def __init__(self, options: SmtpOptions) -> None:
        self._options = options
        self._places = asyncio.Semaphore(options.connections)
        self.waiting = 0
        """How many wait for a connection: while there are any, who has one gives it back after the message."""
        self._idle: dict[Client, asyncio.TimerHandle] = {}
        self._context: ssl.SSLContext | None = None
        self.window = options.in_flight
        self.apart = False
        """Whether this server wants no envelope behind a final dot: found out by the first that it refuses."""
        self.share = options.messages_per_connection
        """How many messages a connection carries at most."""

    async def borrow(self, *, fresh: bool = False) -> Client:
        """A connection that is ready; a new one if ``fresh``. Raises `Unavailable`. Goes back with `give_back`."""
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        try:
            while self._idle:
                client, timer = self._idle.popitem()
                timer.cancel()
                if client.usable and not fresh:
                    return client
                client.quit()
                if fresh:
                    break
            return await connect(self._options, self._tls())
        except BaseException:
            self._places.release()
            raise

    def give_back(self, client: Client) -> None:
        """Takes a connection back, for the next one who wants it if it is still good."""
        if self.wants_more_of(client):
            seconds = self._options.idle_timeout.total_seconds()
            self._idle[client] = asyncio.get_running_loop().call_later(seconds, self._expire, client)
        else:
            client.quit()
        self._places.release()

    def wants_more_of(self, client: Client) -> bool:
        """Whether a connection is good for another message."""
        return client.usable and client.carried < self.share

    async def try_out(self) -> None:
        """Connects as for a message, and lets go. Raises `Unavailable`."""
        client = await connect(self._options, self._tls())
        client.quit()
        await asyncio.wait([client.closed], timeout=_GOODBYE)

    async def close(self) -> None:
        """Lets the idle connections go."""
        for client, timer in self._idle.items():
            timer.cancel()
            client.quit()
        leaving = [client.closed for client in self._idle]
        self._idle.clear()
        if leaving:
            await asyncio.wait(leaving, timeout=_GOODBYE)

    def _expire(self, client: Client) -> None:
        if self._idle.pop(client, None) is not None:
            client.quit()

    def _tls(self) -> ssl.SSLContext | None:
        if self._options.tls == "none":
            return None
        if self._context is None:
            try:
                context = ssl.create_default_context(cafile=self._options.ca_file)
            except OSError as error:
                raise Unavailable(unavailable(f"ca_file {self._options.ca_file}: {words_of(error)}")) from None
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._context = context
        return self._context
