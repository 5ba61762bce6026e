"""SMTP without I/O: commands become bytes, bytes become answers to commands (RFC 5321, 2920, 3207, 1870, 4954).

Every command that leaves puts its step into a queue, and each reply answers the oldest one, so that any number of
commands can be under way: a final dot and the next MAIL, RCPT and DATA may leave in one write.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from newsletter.backends.smtp.replies import Garbage, Reply, ReplyParser


class Step(StrEnum):
    """What a reply answers."""

    GREETING = "the connection"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    RSET = "RSET"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "the final dot"
    QUIT = "QUIT"


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply and the step that it answers."""

    step: Step
    reply: Reply


@dataclass(frozen=True, slots=True)
class Broken:
    """This connection is of no more use. ``reply`` is what the server said out of turn, if it was that."""

    reason: str
    reply: Reply | None = None


class Session:
    """One connection's dialogue. `receive` what comes, write what the commands return."""

    def __init__(self) -> None:
        self.extensions: dict[str, str] = {}
        """What EHLO offered: keyword in capitals, parameters as they came."""
        self._parser = ReplyParser()
        self._awaited = deque([Step.GREETING])
        self._tls_is_next = False
        self.in_data = False
        """Whether the server waits for a message and its final dot."""

    @property
    def awaited(self) -> Step | None:
        """The step whose reply comes next, or None when the server has answered everything."""
        return self._awaited[0] if self._awaited else None

    @property
    def pipelining(self) -> bool:
        return "PIPELINING" in self.extensions

    @property
    def size_limit(self) -> int:
        """Bytes that the server takes at most (RFC 1870); 0 where it says nothing, or names no limit."""
        limit = self.extensions.get("SIZE", "")
        return int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 20 else 0

    def receive(self, data: bytes) -> list[Answer | Broken]:
        """What these bytes say. A `Broken` is the last event there will be."""
        if self._tls_is_next:
            return [_injected()]
        events: list[Answer | Broken] = []
        replies = self._parser.feed(data)
        for parsed in replies:
            if isinstance(parsed, Garbage):
                return [*events, Broken(parsed.reason)]
            if not self._awaited:
                return [*events, Broken(f"the server spoke out of turn: {parsed.text}", parsed)]
            step = self._awaited.popleft()
            if step is Step.STARTTLS and parsed.code == 220:
                if parsed is not replies[-1] or self._parser.pending:
                    return [_injected()]
                self._tls_is_next = True
            elif step is Step.EHLO and parsed.good:
                self._learn(parsed)
            elif step is Step.DATA and parsed.code == 354:
                self.in_data = True
            events.append(Answer(step, parsed))
        return events

    def _learn(self, reply: Reply) -> None:
        self.extensions = {}
        for line in reply.lines[1:]:
            # Some old servers write AUTH=LOGIN beside or instead of AUTH LOGIN.
            keyword, _, parameters = line.decode("ascii", "replace").replace("AUTH=", "AUTH ", 1).partition(" ")
            known = self.extensions.get(keyword.upper(), "")
            self.extensions[keyword.upper()] = f"{known} {parameters}".strip()

    def tls_started(self) -> None:
        """Forgets everything that was said before (RFC 3207 section 4.2)."""
        self.extensions = {}
        self._parser = ReplyParser()
        self._tls_is_next = False

    def _command(self, step: Step, line: str) -> bytes:
        assert not self.in_data, f"{step} inside a message"
        assert line.isascii(), f"{step} with other than ASCII"
        assert line.isprintable(), f"{step} with a control character"
        self._awaited.append(step)
        return line.encode("ascii") + b"\r\n"

    def ehlo(self, hostname: str) -> bytes:
        return self._command(Step.EHLO, f"EHLO {hostname}")

    def helo(self, hostname: str) -> bytes:
        return self._command(Step.HELO, f"HELO {hostname}")

    def starttls(self) -> bytes:
        return self._command(Step.STARTTLS, "STARTTLS")

    def auth(self, line: str) -> bytes:
        """``line`` is the command or, after a 334, its continuation."""
        return self._command(Step.AUTH, line)

    def rset(self) -> bytes:
        return self._command(Step.RSET, "RSET")

    def mail(self, sender: str, size: int) -> bytes:
        """``size`` in bytes, as the message will go over the line."""
        declared = f" SIZE={size}" if "SIZE" in self.extensions else ""
        return self._command(Step.MAIL, f"MAIL FROM:<{sender}>{declared}")

    def rcpt(self, recipient: str) -> bytes:
        return self._command(Step.RCPT, f"RCPT TO:<{recipient}>")

    def data(self) -> bytes:
        return self._command(Step.DATA, "DATA")

    def end_of_data(self) -> bytes:
        """The point of no return. Comes after a `body`, which ends in CRLF."""
        assert self.in_data, "a final dot without a message"
        self.in_data = False
        self._awaited.append(Step.DOT)
        return b".\r\n"

    def quit(self) -> bytes:
        return self._command(Step.QUIT, "QUIT")


def _injected() -> Broken:
    # Whoever listens on the line could put words into the protected session with it (RFC 3207, CVE-2011-0411).
    return Broken("plain text came behind the answer to STARTTLS")


def body(data: bytes) -> bytes:
    """A message as it goes over the line between the 354 and the final dot: dots stuffed, CRLF at its end.

    Raises ValueError for what would let a server see another end of the message than we do, or that needs an extension:
    a CR or LF alone (RFC 5321 section 2.3.8, CVE-2023-51764), NUL, a byte over 127.
    """
    if not data.isascii():
        raise ValueError("the message has bytes over 127, which needs 8BITMIME")
    if b"\0" in data:
        raise ValueError("the message has a NUL")
    if not data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n"):
        raise ValueError("the message has a CR or LF that stands alone")
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
