"""A message as it goes over the line, looked at before anything of it goes out."""

from __future__ import annotations

from typing import NamedTuple

from newsletter.backends.base import Message


class Content(NamedTuple):
    """The bytes between the 354 and the final dot, in pieces, dots stuffed, CRLF at the end."""

    pieces: tuple[bytes, ...]
    size: int
    """Bytes of all pieces."""
    eightbit: bool
    """Whether there is a byte over 127, which needs 8BITMIME (RFC 6152)."""
    whole: bytes | None = None
    """The message without stuffed dots, for BDAT, where that is not the same."""

    @property
    def chunk(self) -> tuple[bytes, ...]:
        """What to write behind a BDAT."""
        return self.pieces if self.whole is None else (self.whole,)


def content(message: Message) -> Content:
    """What to write. Raises ValueError for a CR or LF alone (RFC 5321 section 2.3.8, CVE-2023-51764) or a NUL.

    A message whose maker has looked at it (`Message.plain`) goes out as it is.
    """
    if message.plain:
        pieces = message.pieces
        return Content(pieces, sum(map(len, pieces)), False)
    data = message.data
    wire = body(data)
    whole = data if data.endswith(b"\r\n") else data + b"\r\n"
    return Content((wire,), len(wire), not wire.isascii(), whole)


def body(data: bytes) -> bytes:
    """A message as it goes over the line between the 354 and the final dot: dots stuffed, CRLF at its end.

    Raises ValueError for what would let a server see another end of the message than we do: a CR or LF alone (RFC 5321
    section 2.3.8, CVE-2023-51764), NUL.
    """
    if b"\0" in data:
        raise ValueError("the message has a NUL")
    if not data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n"):
        raise ValueError("the message has a CR or LF that stands alone")
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
