"""What the slots of a variant say to one reader, as the bytes that go into its message.

Readers share their first names, and our own links differ in their last part alone, so little is encoded anew for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from operator import attrgetter

from newsletter.rendering import qp
from newsletter.rendering.contexts import Context
from newsletter.rendering.model import ReaderColumns, ReaderValues, Slot
from newsletter.rendering.slots import URL_SLOTS, Place, spoken, written

_KEPT = 4096
"""How many first names are kept encoded."""
_STEMS = 64

# The same bytes in every context but a part of a URL, and in quoted-printable: nothing in it is escaped anywhere.
_PLAIN_STEM = re.compile(r"https://[A-Za-z0-9._~/:-]+/")
# On a line of its own it neither begins with a dot nor gets too long.
_PLAIN_TAIL = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,74}")
_PLAIN_TAILS = re.compile(rf"(?:{_PLAIN_TAIL.pattern}\n)*+")


class Fillings:
    """Every slot of a variant in every context in which it stands, numbered.

    `lines` and `raw` give a reader's bytes by that number. They may be called from one thread at a time.
    """

    def __init__(self, slots: Sequence[Slot], places: Iterable[Place]) -> None:
        pairs = {(slots[place.index], place.context): None for place in places}
        self._by_name = [pair for pair in pairs if pair[0].name not in URL_SLOTS]
        bare = [pair for pair in pairs if pair[0].name in URL_SLOTS and _bare(*pair)]
        urls = {name: [pair for pair in bare if pair[0].name == name] for name in URL_SLOTS}
        self._urls = [(attrgetter(name), len(same)) for name, same in urls.items() if same]
        self._rest = [pair for pair in pairs if pair[0].name in URL_SLOTS and not _bare(*pair)]
        self._pairs = [*self._by_name, *(pair for same in urls.values() for pair in same), *self._rest]
        self._numbers = {pair: number for number, pair in enumerate(self._pairs)}
        self._names: dict[str, tuple[bytes, ...]] = {}
        self._stems: dict[str, bytes] = {}
        """What our links begin with, encoded; no bytes where it needs a closer look."""

    def number(self, slot: Slot, context: Context) -> int:
        """The number of a slot in a context."""
        return self._numbers[slot, context]

    def lines(self, reader: ReaderValues) -> tuple[bytes, ...]:
        """Each filling as fenced lines of quoted-printable. Raises ValueError for a URL that is none."""
        try:
            return tuple(column[0] for column in self.columns(ReaderColumns.of([reader])))
        except ValueError:
            return tuple(self._line(pair, reader) for pair in self._pairs)

    def columns(self, readers: ReaderColumns) -> list[Sequence[bytes]]:
        """`lines` for many readers, who are looked at together: for each number the fillings of all readers. Raises
        ValueError where one of them needs a closer look."""
        columns: list[Sequence[bytes]] = []
        rows = readers.readers() if self._rest else []
        if self._by_name:
            kept = self._names
            if len(kept) > _KEPT - len(readers.first_name):
                kept.clear()
            for name in {*readers.first_name} - kept.keys():
                reader = ReaderValues("", name, "", "", "", "")
                kept[name] = tuple(self._line(pair, reader) for pair in self._by_name)
            columns += zip(*[kept[name] for name in readers.first_name], strict=True)
        for field, contexts in self._urls:
            urls: Sequence[str] = field(readers)
            cut = urls[0].rfind("/") + 1
            before = urls[0][:cut]
            stem = self._stems.get(before) or self._stem(before)
            tails = [url[cut:] for url in urls if url.startswith(before)]
            together = "\n".join([*tails, ""])
            if not stem or len(tails) < len(urls) or not _PLAIN_TAILS.fullmatch(together):
                raise ValueError("a link needs a closer look")
            line = [stem + tail + qp.SOFT_BREAK for tail in together.encode().split(b"\n")[:-1]]
            columns += (line,) * contexts
        columns += [[self._line(pair, reader) for reader in rows] for pair in self._rest]
        return columns

    def raw(self, reader: ReaderValues) -> tuple[bytes, ...]:
        """Each filling as UTF-8 with CRLF for its line ends (RFC 2046 section 4.1.1). Raises as `lines` does."""
        return tuple(canonical(written(spoken(slot, reader), context)) for slot, context in self._pairs)

    def _line(self, pair: tuple[Slot, Context], reader: ReaderValues) -> bytes:
        slot, context = pair
        return qp.encode_fenced(written(spoken(slot, reader), context))

    def _stem(self, stem: str) -> bytes:
        line = qp.encode_fenced(stem) if _PLAIN_STEM.fullmatch(stem) else b""
        if len(self._stems) < _STEMS:
            self._stems[stem] = line
        return line


def _bare(slot: Slot, context: Context) -> bool:
    return context is not Context.URL_PART and not (slot.before or slot.after or slot.fallback)


def canonical(text: str) -> bytes:
    """UTF-8 with every line break as CRLF, as a part of text has to be before base64. A lone CR stays one."""
    return text.encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
