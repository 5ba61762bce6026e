"""What a server says: replies parsed from bytes in any portions, within bounds (RFC 5321 sections 4.2 and 4.5.3.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, cast

from newsletter.text import one_line, without_bidi_controls

MAX_LINE = 2000
"""Bytes of a reply line with its line end. The RFC says 512; servers with long addresses in their words say more."""
MAX_LINES = 100
"""Lines of one reply."""
MAX_TEXT = 500
"""Characters that are kept of a reply."""

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?![.\d])")


class Reply(NamedTuple):
    """A whole reply: its code and its lines without code and line end."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def good(self) -> bool:
        return 200 <= self.code < 300

    @property
    def enhanced(self) -> str:
        """The RFC 3463 status such as ``5.1.1``; empty where there is none, or one of another class than the code."""
        found = _ENHANCED.match(self.lines[0].decode("ascii", "replace"))
        return found[0] if found and int(found[1]) == self.code // 100 else ""

    @property
    def text(self) -> str:
        """Code and words on one line, fit to be stored and shown: no control characters, `MAX_TEXT` at most."""
        words = b" ".join(self.lines)[: 4 * MAX_TEXT].decode("utf-8", "replace")
        text = f"{self.code} {words}"
        if len(text) <= MAX_TEXT and text.isascii() and text.isprintable() and "  " not in text:
            return text.rstrip()
        return bounded(text)


@dataclass(frozen=True, slots=True)
class Garbage:
    """The server does not speak SMTP; nothing after this is parsed."""

    reason: str


_TOO_LONG = Garbage(f"a reply line of more than {MAX_LINE} bytes")


def bounded(words: str) -> str:
    """Words of a stranger on one line, without control characters, `MAX_TEXT` characters at most."""
    return without_bidi_controls(one_line(words))[:MAX_TEXT]


_KNOWN = 32


class ReplyParser:
    """Takes bytes, gives replies. Holds one unfinished reply at most; what breaks a bound ends it."""

    def __init__(self) -> None:
        # A server says the same to every message: its lines are parsed once.
        self._known: dict[bytes, Reply] = {}
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._code = 0
        self._ended = False

    @property
    def pending(self) -> bool:
        """Whether bytes of an unfinished reply are held."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> list[Reply | Garbage]:
        """Every reply that these bytes finish. A `Garbage` is the last event there will be."""
        if self._ended:
            return []
        events: list[Reply | Garbage] = []
        if not self._buffer and data.endswith(b"\n"):
            return self._take_all(data, events)
        buffer, start = self._buffer, 0
        buffer += data
        while (end := buffer.find(b"\n", start)) >= 0:
            event = self._take(bytes(buffer[start:end])) if end - start < MAX_LINE else _TOO_LONG
            start = end + 1
            if event is not None:
                events.append(event)
                if isinstance(event, Garbage):
                    self._end()
                    return events
        del buffer[:start]
        if len(buffer) >= MAX_LINE:
            events.append(_TOO_LONG)
            self._end()
        return events

    def _take_all(self, data: bytes, events: list[Reply | Garbage]) -> list[Reply | Garbage]:
        known, lines = self._known, data[:-1].split(b"\n")
        if not self._lines and None not in (found := [known.get(line) for line in lines]):
            return cast(list[Reply | Garbage], found)
        for line in lines:
            event: Reply | Garbage | None = known.get(line) if not self._lines else None
            if event is None:
                event = self._take(line) if len(line) < MAX_LINE else _TOO_LONG
                if event is None:
                    continue
            events.append(event)
            if isinstance(event, Garbage):
                self._end()
                break
        return events

    def _end(self) -> None:
        self._ended = True
        self._buffer.clear()
        self._lines.clear()

    def _take(self, line: bytes) -> Reply | Garbage | None:
        found = _LINE.fullmatch(line.removesuffix(b"\r"))
        if found is None:
            return Garbage(f"not SMTP: {bounded(line[:60].decode('ascii', 'replace'))!r}")
        code = int(found[1])
        if self._lines and code != self._code:
            return Garbage(f"a reply of two codes, {self._code} and {code}")
        self._code = code
        self._lines.append(found[3] or b"")
        if found[2] == b"-":
            return Garbage(f"a reply of more than {MAX_LINES} lines") if len(self._lines) >= MAX_LINES else None
        reply = Reply(code, tuple(self._lines))
        if len(self._lines) == 1 and len(line) < 100 and len(self._known) < _KNOWN:
            self._known[line] = reply
        self._lines.clear()
        return reply
