"""An SMTP server that follows a script, however hostile; for tests of what sends mail.

    async with ScriptedServer({"RCPT": ["450 4.2.1 busy", OK], ".": HangUp()}) as server:
        ...

The script says, for each point of the dialogue, what is answered there instead of yes: one action for always, or a list
of actions for one occurrence after the other, after which the last one stays. Points are CONNECT, EHLO, HELO, STARTTLS,
AUTH, AUTH-2 (a line of the AUTH dialogue), MAIL, RCPT, DATA, BODY (once the 354 is out and the first bytes have come),
``.``, RSET, NOOP, QUIT.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Ok:
    """Whatever the server would answer without a script."""


@dataclass(frozen=True, slots=True)
class Say:
    """These bytes, as they are. ``then_close`` hangs up after them."""

    data: bytes
    then_close: bool = False


@dataclass(frozen=True, slots=True)
class HangUp:
    """No answer; the connection is closed, or reset with ``reset``. At ``.`` the message counts as accepted."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer, and the connection stays until the client ends it."""


@dataclass(frozen=True, slots=True)
class Flood:
    """``line`` again and again until the client goes, but ``at_most`` times. Without a line end it is one endless line."""

    line: bytes
    at_most: int = 100_000


OK = Ok()
Action = Ok | Say | HangUp | Silence | Flood | str
"""A string is a reply without its line end; a code of 421 closes the connection after it."""
Script = Mapping[str, Action | Sequence[Action]]


@dataclass(slots=True)
class Mail:
    """A message as it came. ``data`` has its dots unstuffed and is without the final dot."""

    sender: str
    recipients: list[str]
    data: bytes
    accepted: bool
    connection: int


@dataclass(slots=True)
class _Dialogue:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    tls: bool = False
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)


class _Gone(Exception):
    pass


class ScriptedServer:
    """Listens on a port of its own on 127.0.0.1 while its ``async with`` lasts.

    ``extensions`` are what EHLO offers beside STARTTLS (offered when there is a ``context``, which is used from the
    first byte when ``implicit``) and AUTH (when there are ``users``; only under TLS unless ``auth_in_the_clear``).
    ``split`` sends every byte of a reply by itself.
    """

    DEFAULT_EXTENSIONS: ClassVar[tuple[str, ...]] = ("PIPELINING", "SIZE 10485760", "8BITMIME", "ENHANCEDSTATUSCODES")

    def __init__(
        self,
        script: Script | None = None,
        *,
        extensions: Sequence[str] = DEFAULT_EXTENSIONS,
        context: ssl.SSLContext | None = None,
        implicit: bool = False,
        users: Mapping[str, str] | None = None,
        mechanisms: Sequence[str] = ("PLAIN", "LOGIN"),
        auth_in_the_clear: bool = False,
        split: bool = False,
    ) -> None:
        self._script = {
            point: list(actions) if isinstance(actions, (list, tuple)) else [actions]
            for point, actions in (script or {}).items()
        }
        self._extensions, self._context, self._implicit = tuple(extensions), context, implicit
        self._users, self._mechanisms, self._auth_in_the_clear = dict(users or {}), tuple(mechanisms), auth_in_the_clear
        self._split = split
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.host, self.port = "127.0.0.1", 0
        self.connections = 0
        """How many there have been."""
        self.open = 0
        """How many there are."""
        self.most_open = 0
        self.commands: list[tuple[int, str]] = []
        """Every command line, with the number of its connection."""
        self.mails: list[Mail] = []
        """Every message whose final dot came."""
        self.unfinished = 0
        """Messages that ended without their final dot."""
        self.authenticated: list[str] = []
        self.violations: list[str] = []
        """What the client did that no client may do."""

    @property
    def accepted(self) -> list[str]:
        """The recipient of every accepted message, one entry a copy."""
        return [recipient for mail in self.mails if mail.accepted for recipient in mail.recipients]

    async def __aenter__(self) -> ScriptedServer:
        self._server = await asyncio.start_server(
            self._connected, self.host, 0, ssl=self._context if self._implicit else None, limit=4_000_000
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        dialogue = _Dialogue(reader, writer, self.connections, tls=self._implicit)
        try:
            await self._talk(dialogue)
        except (_Gone, OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            dialogue.writer.transport.abort()
            self._tasks.discard(task)

    async def _talk(self, dialogue: _Dialogue) -> None:
        await self._act(dialogue, "CONNECT", "220 scripted.example.org ESMTP")
        async for line in self._lines(dialogue):
            self.commands.append((dialogue.number, line))
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    dialogue.sender = None
                    await self._act(dialogue, "EHLO", self._offer(dialogue))
                case "HELO":
                    await self._act(dialogue, "HELO", "250 scripted.example.org")
                case "STARTTLS" if self._context and not dialogue.tls:
                    await self._start_tls(dialogue)
                case "AUTH" if self._users:
                    await self._authenticate(dialogue, rest)
                case "MAIL":
                    if await self._act(
                        dialogue, "MAIL", "250 2.1.0 Ok" if dialogue.sender is None else "503 5.5.1 Nested"
                    ):
                        dialogue.sender, dialogue.recipients = _path(rest), []
                case "RCPT":
                    allowed = dialogue.sender is not None
                    if (
                        await self._act(dialogue, "RCPT", "250 2.1.5 Ok" if allowed else "503 5.5.1 Need MAIL")
                        and allowed
                    ):
                        dialogue.recipients.append(_path(rest))
                case "DATA":
                    allowed = bool(dialogue.recipients)
                    words = "354 End with a dot" if allowed else "554 5.5.1 No valid recipients"
                    if await self._act(dialogue, "DATA", words) and (allowed or "DATA" in self._script):
                        await self._message(dialogue)
                case "RSET":
                    dialogue.sender, dialogue.recipients = None, []
                    await self._act(dialogue, "RSET", "250 2.0.0 Ok")
                case "NOOP":
                    await self._act(dialogue, "NOOP", "250 2.0.0 Ok")
                case "QUIT":
                    await self._act(dialogue, "QUIT", "221 2.0.0 Bye")
                    return
                case _:
                    await self._act(dialogue, verb.upper(), "502 5.5.2 What?")

    async def _lines(self, dialogue: _Dialogue) -> AsyncIterator[str]:
        while line := await dialogue.reader.readline():
            if not line.endswith(b"\r\n"):
                self.violations.append(f"a command without CRLF: {line[:80]!r}")
            if not line.isascii() or any(c < 0x20 for c in line[:-2]):
                self.violations.append(f"a command with other than visible ASCII: {line[:80]!r}")
            yield line.decode("latin-1").rstrip("\r\n")

    def _offer(self, dialogue: _Dialogue) -> str:
        offers = ["scripted.example.org", *self._extensions]
        if self._context and not dialogue.tls:
            offers.append("STARTTLS")
        if self._users and (dialogue.tls or self._auth_in_the_clear):
            offers.append(f"AUTH {' '.join(self._mechanisms)}")
        return "\r\n".join(f"250{'-' if offer is not offers[-1] else ' '}{offer}" for offer in offers)

    async def _act(self, dialogue: _Dialogue, point: str, default: str) -> bool:
        """Answers as the script says. Returns whether that was a yes (2xx or 3xx)."""
        planned = self._script.get(point, [OK])
        action = planned.pop(0) if len(planned) > 1 else planned[0]
        match action:
            case Ok():
                await self._send(dialogue, default.encode() + b"\r\n")
                return default[0] in "23"
            case str():
                await self._send(dialogue, action.encode() + b"\r\n")
                if action.startswith("421"):
                    raise _Gone
                return action[0] in "23"
            case Say(data, then_close):
                await self._send(dialogue, data)
                if then_close:
                    # In order, so that the client reads the words before the end.
                    dialogue.writer.close()
                    await dialogue.writer.wait_closed()
                    raise _Gone
                return data[:1] in (b"2", b"3")
            case HangUp(reset):
                if reset:
                    # SO_LINGER with no time makes the kernel send RST.
                    peer = dialogue.writer.get_extra_info("socket")
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _Gone
            case Silence():
                while not _ended(dialogue.reader):  # noqa: ASYNC110 (a reader tells nobody)
                    await asyncio.sleep(0.01)
                raise _Gone
            case Flood(line, at_most):
                for _ in range(at_most):
                    dialogue.writer.write(line)
                    await dialogue.writer.drain()
        return False

    async def _send(self, dialogue: _Dialogue, data: bytes) -> None:
        if not self._split:
            dialogue.writer.write(data)
            await dialogue.writer.drain()
            return
        for byte in data:
            dialogue.writer.write(bytes([byte]))
            await dialogue.writer.drain()
            await asyncio.sleep(0)

    async def _start_tls(self, dialogue: _Dialogue) -> None:
        if await self._act(dialogue, "STARTTLS", "220 2.0.0 Go ahead"):
            assert self._context is not None
            await dialogue.writer.start_tls(self._context)
            dialogue.tls, dialogue.sender = True, None

    async def _authenticate(self, dialogue: _Dialogue, rest: str) -> None:
        kind, _, first = rest.partition(" ")
        if not (dialogue.tls or self._auth_in_the_clear):
            self.violations.append("AUTH in the clear")
        words = [first] if first else []
        for _ in range({"PLAIN": 1, "LOGIN": 2, "XOAUTH2": 1}[kind.upper()] - len(words)):
            await self._act(dialogue, "AUTH-2", "334 ")
            words.append((await dialogue.reader.readline()).decode().strip())
        said = [base64.b64decode(word).decode() for word in words]
        if kind.upper() == "XOAUTH2":
            named, bearer = said[0].removesuffix("\x01\x01").split("\x01")
            said = [named.removeprefix("user="), bearer.removeprefix("auth=Bearer ")]
        user, password = said[0].split("\0")[1:] if kind.upper() == "PLAIN" else said
        right = self._users.get(user) == password
        if not right and kind.upper() == "XOAUTH2":
            await self._act(dialogue, "AUTH-2", "334 eyJzdGF0dXMiOiI0MDEifQ==")
            await dialogue.reader.readline()
        if right:
            self.authenticated.append(user)
        await self._act(dialogue, "AUTH", "235 2.7.0 Welcome" if right else "535 5.7.8 Wrong user or password")

    async def _message(self, dialogue: _Dialogue) -> None:
        received = bytearray()
        if "BODY" in self._script:
            received += await dialogue.reader.read(65536)
            await self._act(dialogue, "BODY", "250 2.0.0 too early")
        while not (received.endswith(b"\r\n.\r\n") or received == b".\r\n"):
            part = await dialogue.reader.read(65536)
            if not part:
                self.unfinished += 1
                raise _Gone
            received += part
            # What comes behind the dot in one flight is the next envelope; it stays for the reader.
            end = 0 if received.startswith(b".\r\n") else received.find(b"\r\n.\r\n") + 2
            if end >= 2 or received.startswith(b".\r\n"):
                behind = bytes(received[end + 3 :])
                del received[end + 3 :]
                if behind:
                    _push_back(dialogue.reader, behind)
                break
        data = bytes(received[:-3])
        if data.count(b"\n") != data.count(b"\r\n") or data.count(b"\r") != data.count(b"\r\n"):
            self.violations.append("a CR or LF alone in a message")
        lines = [line[1:] if line.startswith(b".") else line for line in data.split(b"\r\n")]
        mail = Mail(dialogue.sender or "", dialogue.recipients, b"\r\n".join(lines), False, dialogue.number)
        self.mails.append(mail)
        dialogue.sender, dialogue.recipients = None, []
        mail.accepted = isinstance(self._script.get(".", [OK])[0], (HangUp, Silence))
        mail.accepted = await self._act(dialogue, ".", "250 2.0.0 Ok: queued") or mail.accepted


def _path(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


def _ended(reader: asyncio.StreamReader) -> bool:
    # at_eof() is false while there is something left to read, which nobody will.
    ended: bool = reader._eof or reader.exception() is not None  # type: ignore[attr-defined]
    return ended


def _push_back(reader: asyncio.StreamReader, data: bytes) -> None:
    # StreamReader has no way to put bytes back; its buffer is a bytearray that nobody else writes to now.
    buffer: bytearray = reader._buffer  # type: ignore[attr-defined]
    buffer[:0] = data
