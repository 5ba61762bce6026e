"""A message as it goes over the line, looked at before anything of it goes out."""

from __future__ import annotations

from typing import NamedTuple

from newsletter.backends.base import Message

_LARGE = 256
"""Bytes from which a piece is worth remembering."""
_REMEMBERED = 1_024


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


class Inspector:
    """Says that messages hold nothing that would let a server see another end of them than we do.

    What many messages share is one object in all of them (see `Message`), and is looked at once.
    """

    def __init__(self) -> None:
        # By identity, with the piece itself, so that no other can come to have its number.
        self._known: dict[int, bytes] = {}

    def content(self, message: Message) -> Content:
        """What to write. Raises ValueError for a CR or LF alone (RFC 5321 section 2.3.8, CVE-2023-51764) or a NUL."""
        pieces, size, known = message.pieces, 0, self._known
        small = []
        for piece in pieces:
            size += len(piece)
            if len(piece) < _LARGE:
                small.append(piece)
            elif known.get(id(piece)) is not piece:
                if not _plain(piece):
                    return self._slow(message.data)
                if len(known) >= _REMEMBERED:
                    known.clear()
                known[id(piece)] = piece
        # In one look, with line ends between them: what one piece leaves open no other can then close.
        if _plain(b"\r\n".join(small)) and pieces and pieces[-1].endswith(b"\r\n"):
            return Content(pieces, size, False)
        return self._slow(message.data)

    @staticmethod
    def _slow(data: bytes) -> Content:
        wire = body(data)
        whole = data if data.endswith(b"\r\n") else data + b"\r\n"
        return Content((wire,), len(wire), not wire.isascii(), whole)


def _plain(piece: bytes) -> bool:
    """Whether a piece may stand anywhere in a message just as it is."""
    ends = piece.count(b"\r\n")
    return (
        piece.isascii()
        and piece.count(b"\n") == ends
        and piece.count(b"\r") == ends
        and piece[:1] != b"."
        and b"\r\n." not in piece
        and b"\0" not in piece
    )


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
