"""SMTP without I/O: commands become bytes, bytes become answers to commands (RFC 5321, 2920, 3207, 1870, 3030, 4954,
6152, 6531).

Every command that leaves puts its step into a queue, and each reply answers the oldest one, so that any number of
commands can be under way: a final dot and the next MAIL, RCPT and DATA may leave in one write.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from newsletter.backends.smtp.replies import Garbage, Reply, ReplyParser


class Step(StrEnum):
    """What a reply answers."""

    GREETING = "the connection"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    RSET = "RSET"
    NOOP = "NOOP"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "the final dot"
    BDAT = "the message"
    QUIT = "QUIT"


_ENVELOPE = _MAIL, _RCPT, _DATA = Step.MAIL, Step.RCPT, Step.DATA


Answer = tuple[Step, Reply]
"""A step and the reply to it. A plain tuple, since there are four a message."""


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
        self.pipelining = False
        """RFC 2920."""
        self.chunking = False
        """RFC 3030."""
        self.eightbit = False
        """RFC 6152."""
        self.smtputf8 = False
        """RFC 6531, which asks for 8BITMIME beside it."""
        self.size_limit = 0
        """Bytes that the server takes at most (RFC 1870); 0 where it says nothing, or names no limit."""
        self._sized = self._mailing = False

    @property
    def awaited(self) -> Step | None:
        """The step whose reply comes next, or None when the server has answered everything."""
        return self._awaited[0] if self._awaited else None

    def receive(self, data: bytes) -> Sequence[Answer | Broken]:
        """What these bytes say. A `Broken` is the last event there will be."""
        if self._tls_is_next:
            return [_injected()]
        events: list[Answer | Broken] = []
        replies, awaited = self._parser.feed(data), self._awaited
        if self._mailing and replies and type(replies[-1]) is Reply and len(replies) <= len(awaited):
            # Nothing is out of turn, and all that an answer can change here is whether a message may follow. Nothing
            # but QUIT is said behind a DATA before its answer.
            take = awaited.popleft
            answers = [(take(), reply) for reply in cast(list[Reply], replies)]
            step, reply = answers[-1]
            if step is _DATA and reply.code == 354:
                self.in_data = True
            return answers
        for parsed in replies:
            if isinstance(parsed, Garbage):
                return [*events, Broken(parsed.reason)]
            if not awaited:
                return [*events, Broken(f"the server spoke out of turn: {parsed.text}", parsed)]
            step = awaited.popleft()
            if step in _ENVELOPE:
                if parsed.code == 354 and step is _DATA:
                    self.in_data = True
            elif step is Step.STARTTLS and parsed.code == 220:
                if parsed is not replies[-1] or self._parser.pending:
                    return [_injected()]
                self._tls_is_next = True
            elif step is Step.EHLO and parsed.good:
                self._learn(parsed)
            events.append((step, parsed))
        return events

    def _learn(self, reply: Reply) -> None:
        self.extensions = {}
        for line in reply.lines[1:]:
            # Some old servers write AUTH=LOGIN beside or instead of AUTH LOGIN.
            keyword, _, parameters = line.decode("ascii", "replace").replace("AUTH=", "AUTH ", 1).partition(" ")
            known = self.extensions.get(keyword.upper(), "")
            self.extensions[keyword.upper()] = f"{known} {parameters}".strip()
        self._offered()

    def _offered(self) -> None:
        offers = self.extensions
        limit = offers.get("SIZE", "")
        self._sized = "SIZE" in offers
        self.size_limit = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 20 else 0
        self.pipelining, self.chunking = "PIPELINING" in offers, "CHUNKING" in offers
        self.eightbit = "8BITMIME" in offers
        self.smtputf8 = self.eightbit and "SMTPUTF8" in offers

    def tls_started(self) -> None:
        """Forgets everything that was said before (RFC 3207 section 4.2)."""
        self.extensions = {}
        self._offered()
        self._parser = ReplyParser()
        self._tls_is_next = False

    def _command(self, step: Step, line: str, *, international: bool = False) -> bytes:
        assert not self.in_data, f"{step} inside a message"
        assert line.isascii() or international, f"{step} with other than ASCII"
        assert line.isprintable(), f"{step} with a control character"
        self._awaited.append(step)
        return line.encode() + b"\r\n"

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

    def noop(self) -> bytes:
        return self._command(Step.NOOP, "NOOP")

    def mail(self, sender: str, size: int, *, eightbit: bool = False, international: bool = False) -> bytes:
        """``size`` in bytes, as the message will go over the line. The other two ask for BODY=8BITMIME and SMTPUTF8."""
        self._mailing = True
        parameters = f" SIZE={size}" if self._sized else ""
        if eightbit or international:
            assert self.eightbit, "8BITMIME was not offered"
            parameters += " BODY=8BITMIME"
        if international:
            assert self.smtputf8, "SMTPUTF8 was not offered"
            parameters += " SMTPUTF8"
        return self._command(Step.MAIL, f"MAIL FROM:<{sender}>{parameters}", international=international)

    def rcpt(self, recipient: str, *, international: bool = False) -> bytes:
        return self._command(Step.RCPT, f"RCPT TO:<{recipient}>", international=international)

    def data(self) -> bytes:
        return self._command(Step.DATA, "DATA")

    def envelope(
        self, sender: str, recipient: str, size: int, *, eightbit: bool = False, international: bool = False
    ) -> bytes:
        """MAIL, RCPT and DATA in one flight, as `mail` and `rcpt` have them (RFC 2920)."""
        assert self.pipelining, "PIPELINING was not offered"
        if eightbit or international or not (sender.isprintable() and recipient.isprintable()):
            mail = self.mail(sender, size, eightbit=eightbit, international=international)
            return mail + self.rcpt(recipient, international=international) + self.data()
        assert not self.in_data, "MAIL inside a message"
        self._awaited += _ENVELOPE
        self._mailing = True
        parameters = f" SIZE={size}" if self._sized else ""
        return f"MAIL FROM:<{sender}>{parameters}\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode("ascii")

    def bdat(self, size: int) -> bytes:
        """What stands before a whole message of ``size`` bytes in one last chunk (RFC 3030 section 2)."""
        assert self.chunking, "CHUNKING was not offered"
        return self._command(Step.BDAT, f"BDAT {size} LAST")

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
