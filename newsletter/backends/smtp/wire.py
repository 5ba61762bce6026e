"""A connection under asyncio: bytes in and out of a `Session`, with a time limit on every wait."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, cast

from newsletter.backends.smtp.protocol import Answer, Broken, Session, Step
from newsletter.backends.smtp.replies import Reply


class Lost(Exception):
    """The connection is of no more use; says why. ``reply`` is what the server said last, if it spoke out of turn."""

    def __init__(self, reason: str, reply: Reply | None = None) -> None:
        super().__init__(reason)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a server may take while messages go over a connection, in seconds (RFC 5321 section 4.5.3.2)."""

    command: float
    data: float
    block: float
    dot: float

    @property
    def tick(self) -> float:
        """How often to look."""
        return min(5.0, min(self.command, self.data, self.block, self.dot) / 5)

    def of(self, step: Step | None) -> float | None:
        """The limit for the answer to a step; None where no answer is awaited."""
        if step is None:
            return None
        if step is Step.DATA:
            return self.data
        return self.dot if step in (Step.DOT, Step.BDAT) else self.command


class Listener(Protocol):
    """Who is told what happens on a connection while messages go over it."""

    def answered(self, step: Step, reply: Reply) -> None:
        """The server has answered a command."""

    def resumed(self) -> None:
        """There is room for more of what is to be written."""

    def lost(self, lost: Lost) -> None:
        """The connection is gone; nothing is told after it. Not called for an `abort`."""

    def fail(self, error: Exception) -> None:
        """One of the three above has raised this."""


class Wire(asyncio.Protocol):
    """One connection. Until it has a listener its answers are waited for; what the server said before the connection
    went can still be read, then every wait raises `Lost`. With one, the listener is called."""

    def __init__(self) -> None:
        self.session = Session()
        self.lost: Lost | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.paused = False
        """Whether something that was written has not gone to the kernel yet."""
        self.cramped = False
        """Whether that has ever been so."""
        self._transport: asyncio.Transport | None = None
        self._answers: deque[Answer] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._listener: Listener | None = None
        self._limits: Limits | None = None
        self._time = asyncio.get_running_loop().time
        self._since = 0.0  # when something last went well
        self._timer: asyncio.TimerHandle | None = None

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None, "used before it was connected"
        return self._transport

    @property
    def gone(self) -> bool:
        """Whether the connection is of no more use."""
        return self.lost is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self._no_buffer()

    def _no_buffer(self) -> None:
        # What has not gone to the kernel pauses us: a final dot is not put behind a body that waits. Not 0: under
        # TLS that pauses after each write, and nothing ever resumes it.
        self.transport.set_write_buffer_limits(high=1, low=0)

    def data_received(self, data: bytes) -> None:
        if self.gone:
            return
        listener = self._listener
        if listener is None:
            for event in self.session.receive(data):
                if isinstance(event, tuple):
                    self._answers.append(event)
                else:
                    self._break(event)
            self._wake()
            return
        try:
            self._since, answered = self._time(), listener.answered
            for event in self.session.receive(data):
                if isinstance(event, tuple):
                    answered(*event)
                    if self.lost is not None:
                        return
                else:
                    self._break(event)
        except Exception as error:
            listener.fail(error)

    def eof_received(self) -> None:
        self._lose(Lost("the server closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(Lost(f"the connection broke: {words_of(exc)}" if exc else "the server closed the connection"))
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        self.paused = self.cramped = True

    def resume_writing(self) -> None:
        self.paused = False
        if self._listener is not None and self.lost is None:
            self._since = self._time()
            self._tell(self._listener.resumed)

    def listen(self, listener: Listener, limits: Limits) -> None:
        """From now on ``listener`` is called, and the server is held to ``limits``."""
        self._listener, self._limits = listener, limits
        self._since = self._time()
        self._timer = asyncio.get_running_loop().call_later(limits.tick, self._tick)

    def leave(self) -> None:
        """Ends `listen`."""
        self._listener = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def write(self, data: bytes) -> None:
        """Writes, unless the connection is gone. What was written may still not arrive."""
        if self.lost is None:
            self.transport.write(data)
            self._since = self._time()

    def write_pieces(self, pieces: Sequence[bytes]) -> None:
        """Writes several in one go."""
        if self.lost is None:
            self.transport.writelines(pieces)
            self._since = self._time()

    async def answer(self, limit: timedelta) -> Answer:
        """The next reply. Raises `Lost`, also after ``limit``."""
        if not self._answers:
            await self._until_answered(limit)
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
        self._no_buffer()
        self.session.tls_started()

    def abort(self, reason: str) -> None:
        """Ends it here and now. Whoever does so knows it: no listener is called."""
        if self.lost is None:
            self.lost = Lost(reason)
        self._wake()
        if self._transport is not None:
            self._transport.abort()

    def say_goodbye(self) -> None:
        """QUIT, without waiting for its answer."""
        if self.lost is None:
            self.transport.write(self.session.quit())
            self.lost = Lost("we have closed the connection")
            self._wake()
        self.transport.close()

    async def _until_answered(self, limit: timedelta) -> None:
        awaited = self.session.awaited
        try:
            async with asyncio.timeout(limit.total_seconds()):
                while not self._answers:
                    if self.lost is not None:
                        raise self.lost
                    self._waiter = asyncio.get_running_loop().create_future()
                    await self._waiter
        except TimeoutError:
            self.abort(_too_late(f"no answer to {awaited}", limit.total_seconds()))
            assert self.lost is not None
            raise self.lost from None
        finally:
            self._waiter = None

    def _tick(self) -> None:
        """Looks now and then whether the server is too late. A timer for each answer would cost more than the rest."""
        assert self._limits is not None
        if self.lost is not None:
            return
        limits, words = self._limits, "the server takes no more of the message"
        limit: float | None = limits.block
        if not self.paused:
            awaited = self.session.awaited
            limit, words = limits.of(awaited), f"no answer to {awaited}"
        if limit is not None and self._time() - self._since > limit:
            lost = Lost(_too_late(words, limit))
            self._lose(lost)
            self.transport.abort()
            return
        self._timer = asyncio.get_running_loop().call_later(limits.tick, self._tick)

    def _break(self, broken: Broken) -> None:
        self._lose(Lost(broken.reason, broken.reply))
        self.transport.abort()

    def _lose(self, lost: Lost) -> None:
        if self.lost is not None:
            return
        self.lost = lost
        self._wake()
        if self._listener is not None:
            self._tell(self._listener.lost, lost)

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        assert self._listener is not None
        try:
            what(*arguments)
        except Exception as error:
            self._listener.fail(error)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _too_late(words: str, seconds: float) -> str:
    return f"{words} within {seconds:g} s"


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
