"""A connection under asyncio: bytes in and out of a `Session`, with a time limit on every wait."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from newsletter.backends.smtp.protocol import Answer, Session
from newsletter.backends.smtp.replies import Reply

_CHUNK = 262_144


class Lost(Exception):
    """The connection is of no more use; says why. ``reply`` is what the server said last, if it spoke out of turn."""

    def __init__(self, reason: str, reply: Reply | None = None) -> None:
        super().__init__(reason)
        self.reply = reply


class Wire(asyncio.Protocol):
    """One connection. What the server said before the connection went can still be read; then every wait raises
    `Lost`."""

    def __init__(self) -> None:
        self.session = Session()
        self.lost: Lost | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._answers: deque[Answer] = deque()
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None, "used before it was connected"
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self.lost is not None:
            return
        for event in self.session.receive(data):
            if isinstance(event, Answer):
                self._answers.append(event)
            else:
                self._lose(Lost(event.reason, event.reply))
                self.transport.abort()
        self._wake()

    def eof_received(self) -> None:
        self._lose(Lost("the server closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(Lost(f"the connection broke: {words_of(exc)}" if exc else "the server closed the connection"))
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()

    def write(self, data: bytes) -> None:
        """Raises `Lost`. What it does not raise for may still not arrive."""
        if self.lost is not None:
            raise self.lost
        self.transport.write(data)

    async def write_all(self, data: bytes, limit: timedelta) -> None:
        """Writes portion by portion, each as soon as there is room, within ``limit`` each. Raises `Lost`."""
        for start in range(0, len(data), _CHUNK):
            self.write(data if len(data) <= _CHUNK else data[start : start + _CHUNK])
            if self._paused:
                await self._until(lambda: not self._paused, limit, "the server takes no more of the message")

    async def answer(self, limit: timedelta) -> Answer:
        """The next reply. Raises `Lost`, also after ``limit``."""
        if not self._answers:
            awaited = self.session.awaited
            await self._until(lambda: bool(self._answers), limit, f"no answer to {awaited}")
        return self._answers.popleft()

    async def start_tls(self, context: ssl.SSLContext, host: str, limit: timedelta) -> None:
        """Changes over to TLS after the server's 220. Raises `Lost`, `OSError` (with `ssl.SSLError` in it)."""
        if self.lost is not None:
            raise self.lost
        seconds = limit.total_seconds()
        transport = await asyncio.get_running_loop().start_tls(
            self.transport, self, context, server_hostname=host, ssl_handshake_timeout=seconds, ssl_shutdown_timeout=1
        )
        if transport is None:
            raise Lost("the server closed the connection")
        self._transport = transport
        self.session.tls_started()

    def abort(self, reason: str) -> None:
        """Ends it here and now."""
        self._lose(Lost(reason))
        if self._transport is not None:
            self._transport.abort()

    def say_goodbye(self) -> None:
        """QUIT, without waiting for its answer."""
        if self.lost is None:
            self.transport.write(self.session.quit())
            self._lose(Lost("we have closed the connection"))
        self.transport.close()

    async def _until(self, condition: Callable[[], bool], limit: timedelta, otherwise: str) -> None:
        try:
            async with asyncio.timeout(limit.total_seconds()):
                while not condition():
                    if self.lost is not None:
                        raise self.lost
                    self._waiter = asyncio.get_running_loop().create_future()
                    await self._waiter
        except TimeoutError:
            self.abort(f"{otherwise} within {limit.total_seconds():g} s")
            assert self.lost is not None
            raise self.lost from None
        finally:
            self._waiter = None

    def _lose(self, lost: Lost) -> None:
        if self.lost is None:
            self.lost = lost
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def words_of(error: BaseException) -> str:
    """An error of the system in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate does not hold: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if isinstance(error, TimeoutError) and not error.args:
        return "no answer in time"
    if isinstance(error, OSError):
        # asyncio puts the address into strerror; getaddrinfo has numbers of its own, below nothing.
        if error.errno is not None and error.errno > 0:
            return os.strerror(error.errno)
        return error.strerror or str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"
