"""The files of a template set, and one MJML text made of them in which every character knows its file and line.

Includes are expanded here and not by mrml: mrml forgets the width of a section that comes from an include (its
``max-width`` and the width of its Outlook table are missing), reports no parent path, and takes the process down when
an include includes itself.
"""

from __future__ import annotations

import hashlib
import posixpath
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from newsletter.errors import TemplateError
from newsletter.rendering.markup import Tag, tokens
from newsletter.rendering.shield import mask

SUFFIXES = (".mjml", ".html", ".css", ".txt")
"""What belongs to a template set; anything else in its folder is not read."""

MOST_FILES = 200
MOST_CHARACTERS = 1_000_000
DEEPEST_INCLUDE = 8


@dataclass(frozen=True)
class Files:
    """The text of each file of a template set by its path relative to the folder, with line ends as ``\\n``."""

    folder: Path
    texts: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> Files:
        """Reads a folder. Raises `TemplateError` for a file that is not UTF-8 or lies outside, and for too many."""
        if not folder.is_dir():
            raise TemplateError(
                "There is no such template folder: write the name of a folder in templates/email", path=folder
            )
        root = folder.resolve()
        texts: dict[str, str] = {}
        size = 0
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if (
                path.suffix not in SUFFIXES
                or not path.is_file()
                or any(p.startswith(".") for p in PurePosixPath(name).parts)
            ):
                continue
            if not path.resolve().is_relative_to(root):
                raise TemplateError("This link leads out of the template folder: put the file itself here", path=path)
            try:
                text = path.read_text(encoding="utf-8-sig")
            except UnicodeDecodeError as error:
                raise TemplateError(f"Byte {error.start} is not UTF-8: save the file as UTF-8", path=path) from None
            texts[name] = text.replace("\r\n", "\n").replace("\r", "\n")
            size += len(text)
            if len(texts) > MOST_FILES or size > MOST_CHARACTERS:
                raise TemplateError(
                    f"A template set has at most {MOST_FILES} files and 1 MB: take out what is not needed", path=folder
                )
        return cls(folder, texts)

    @property
    def version(self) -> str:
        """SHA-256, hex, over the names and texts of all files."""
        digest = hashlib.sha256()
        for name, text in sorted(self.texts.items()):
            for part in (name.encode(), text.encode()):
                digest.update(b"%d:" % len(part) + part)
        return digest.hexdigest()

    def error(self, message: str, name: str, line: int | None = None) -> TemplateError:
        """The error to raise for a line of the file of that name."""
        return TemplateError(message, path=self.folder / name, line=line)


@dataclass
class Source:
    """A text put together from files."""

    files: Files
    text: str = ""
    _starts: list[int] = field(default_factory=list)
    _origins: list[tuple[str, int]] = field(default_factory=list)

    def add(self, name: str, line: int, piece: str) -> None:
        """Appends a piece that begins on that line of that file."""
        self._starts.append(len(self.text))
        self._origins.append((name, line))
        self.text += piece

    def where(self, offset: int) -> tuple[str, int]:
        """The file and the line from which the character at this offset comes."""
        at = max(0, bisect_right(self._starts, offset) - 1)
        name, line = self._origins[at]
        return name, line + self.text.count("\n", self._starts[at], offset)

    def error(self, message: str, offset: int) -> TemplateError:
        """The error to raise for the character at this offset."""
        return self.files.error(message, *self.where(offset))


def whole(files: Files, name: str) -> Source:
    """One file as a source of its own, nothing expanded."""
    source = Source(files)
    source.add(name, 1, files.texts[name])
    return source


def expanded(files: Files, name: str) -> Source:
    """The file with each ``<mj-include>`` replaced by the file that it names, relative to the including one.

    Raises `TemplateError` for an include that is missing, leads out of the folder, goes round in a circle or too deep.
    """
    source = Source(files)
    _expand(source, files, name, (name,))
    return source


def _expand(source: Source, files: Files, name: str, trail: tuple[str, ...]) -> None:
    own = whole(files, name)
    done = 0
    for tag in tokens(own, mask(own)):
        if not isinstance(tag, Tag) or tag.name != "mj-include":
            continue
        if tag.closing:
            if own.text[done : tag.start].strip():
                raise own.error('An <mj-include> has no content: write <mj-include path="…" />', tag.start)
            done = tag.end
            continue
        source.add(name, own.where(done)[1], own.text[done : tag.start])
        done = tag.end
        target = _target(own, tag)
        if target in trail:
            raise own.error(
                f"{target} includes itself ({' → '.join((*trail, target))}): take one of these includes out", tag.start
            )
        if len(trail) >= DEEPEST_INCLUDE:
            raise own.error(f"Includes go more than {DEEPEST_INCLUDE} deep: include the file from page.mjml", tag.start)
        _expand(source, files, target, (*trail, target))
        if len(source.text) > MOST_CHARACTERS:
            raise own.error("With its includes the page is longer than 1 MB: include less", tag.start)
    source.add(name, own.where(done)[1], own.text[done:])


def _target(own: Source, tag: Tag) -> str:
    name = own.where(tag.start)[0]
    values = {a.name: a.value for a in tag.attributes}
    if unknown := set(values) - {"path"}:
        raise own.error(
            f'<mj-include> takes a path alone, not "{min(unknown)}": put CSS into <mj-style> or content.css', tag.start
        )
    path = values.get("path") or ""
    if not path or "{" in path:
        raise own.error(
            '<mj-include> needs a path that stands there in words: <mj-include path="partials/footer.mjml" />',
            tag.start,
        )
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    if path.startswith("/") or "\\" in path or target.startswith(".."):
        raise own.error(
            f'"{path}" leads out of the template folder: put the file into it and write its path from {name}', tag.start
        )
    if target not in own.files.texts or not target.endswith(".mjml"):
        raise own.error(
            f'There is no "{target}" in the template folder: write the path of an .mjml file relative to {name}',
            tag.start,
        )
    return target
