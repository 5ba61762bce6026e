"""How the pieces of a message come together: in what order, and which of them are joined.

Whoever looks at a piece, or writes it, takes a while for each. So small ones become one, up to a size; a large literal
stays by itself, one object for all readers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, repeat

from newsletter.rendering.model import ReaderColumns, ReaderValues
from newsletter.rendering.parts import LARGE, Part, QuotedPart

_VALUE, _HEAD = 100, 400
"""Bytes that a value and a reader's header fields take, more or less."""
_READERS_HEAD = -1


class Assembly(ABC):
    """Puts a message together for a reader."""

    opening: bytes
    """What every body begins with."""
    body: int
    """Which piece comes right behind the opening."""

    @abstractmethod
    def pieces(self, head: bytes, reader: ReaderValues) -> tuple[bytes, ...]:
        """The message to a reader whose own header fields are ``head``. Raises ValueError for a URL that is none."""

    def many(self, heads: Sequence[bytes], readers: ReaderColumns) -> list[tuple[bytes, ...]]:
        """`pieces` for many readers. Raises ValueError also where one of them needs a closer look."""
        return [self.pieces(head, reader) for head, reader in zip(heads, readers.readers(), strict=True)]


def assembly(constant: bytes, text: Part, html: Part) -> Assembly:
    """``constant`` are the header fields that all readers get alike. The text part's opening begins with the blank line
    that ends the headers."""
    if isinstance(text, QuotedPart) and isinstance(html, QuotedPart):
        return _Joined(constant, text, html)
    return _Listed(constant, text, html)


class _Listed(Assembly):
    """Piece by piece, as the parts give them."""

    body = 3

    def __init__(self, constant: bytes, text: Part, html: Part) -> None:
        self._constant, self._text, self._html = constant, text, html
        self.opening = text.opening.removeprefix(b"\r\n")

    def pieces(self, head: bytes, reader: ReaderValues) -> tuple[bytes, ...]:
        values = self._text.fill(reader)
        others = values if self._html.encoding == self._text.encoding else self._html.fill(reader)
        return (self._constant, head, *self._text.pieces(values), *self._html.pieces(others))


class _Joined(Assembly):
    """Two parts in quoted-printable, the small pieces joined."""

    def __init__(self, constant: bytes, text: QuotedPart, html: QuotedPart) -> None:
        self.opening = text.opening.removeprefix(b"\r\n")
        self._fill, self._columns = text.fill, text.columns
        # Behind the opening there is a seam, so that a signer gets the rest of the body by itself.
        front = list(_runs([constant, _READERS_HEAD, text.opening]))
        self.body = len(front)
        self._runs = [*front, *_runs([*_alternating(text)[1:], *_alternating(html)])]

    def pieces(self, head: bytes, reader: ReaderValues) -> tuple[bytes, ...]:
        return self._together([head], [[value] for value in self._fill(reader)])[0]

    def many(self, heads: Sequence[bytes], readers: ReaderColumns) -> list[tuple[bytes, ...]]:
        return self._together(heads, self._columns(readers))

    def _together(self, heads: Sequence[bytes], columns: Sequence[Sequence[bytes]]) -> list[tuple[bytes, ...]]:
        """Piece by piece for all readers, not reader by reader."""
        columns = [*columns, heads]  # so that the number of a reader's head is the last one's
        pieces: list[Iterable[bytes]] = []
        for run in self._runs:
            parts = [repeat(item) if isinstance(item, bytes) else columns[item] for item in run]
            pieces.append(parts[0] if len(parts) == 1 else map(b"".join, zip(*parts)))  # noqa: B905 (literals repeat)
        return [*islice(zip(*pieces), len(heads))]  # noqa: B905


def _alternating(part: QuotedPart) -> list[bytes | int]:
    """Literals and the numbers of what fills the holes between them."""
    first, *others = part.literals
    return [first, *(item for pair in zip(part.holes, others, strict=True) for item in pair)]


def _runs(items: Sequence[bytes | int]) -> Iterator[list[bytes | int]]:
    """What becomes one piece: a large literal, or small ones and readers' own until they would be large together."""
    run: list[bytes | int] = []
    total = 0
    for item in items:
        size = len(item) if isinstance(item, bytes) else _HEAD if item == _READERS_HEAD else _VALUE
        if run and total + size >= LARGE:
            yield run
            run, total = [], 0
        run.append(item)
        total += size
    if run:
        yield run
