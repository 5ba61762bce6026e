"""Documents: where stories are read from, one at a time, before anybody knows what is in them."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from newsletter.errors import ImportRefused
from newsletter.stories.importers.fetch import Fetched
from newsletter.text import one_line

MAX_BYTES = 10_000_000
MAX_FILES = 10_000
SUFFIXES = (".md", ".markdown", ".txt", ".xml", ".rss", ".atom", ".json")
"""What is read in a folder; other files in it (pictures, say) are none of ours."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

Fetch = Callable[[str], Fetched]


@dataclass(frozen=True, slots=True)
class Document:
    """One file or one answer from the network.

    ``name`` is what a person calls it (the path or URL). ``key`` is what the external ids of its stories are made of:
    the same for the same document, whatever the working directory. ``url`` is where it was found, empty for a file.
    """

    name: str
    key: str
    raw: bytes
    url: str = ""

    @property
    def suffix(self) -> str:
        """The end of the name, in small letters: ``.md``."""
        return Path(urlsplit(self.url).path if self.url else self.name).suffix.lower()

    def text(self) -> str:
        """The text, from UTF-8, or UTF-16 with its mark. Raises `ImportRefused` with the line."""
        encoding = "utf-16" if self.raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            return self.raw.decode(encoding)
        except UnicodeDecodeError as error:
            line = self.raw[: error.start].count(b"\n") + 1
            raise self.refuse("is not UTF-8 from here on: save it as UTF-8", line) from None

    def refuse(self, message: str, line: int | None = None) -> ImportRefused:
        """The error to raise or to yield about something in this document."""
        return ImportRefused(message, path=one_line(self.name), line=line)


def documents(sources: Sequence[str], fetch: Fetch, root: Path | None) -> Iterator[Document | ImportRefused]:
    """Every document of the sources, in their order, a folder's by path; an `ImportRefused` for what cannot be read.

    A file that is met twice is read once. Keys of files under ``root``, the site's folder, are relative to it.
    """
    seen: set[Path | str] = set()
    for source in sources:
        if _URL.match(source):
            if source not in seen:
                seen.add(source)
                yield _fetched(source, fetch)
            continue
        for found in _files(Path(source)):
            if isinstance(found, ImportRefused):
                yield found
            elif found[1] not in seen:
                seen.add(found[1])
                yield _read(*found, root)


def _fetched(url: str, fetch: Fetch) -> Document | ImportRefused:
    try:
        answer = fetch(url)
    except ImportRefused as error:
        return error
    return Document(url, short_key(urldefrag(url).url), answer.body, answer.url)


def short_key(key: str) -> str:
    """The key, or, where it is longer than a key may be, its beginning and its digest."""
    return key if len(key) <= 400 else f"{key[:300]}…{hashlib.sha256(key.encode()).hexdigest()}"


def _refused(message: str, path: Path) -> ImportRefused:
    return ImportRefused(message, path=one_line(str(path))[:1000])


def _real(path: Path) -> Path | None:
    """The path without links in it; None for a circle of links, or what is no path at all."""
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):
        return None


def _files(path: Path) -> Iterator[tuple[Path, Path] | ImportRefused]:
    """The file, or the files of the folder, each with its real path."""
    inside = _real(path)
    if inside is None:
        yield _refused("is no path: name a file, a folder or a URL", path)
        return
    if not inside.is_dir():
        yield path, inside
        return
    count = 0
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = [name for name in names if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES]
        for name in sorted(files + [name for name in folders if Path(folder, name).is_symlink()]):
            file = Path(folder, name)
            count += 1
            if count > MAX_FILES:
                yield _refused(f"holds more than {MAX_FILES} files: name its folders one by one", path)
                return
            real = _real(file)
            if real is None or not real.is_relative_to(inside):
                yield _refused("is a link out of the folder: put the file itself here", file)
            elif not real.is_dir():
                yield file, real


def _read(file: Path, real: Path, root: Path | None) -> Document | ImportRefused:
    try:
        # Looked at before it is opened, because opening a pipe waits for its other end.
        if not stat.S_ISREG(file.stat().st_mode):
            return _refused("is no file: name a file, a folder or a URL", file)
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return _refused(f"cannot be read ({error.strerror})", file)
    if len(raw) > MAX_BYTES:
        return _refused(f"is larger than {MAX_BYTES // 1_000_000} MB", file)
    site = root.resolve() if root else None
    key = real.relative_to(site) if site and real.is_relative_to(site) else real
    return Document(str(file), short_key(f"file:{key.as_posix()}"), raw)
