"""MJML and HTML cut into tags, comments and text, with offsets. What a browser would guess at is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newsletter.rendering.shield import Masked
    from newsletter.rendering.source import Source

VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))
INLINE_ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        """a abbr acronym b bdi bdo big br cite code del dfn em font i img ins kbd label mark q s samp small span strike
        strong sub sup time tt u var wbr""",
    )
)
RAW_TEXT = ("mj-style", "style", "script", "mj-title", "title", "mj-preview")

_NAME = re.compile(r"</?([A-Za-z][\w:.-]*)")
_ATTRIBUTE = re.compile(r"""\s*([^\s=<>"'/]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'=<>`]+))?""")
_BLANK = re.compile(r"\s*")
_TEXT = re.compile(r"[^<]+")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as written, Jinja and all. ``value`` stands from ``start`` to ``end``; None for a bare name."""

    name: str
    value: str | None
    at: int
    start: int
    end: int
    quoted: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """``<name …>``, ``<name … />`` or ``</name>``. A void HTML element counts as empty with or without its slash."""

    name: str
    start: int
    end: int
    closing: bool
    empty: bool
    attributes: tuple[Attribute, ...] = ()

    def get(self, name: str) -> str | None:
        """The value of the first attribute of that name; empty for a bare name, None where there is none."""
        return next((a.value or "" for a in self.attributes if a.name == name), None)


@dataclass(frozen=True, slots=True)
class Text:
    """What stands between tags. ``inside`` names the element where it is the content of a style sheet or a title."""

    start: int
    end: int
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """``<!-- … -->``; ``conditional`` for what Outlook reads (``<!--[if mso]>`` and the like)."""

    start: int
    end: int
    conditional: bool


Token = Tag | Text | Comment


def tokens(source: Source, masked: Masked) -> Iterator[Token]:
    """The tokens of a source in order, without a gap. Raises `TemplateError` where the markup cannot be read."""
    text, at, raw = masked.text, 0, ""
    while at < len(text):
        if raw:
            end = text.find(f"</{raw}", at)
            if end < 0:
                raise source.error(f"<{raw}> is never closed: write </{raw}>", at)
            if end > at:
                yield Text(at, end, inside=raw)
            at, raw = end, ""
        if text[at] != "<":
            found = _TEXT.match(text, at)
            assert found is not None
            yield Text(at, found.end())
            at = found.end()
            continue
        token = _comment(source, text, at) if text.startswith("<!", at) else _tag(source, masked, at)
        yield token
        at = token.end
        if isinstance(token, Tag) and token.name in RAW_TEXT and not token.closing and not token.empty:
            raw = token.name


def _comment(source: Source, text: str, at: int) -> Comment:
    if text.startswith("<!--", at):
        end = text.find("-->", at + 4)
        if end < 0:
            raise source.error("This comment is never closed: write --> after it", at)
        return Comment(at, end + 3, text.startswith(("<!--[if", "<!--<![endif]"), at))
    if text.startswith("<![", at) and not text.startswith("<![CDATA", at):
        end = text.find("]>", at)
        if end > 0:
            return Comment(at, end + 2, True)
    raise source.error("A DOCTYPE or CDATA has no place here: take it out, the doctype is written for you", at)


def _tag(source: Source, masked: Masked, at: int) -> Tag:
    text = masked.text
    named = _NAME.match(text, at)
    if named is None:
        raise source.error("A < that begins no tag: write &lt;", at)
    name, closing, here = named[1], text[at + 1] == "/", named.end()
    if masked.within(at, here):
        raise source.error(
            "Jinja cannot make the name of a tag: write the tags out and choose between them with {% if %}", at
        )
    attributes: list[Attribute] = []
    while True:
        blank = _BLANK.match(text, here)
        assert blank is not None
        here = blank.end()
        if text.startswith("/>", here) or text.startswith(">", here):
            end = here + (2 if text[here] == "/" else 1)
            break
        found = _ATTRIBUTE.match(text, here)
        if found is None:
            raise source.error(
                f'<{name}> cannot be read from here on: close it with >, and write attributes as name="value"', here
            )
        if masked.within(found.start(1), found.end(1)):
            raise source.error(
                f"Jinja in <{name}> stands outside of an attribute's value: "
                'write name="{{ … }}", or two tags and {% if %}',
                here,
            )
        start, stop = found.span(2)
        quoted = start >= 0 and text[start] in "\"'"
        if quoted:
            start, stop = start + 1, stop - 1
        attributes.append(
            Attribute(found[1], None if start < 0 else source.text[start:stop], found.start(1), start, stop, quoted)
        )
        here = found.end()
    if closing and attributes:
        raise source.error(f"</{name}> has attributes: write them in the opening tag", at)
    return Tag(name, at, end, closing, text[end - 2] == "/" or name.lower() in VOID, tuple(attributes))
