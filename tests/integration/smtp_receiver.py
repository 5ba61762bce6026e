"""A receiver that counts, and a line that can be cut: what the tests of the smtp backend believe instead of it.

`Receiver` shares no code with the backend. It takes messages by DATA and by BDAT (RFC 3030), offers what it is told to
offer, refuses what it is told to refuse, and can read lines as the servers did that SMTP smuggling went through
(CVE-2023-51764 to 51766): a CR or LF alone ends a line, and NUL is not there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from newsletter.backends.base import Result
from newsletter.testing.counter import FakeCounter

CHUNKING = ("PIPELINING", "8BITMIME", "CHUNKING")
PIPELINING = ("PIPELINING", "8BITMIME")
DIALECTS = {"chunking": CHUNKING, "pipelining": PIPELINING, "bare": ()}
"""The three ways in which a message can travel."""


class _Over(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was complete and answered with yes, at least on its way."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes


class Receiver:
    """Listens on a port of its own on 127.0.0.1 while its ``async with`` lasts.

    ``refuse`` maps a word of a command (in capitals, as it may stand anywhere in the line) to the reply that the command
    gets instead of yes; a 421 closes. ``early`` says what becomes of commands that came before the one before them was
    answered: taken, dropped, answered with 503, or that only when they came right behind a message, as Haraka does.
    ``lenient`` reads lines as described above.
    """

    def __init__(
        self,
        offers: Sequence[str] = CHUNKING,
        *,
        refuse: Mapping[str, str] | None = None,
        early: Literal["taken", "dropped", "refused", "refused behind a message"] = "taken",
        lenient: bool = False,
    ) -> None:
        self._offers, self._refuse, self._early, self._lenient = tuple(offers), dict(refuse or {}), early, lenient
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.host, self.port = "127.0.0.1", 0
        self.open = 0
        """How many connections there are."""
        self.taken: list[Taken] = []
        self.commands: list[str] = []
        self.wire: list[bytearray] = []
        """Every byte that came, one entry a connection."""

    @property
    def recipients(self) -> list[str]:
        """Whose messages were taken, one entry a copy."""
        return [recipient for taken in self.taken for recipient in taken.recipients]

    async def __aenter__(self) -> Receiver:
        self._server = await asyncio.start_server(self._connected, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        await _end(self._server, self._tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open += 1
        try:
            await _Talk(self, reader, writer, self._early, lenient=self._lenient).run(self._offers, self._refuse)
        except (_Over, OSError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()
            self._tasks.discard(task)


class _Talk:
    """One connection."""

    def __init__(
        self,
        receiver: Receiver,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        early: str,
        *,
        lenient: bool,
    ) -> None:
        self.receiver, self.reader, self.writer, self.early, self.lenient = receiver, reader, writer, early, lenient
        self.buffer = bytearray()
        self.log = bytearray()
        receiver.wire.append(self.log)
        self.skip_lf = False
        self.sender = ""
        self.recipients: list[str] = []
        self.chunks = bytearray()

    async def run(self, offers: Sequence[str], refuse: Mapping[str, str]) -> None:
        await self.say("220 receiver.test")
        while True:
            line = (await self.line()).decode("latin-1")
            self.receiver.commands.append(line)
            verb = line.partition(" ")[0].upper()
            refusal = next((reply for word, reply in refuse.items() if word in line.upper()), "")
            too_early = 0
            if self.early in ("dropped", "refused") and verb != "BDAT":
                too_early = self.buffer.count(b"\r\n") if self.early == "refused" else 0
                self.buffer.clear()
            if verb == "BDAT":
                await self.chunk(line, refusal)
            elif refusal:
                await self.say(refusal)
            else:
                await self.obey(verb, line, offers)
            if refusal.startswith("421") or verb == "QUIT":
                raise _Over
            await self.too_early(too_early)

    async def too_early(self, commands: int) -> None:
        for _ in range(commands):
            await self.say("503 5.5.0 one command at a time")

    async def obey(self, verb: str, line: str, offers: Sequence[str]) -> None:
        match verb:
            case "EHLO":
                words = ["receiver.test", *offers]
                await self.say(*(f"250{'-' if n < len(words) else ' '}{word}" for n, word in enumerate(words, 1)))
            case "MAIL":
                self.reset()
                self.sender = _path(line)
                await self.say("250 ok")
            case "RCPT" if self.sender:
                self.recipients.append(_path(line))
                await self.say("250 ok")
            case "DATA" if self.recipients:
                await self.say("354 go on")
                lines: list[bytes] = []
                while (text := await self.line()) != b".":
                    lines.append(text[1:] if text.startswith(b".") else text)
                behind = self.buffer.count(b"\r\n") if self.early == "refused behind a message" else 0
                if behind:
                    self.buffer.clear()
                await self.keep(b"".join(text + b"\r\n" for text in lines))
                await self.too_early(behind)
            case "RSET":
                self.reset()
                await self.say("250 ok")
            case "NOOP" | "HELO":
                await self.say("250 ok")
            case "QUIT":
                await self.say("221 bye")
            case "RCPT" | "DATA":
                await self.say("503 5.5.1 not now")
            case _:
                await self.say("502 5.5.2 what?")

    async def chunk(self, line: str, refusal: str) -> None:
        # The bytes are read whatever the answer is (RFC 3030 section 2).
        words = line.upper().split()
        size = int(words[1])
        while len(self.buffer) < size + self.skip_lf:
            await self.more()
        self.after_cr()
        self.chunks += self.buffer[:size]
        del self.buffer[:size]
        if refusal or not self.recipients:
            self.chunks.clear()
            await self.say(refusal or "503 5.5.1 not now")
        elif words[2:] == ["LAST"]:
            await self.keep(bytes(self.chunks))
        else:
            await self.say("250 ok")

    async def keep(self, data: bytes) -> None:
        self.receiver.taken.append(Taken(self.sender, tuple(self.recipients), data))
        self.reset()
        await self.say("250 taken")

    def reset(self) -> None:
        self.sender, self.recipients = "", []
        self.chunks.clear()

    async def line(self) -> bytes:
        """The next line without its end."""
        while True:
            if self.buffer:
                self.after_cr()
            if self.lenient:
                ends = [end for end in (self.buffer.find(b"\r"), self.buffer.find(b"\n")) if end >= 0]
                if ends:
                    # Whether an LF follows a CR may show only later; the line has ended in any case.
                    end = min(ends)
                    line = bytes(self.buffer[:end])
                    self.skip_lf = self.buffer[end] == 0x0D
                    del self.buffer[: end + 1]
                    return line.replace(b"\0", b"")
            elif (end := self.buffer.find(b"\r\n")) >= 0:
                line = bytes(self.buffer[:end])
                del self.buffer[: end + 2]
                return line
            await self.more()

    def after_cr(self) -> None:
        if self.skip_lf and self.buffer.startswith(b"\n"):
            del self.buffer[:1]
        self.skip_lf = False

    async def more(self) -> None:
        data = await self.reader.read(65536)
        if not data:
            raise _Over
        self.log += data
        self.buffer += data

    async def say(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self.writer.drain()


def _path(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


class Tap:
    """A line to a server that can be listened to and cut.

    Forwards from a port of its own to ``host:port``. The first connection is cut, at both ends, once ``cut_after`` bytes
    have gone in the direction of ``cut``, if that is given. ``sent`` holds what clients sent, one entry a connection.
    """

    def __init__(
        self, host: str, port: int, cut: Literal["sent", "received"] | None = None, cut_after: int = 0
    ) -> None:
        self._there, self._cut, self._cut_after = (host, port), cut, cut_after
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.sent: list[bytearray] = []
        self.received: list[bytearray] = []

    async def __aenter__(self) -> Tap:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        await _end(self._server, self._tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        sent, received = bytearray(), bytearray()
        self.sent.append(sent)
        self.received.append(received)
        cut = self._cut if len(self.sent) == 1 else None
        writers = [writer]
        ways: list[asyncio.Task[None]] = []
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._there)
            writers.append(far_writer)
            ways = [
                asyncio.create_task(_pour(reader, far_writer, sent, self._cut_after if cut == "sent" else None)),
                asyncio.create_task(
                    _pour(far_reader, writer, received, self._cut_after if cut == "received" else None)
                ),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            # What was forwarded goes out before the end; nothing else does.
            for end in writers:
                end.close()
            await asyncio.gather(*ways, *(end.wait_closed() for end in writers), return_exceptions=True)
        except asyncio.CancelledError:
            pass  # of our own `__aexit__`; asyncio would make noise about a callback that was cancelled
        finally:
            for way in ways:
                way.cancel()
            for end in writers:
                end.transport.abort()
            self._tasks.discard(task)


async def _pour(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, log: bytearray, at_most: int | None
) -> None:
    while at_most is None or len(log) < at_most:
        data = await source.read(65536 if at_most is None else at_most - len(log))
        if not data:
            return
        log += data
        target.write(data)
        await target.drain()


async def _end(server: asyncio.Server, tasks: set[asyncio.Task[None]]) -> None:
    server.close()
    await asyncio.sleep(0)  # a connection that was accepted just now gets its task
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await server.wait_closed()
    await asyncio.sleep(0)  # and a transport that was aborted closes


def honest(counter: FakeCounter, received: Sequence[str]) -> None:
    """Holds that every outcome is true of what the receiver counted: accepted is one copy, deferred and rejected none,
    in doubt one at most, and nothing is without an outcome."""
    copies = Counter(received)
    assert not counter.unsettled
    for recipient, outcome in counter.outcomes.items():
        match outcome.result:
            case Result.ACCEPTED:
                assert copies[recipient] == 1, f"accepted: {copies[recipient]} copies of {recipient} ({outcome})"
            case Result.IN_DOUBT:
                assert copies[recipient] <= 1, f"in doubt: {copies[recipient]} copies of {recipient} ({outcome})"
            case _:
                assert copies[recipient] == 0, f"{outcome.result}: {recipient} has it ({outcome})"
    assert copies.keys() <= counter.outcomes.keys(), "somebody has a message that nobody knows of"
