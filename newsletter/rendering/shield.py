"""Jinja in MJML, found and hidden: mrml must never see a ``<`` or a quote that belongs to an expression.

The scanner follows Jinja's own lexer: strings and brackets inside an expression do not end it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newsletter.rendering.source import Source

# Python, into which Jinja compiles, refuses twenty loops in each other and two hundred brackets.
DEEPEST_BLOCK = 15
DEEPEST_BRACKET = 50

_ENDS = {"{{": "}}", "{%": "%}", "{#": "#}"}
_NAMES = {"{{": "expression", "{%": "statement", "{#": "comment"}
_INSIDE = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[-+]?[}%]\}|[()\[\]{}'"]""", re.S)
_KEYWORD = re.compile(r"\{%[-+]?\s*(\w+)")
_BLOCKS = {"if", "for", "macro", "call", "filter", "block", "with", "autoescape", "trans"}
_BRANCHES = {"else", "elif"}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of Jinja in a text: ``kind`` is its first two characters, ``text`` all of it, delimiters included."""

    start: int
    end: int
    text: str

    @property
    def kind(self) -> str:
        return self.text[:2]

    @property
    def keyword(self) -> str:
        """The statement's first word; empty for expressions and comments."""
        found = _KEYWORD.match(self.text)
        return found[1] if found else ""

    @property
    def opens(self) -> str:
        """The keyword, where the statement opens a block that an ``end…`` closes, else empty."""
        word = self.keyword
        if word == "set":
            return "" if "=" in self.text else "set"
        return word if word in _BLOCKS else ""

    @property
    def branches(self) -> bool:
        return self.keyword in _BRANCHES


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with each piece of Jinja replaced by as many letters (line breaks stay), so that offsets agree."""

    text: str
    spans: tuple[Span, ...]

    def within(self, start: int, end: int) -> tuple[Span, ...]:
        """The pieces of Jinja that begin in ``start <= offset < end``."""
        return self.spans[bisect_left(self.spans, start, key=_start) : bisect_left(self.spans, end, key=_start)]


def _start(span: Span) -> int:
    return span.start


def mask(source: Source) -> Masked:
    """Hides the Jinja of a source. Raises `TemplateError` where it is not closed or too deep, and for ``{% raw %}``."""
    text, spans, pieces, done, blocks = source.text, [], [], 0, 0
    while (found := re.compile(r"\{[{%#]").search(text, done)) is not None:
        start = found.start()
        end = _end(source, start)
        span = Span(start, end, text[start:end])
        if span.keyword == "raw":
            raise source.error("{% raw %} cannot stand here: write {{ '{{' }} for two braces", start)
        blocks += bool(span.opens) - span.keyword.startswith("end")
        if blocks > DEEPEST_BLOCK:
            raise source.error(f"Jinja blocks are nested more than {DEEPEST_BLOCK} deep: make macros of some", start)
        spans.append(span)
        pieces += [text[done:start], re.sub(r"[^\n]", "j", span.text)]
        done = end
    pieces.append(text[done:])
    return Masked("".join(pieces), tuple(spans))


def _end(source: Source, start: int) -> int:
    text, opening = source.text, source.text[start : start + 2]
    closing = _ENDS[opening]
    if opening == "{#":
        if (at := text.find("#}", start + 2)) < 0:
            raise source.error("This Jinja comment is never closed: write #} after it", start)
        return at + 2
    depth, at = 0, start + 2
    while (found := _INSIDE.search(text, at)) is not None:
        piece = found[0]
        if piece.endswith(closing) and not depth and piece[0] not in "'\"":
            return found.end()
        if piece[-2:] in ("}}", "%}") and piece[0] not in "'\"":
            # Not our end: a bracket that closes inside, or a percent sign. Look at its first character alone.
            depth -= piece[0] == "}" and depth > 0
            at = found.start() + 1
            continue
        if piece in ("'", '"'):
            raise source.error(
                f"A string in this Jinja {_NAMES[opening]} is never closed: write {piece} after it", start
            )
        depth += (piece in "([{") - (piece in ")]}" and depth > 0)
        if depth > DEEPEST_BRACKET:
            raise source.error(f"Brackets in Jinja are nested more than {DEEPEST_BRACKET} deep: use {{% set %}}", start)
        at = found.end()
    raise source.error(f"This Jinja {_NAMES[opening]} is never closed: write {closing} after it", start)
