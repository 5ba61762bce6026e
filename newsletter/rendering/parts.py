"""A text part of the compiled message: what all readers get, encoded once, with holes where they differ.

Quoted-printable unless that would grow the part by more than 1.3 times, as it does with most scripts but Latin; then
base64. Both are cut into pieces of whole lines: a piece ends with CRLF or is empty, and no line begins with a dot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import ClassVar, NamedTuple

from newsletter.rendering import qp
from newsletter.rendering.fillings import Fillings, canonical
from newsletter.rendering.model import ReaderValues, Slot
from newsletter.rendering.slots import Place

GROWTH = 1.3
"""What quoted-printable may make of a part, times its bytes, before base64 is taken. Base64 always makes 1.37."""

LARGE = 1_024
"""Bytes of a literal that is worth being a piece by itself."""

_ROW = 57
"""Bytes that a line of 76 characters of base64 holds (RFC 2045 section 6.8)."""
_SHORT = 2 * _ROW
"""Bytes of a literal that is not worth being encoded in advance."""


Fill = Callable[[ReaderValues], tuple[bytes, ...]]


class Part(ABC):
    """One document of a variant, encoded."""

    encoding: ClassVar[str]
    """The Content-Transfer-Encoding."""
    fill: Fill
    """What makes of a reader the fillings as this encoding wants them. Raises ValueError for a URL that is none."""

    opening: bytes
    """The first piece, the same for every reader."""

    @abstractmethod
    def pieces(self, values: tuple[bytes, ...]) -> Sequence[bytes]:
        """The part with a reader's fillings."""


class Frame(NamedTuple):
    """What stands around a part: the bytes before it (without its encoding's name) and behind it."""

    before: Callable[[str], bytes]
    after: bytes


def part(document: str, places: Sequence[Place], slots: Sequence[Slot], fillings: Fillings, frame: Frame) -> Part:
    """Encodes a document in whichever way suits it."""
    holes = [fillings.number(slots[place.index], place.context) for place in places]
    cuts = [0, *(offset for place in places for offset in (place.start, place.end)), len(document)]
    literals = [document[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]
    quoted = QuotedPart(literals, holes, fillings, frame)
    grown = sum(map(len, quoted.literals)) - len(frame.before(quoted.encoding)) - len(frame.after)
    if grown <= GROWTH * sum(len(canonical(literal)) for literal in literals):
        return quoted
    return Base64Part(literals, holes, fillings, frame)


class QuotedPart(Part):
    """A part in quoted-printable. Each hole is fenced by soft line breaks, so that a value never changes the columns
    around it."""

    encoding = "quoted-printable"

    def __init__(self, literals: Sequence[str], holes: Sequence[int], fillings: Fillings, frame: Frame) -> None:
        *fenced, last = literals
        encoded = [*map(qp.encode_fenced, fenced), qp.encode(last) + b"\r\n" + frame.after]
        encoded[0] = frame.before(self.encoding) + encoded[0]
        self.opening = encoded[0]
        self.literals, self.holes = encoded, holes
        # Every second place is a hole.
        self._pieces = [b""] * (2 * len(encoded) - 1)
        self._pieces[::2] = encoded
        self.fill, self.columns, self._pick = fillings.lines, fillings.columns, picker(holes)

    def pieces(self, values: tuple[bytes, ...]) -> Sequence[bytes]:
        out = self._pieces.copy()
        out[1::2] = self._pick(values)
        return out


def picker(indices: Sequence[int]) -> Callable[[tuple[bytes, ...]], tuple[bytes, ...]]:
    """Picks items of a tuple by their indices, any of them as often as wanted."""
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda values: tuple(values[index] for index in indices)


class _Phase(NamedTuple):
    """A literal of base64 whose first ``taken`` bytes were encoded with what stands before it."""

    taken: bytes
    lines: bytes
    left: bytes
    """What did not fill three bytes at its end, to be encoded with what stands behind it."""


class Base64Part(Part):
    """A part in base64, which writes three bytes at a time, so that a value shifts what stands behind it.

    So each literal is encoded three times in advance: from its first, second and third byte on. Around a hole the one
    or two bytes that are left of the literal before, the value, and as many bytes of the next literal as make a
    multiple of three are encoded for the reader; then the literal goes on in the phase that fits. A line may be shorter
    than 76 characters (RFC 2045 section 6.8), so each of these begins on a line of its own.
    """

    encoding = "base64"

    def __init__(self, literals: Sequence[str], holes: Sequence[int], fillings: Fillings, frame: Frame) -> None:
        first, *others = map(canonical, literals)
        last = len(others) - 1
        begun = _phase(first, 0, end=not others)
        self.opening = frame.before(self.encoding) + begun.lines + (b"" if others else frame.after)
        self._left = begun.left
        self.fill = fillings.raw
        # Short literals between two holes are encoded together with them.
        self._runs: list[tuple[tuple[int | bytes, ...], tuple[_Phase, ...]]] = []
        run: list[int | bytes] = []
        for place, (hole, literal) in enumerate(zip(holes, others, strict=True)):
            run.append(hole)
            if place < last and len(literal) < _SHORT:
                run.append(literal)
                continue
            if place == last and len(literal) < _SHORT:
                run.append(literal)
                literal = b""
            phases = [_phase(literal, start, end=place == last) for start in range(3)]
            if place == last:
                phases = [phase._replace(lines=phase.lines + frame.after) for phase in phases]
            self._runs.append((tuple(run), tuple(phases)))
            run = []

    def pieces(self, values: tuple[bytes, ...]) -> Sequence[bytes]:
        out, left = [self.opening], self._left
        for run, phases in self._runs:
            around = left + b"".join([item if isinstance(item, bytes) else values[item] for item in run])
            taken, lines, left = phases[-len(around) % 3]
            out += (_lines(around + taken), lines)
        return out


def _phase(literal: bytes, start: int, *, end: bool) -> _Phase:
    rest = literal[start:]
    whole = len(rest) if end else len(rest) // 3 * 3
    return _Phase(literal[:start], _lines(rest[:whole]), rest[whole:])


def _lines(data: bytes) -> bytes:
    rows = [b2a_base64(data[at : at + _ROW], newline=False) for at in range(0, len(data), _ROW)]
    return b"\r\n".join([*rows, b""])
