"""What there is to know of an HTML part, read once: its head, headings, pictures, links and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from newsletter.checks.document import document

_SILENT = ("style", "script", "title", "head", "template")


@dataclass(frozen=True, slots=True)
class Picture:
    """An ``img``. ``alt`` and ``width`` are None where the attribute is missing."""

    src: str
    alt: str | None
    width: str | None
    line: int = 0
    """Where it stands in the HTML part, as that of all others here; 0 when unknown."""


@dataclass(frozen=True, slots=True)
class Link:
    """An ``a`` with an ``href``. ``text`` is what a screen reader says: its words, and its pictures' alt texts."""

    href: str
    text: str
    alts: tuple[str | None, ...]
    """Of the pictures in it."""
    line: int = 0


class Heading(NamedTuple):
    """An ``h1`` to ``h6``."""

    level: int
    words: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML part as facts."""

    doctype: bool
    """Whether it begins with ``<!doctype html>``."""
    lang: str
    direction: str
    title: str
    style_bytes: int
    charsets: tuple[str, ...]
    """What the head says of the encoding, in small letters."""
    headings: tuple[Heading, ...]
    pictures: tuple[Picture, ...]
    links: tuple[Link, ...]
    words: str
    """What a reader reads: the body's text, blocks parted by line breaks."""
    attributes: tuple[str, ...]
    """The values that readers meet as well: alt, title, aria-label."""

    @classmethod
    def read(cls, source: str) -> Page:
        """Reads an HTML document; what is no HTML at all is a page without anything."""
        root = document(source, comments=False)
        return cls(
            doctype=source.lstrip()[:15].lower() == "<!doctype html>",
            lang=root.get("lang", "").strip(),
            direction=root.get("dir", "").strip(),
            title=_line(root.findtext(".//title") or ""),
            style_bytes=sum(len((sheet.text or "").encode()) for sheet in root.iter("style")),
            charsets=tuple(_charsets(root)),
            headings=tuple(
                Heading(int(element.tag[1]), _line(_said(element)), element.sourceline or 0)
                for element in root.iter("h1", "h2", "h3", "h4", "h5", "h6")
            ),
            pictures=tuple(
                Picture(
                    element.get("src", "").strip(),
                    element.get("alt"),
                    element.get("width"),
                    element.sourceline or 0,
                )
                for element in root.iter("img")
            ),
            links=tuple(
                Link(
                    element.get("href", "").strip(),
                    _line(_said(element)),
                    tuple(picture.get("alt") for picture in element.iter("img")),
                    element.sourceline or 0,
                )
                for element in root.iter("a")
                if element.get("href") is not None
            ),
            words=_words(root),
            attributes=tuple(
                value for value in root.xpath("//@alt | //@title | //@aria-label", smart_strings=False) if value
            ),
        )


def _charsets(root: Any) -> Iterator[str]:
    for meta in root.iter("meta"):
        if (charset := meta.get("charset")) is not None:
            yield charset.strip().lower()
        elif meta.get("http-equiv", "").strip().lower() == "content-type" and "charset=" in meta.get("content", ""):
            yield meta.get("content", "").lower().partition("charset=")[2].strip(" \"';")


def _line(words: str) -> str:
    return " ".join(words.split())


def _said(element: Any) -> str:
    """The words of an element with the alt texts of its pictures, and its own label where it has one."""
    alts = " ".join(picture.get("alt") or "" for picture in element.iter("img"))
    return f"{element.get('aria-label') or ''.join(element.itertext())} {alts}"


_BLOCKS = frozenset(
    ("address", "article", "blockquote", "br", "div", "dd", "dl", "dt", "hr", "li", "ol", "p", "section", "ul")
)
_BLOCKS |= {"h1", "h2", "h3", "h4", "h5", "h6", "table", "td", "th", "tr"}


def _words(root: Any) -> str:
    parts: list[str] = []
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        element, closing = stack.pop()
        if closing:
            parts += ["\n" if element.tag in _BLOCKS else "", element.tail or ""]
            continue
        stack.append((element, True))
        if element.tag not in _SILENT:
            parts += ["\n" if element.tag in _BLOCKS else "", element.text or ""]
            stack += [(child, False) for child in reversed(element)]
    lines = (_line(line) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)
