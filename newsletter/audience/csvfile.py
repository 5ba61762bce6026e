"""CSV as people have it: commas, semicolons or tabs, UTF-8 or UTF-16, and a quote that nobody closed.

Read as a stream. A record that cannot be read costs its first line only; the lines after it are read again.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from newsletter.errors import ImportRefused

MAX_RECORD_LINES = 100
"""A cell may have line ends in it, but a record longer than this has an open quote."""
_CHUNK = 1 << 20


class CsvFile:
    """A CSV file with a header. ``header`` is its column names, ``lines`` the lines of the whole file."""

    def __init__(self, path: Path) -> None:
        """Reads the file through once, so that nothing is done with a file that ends in nonsense.

        Raises `ImportRefused` for one that cannot be read, is in another encoding, or has no header.
        """
        self.path = path
        self._encoding, self.lines = _check_encoding(path)
        with path.open(encoding=self._encoding, newline="") as file:
            first = file.readline(_CHUNK)
            self._delimiter = max(",;\t", key=lambda delimiter: len(next(csv.reader([first], delimiter=delimiter), [])))
            file.seek(0)
            try:
                names = next(csv.reader(file, delimiter=self._delimiter, strict=True), [])
            except csv.Error as error:
                raise ImportRefused(f"the header cannot be read: {error}", path=path, line=1) from None
        self.header = [name.strip() for name in names]
        if not any(self.header):
            raise ImportRefused("no header: the first line must name the columns", path=path, line=1)
        folded = [name.casefold() for name in self.header]
        for number, name in enumerate(folded, 1):
            if not name:
                raise ImportRefused(f"column {number} has no name: give it one", path=path, line=1)
            if folded.index(name) != number - 1:
                raise ImportRefused(f"two columns are named “{self.header[number - 1]}”", path=path, line=1)

    def records(self) -> Iterator[tuple[int, list[str], str]]:
        """The line on which each record begins, its cells, and what is wrong with it (empty when nothing is).

        Blank lines are left out.
        """
        with self.path.open(encoding=self._encoding, newline="") as file:
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            next(reader)
            width = len(self.header)
            while True:
                line = lines.number + 1
                lines.taken.clear()
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except (csv.Error, _OpenQuote) as error:
                    first = lines.give_back()
                    unclosed = len(lines.taken) > 1 or str(error) == "unexpected end of data"
                    reason = "a quote is opened and not closed" if unclosed else str(error)
                    yield line, [first.rstrip("\r\n")], reason
                    continue
                if len(cells) == width:
                    yield line, cells, ""
                elif cells:
                    yield line, cells, f"{len(cells)} cell{'s' * (len(cells) != 1)} where the header has {width}"


class _OpenQuote(Exception):
    pass


class _Lines:
    """The lines of a file, those of the record at hand kept, so that all but its first can be given back."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_RECORD_LINES:
            raise _OpenQuote
        line = self._again.popleft() if self._again else next(self._file)
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self) -> str:
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        self.number -= len(rest)
        return first


def _check_encoding(path: Path) -> tuple[str, int]:
    """The codec's name, and the number of line ends."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            encoding = "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
            decoder = codecs.getincrementaldecoder(encoding)()
            lines, chunk = 0, start
            while True:
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError as error:
                    lines += bytes(error.object[: error.start]).count(b"\n")
                    wanted = "the UTF-16 that it begins as" if encoding == "utf-16" else "UTF-8"
                    raise ImportRefused(f"is not {wanted}: save it as UTF-8", path=path, line=lines + 1) from None
                if encoding != "utf-16" and "\0" in text:
                    lines += text[: text.index("\0")].count("\n")
                    raise ImportRefused(
                        "has a NUL in it, as UTF-16 without its mark has: save it as UTF-8", path=path, line=lines + 1
                    )
                lines += text.count("\n")
                if not chunk:
                    return encoding, lines
                chunk = file.read(_CHUNK)
    except OSError as error:
        raise ImportRefused(f"cannot be read ({error.strerror})", path=path) from None
