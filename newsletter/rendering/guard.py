"""A sound template rewritten so that mrml says what was meant.

mrml prints attribute values as Rust debug strings: a line break becomes the two characters ``\\n``, a no-break space
the text ``\\u{a0}``, and a quotation mark closes the attribute. It also ignores a padding with a unitless ``0`` when it
calculates widths. Numeric references and ``0px`` survive, so values are written with these.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from newsletter.rendering.markup import Attribute, Comment, Tag, Text, Token
from newsletter.rendering.shield import Masked, Span
from newsletter.rendering.source import Source

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_WITH_ALT = ("mj-image", "mj-social-element", "mj-carousel-image")


@dataclass
class Guarded:
    """What mrml is given: ``text``, with a word for each piece of Jinja, and the way back."""

    text: str = ""
    hidden: list[tuple[Span, bool]] = field(default_factory=list)
    """What is behind each word (Jinja, or characters of a style sheet), and whether it stands in an attribute."""
    mark: str = ""
    _starts: list[int] = field(default_factory=list)
    _offsets: list[int] = field(default_factory=list)

    def add(self, piece: str, offset: int) -> None:
        self._starts.append(len(self.text))
        self._offsets.append(offset)
        self.text += piece

    def word(self, index: int) -> str:
        """The word for the Jinja with this index: ASCII letters and digits alone, which mrml leaves as they are."""
        return f"jq{self.mark}x{index:05d}z"

    @property
    def words(self) -> re.Pattern[str]:
        return re.compile(rf"jq{self.mark}x(\d{{5,}})z")

    def origin(self, byte: int) -> int:
        """The offset in the source of what stands at this byte (UTF-8) of the guarded text."""
        offset = len(self.text.encode()[:byte].decode(errors="ignore"))
        return self._offsets[max(0, bisect_right(self._starts, offset) - 1)]


def guard(source: Source, masked: Masked, tokens: Iterable[Token]) -> Guarded:
    """Rewrites checked tokens. Comments that Outlook does not read, and Jinja comments, are left out."""
    guarded = Guarded(mark=_mark(source.text))
    for token in tokens:
        if isinstance(token, Text):
            guarded.add(_text(guarded, source, masked, token), token.start)
        elif isinstance(token, Comment):
            if token.conditional:
                guarded.add(_hide(guarded, source, masked, token.start, token.end), token.start)
        elif token.closing:
            guarded.add(f"</{token.name}>", token.start)
        else:
            guarded.add(_tag(guarded, source, masked, token), token.start)
    return guarded


def _mark(text: str) -> str:
    number = 0
    while f"jq{number}x" in text:
        number += 1
    return str(number)


def _hide(guarded: Guarded, source: Source, masked: Masked, start: int, end: int, *, attribute: bool = False) -> str:
    pieces, at = [], start
    for span in masked.within(start, end):
        pieces.append(source.text[at : span.start])
        at = span.end
        if span.kind != "{#":
            pieces.append(guarded.word(len(guarded.hidden)))
            guarded.hidden.append((span, attribute))
    return "".join((*pieces, source.text[at:end]))


def _text(guarded: Guarded, source: Source, masked: Masked, token: Text) -> str:
    if token.inside in ("mj-title", "title"):
        # mrml prints the title in an attribute too, the label of the mail for screen readers.
        return _encoded(_hide(guarded, source, masked, token.start, token.end, attribute=True))
    text = _hide(guarded, source, masked, token.start, token.end)
    # mrml panics at a > that follows a character of three bytes or more, such as a typographic quotation mark.
    return text.replace(">", "&gt;") if not token.inside else _NOT_ASCII.sub(partial(_hidden, guarded, token), text)


def _hidden(guarded: Guarded, token: Text, found: re.Match[str]) -> str:
    guarded.hidden.append((Span(token.start, token.end, found[0]), False))
    return guarded.word(len(guarded.hidden) - 1)


def _tag(guarded: Guarded, source: Source, masked: Masked, tag: Tag) -> str:
    written = [f"<{tag.name}"]
    for attribute in tag.attributes:
        if attribute.value is None:
            written.append(attribute.name)
        else:
            value = _hide(guarded, source, masked, attribute.start, attribute.end, attribute=True)
            written.append(f'{attribute.name}="{_encoded(_padded(tag, attribute, value))}"')
    if tag.name in _WITH_ALT and tag.get("alt") is None:
        written.append('alt=""')
    return " ".join(written) + (" />" if tag.empty else ">")


def _padded(tag: Tag, attribute: Attribute, value: str) -> str:
    if tag.name.startswith("mj-") and "padding" in attribute.name:
        return re.sub(r"(?<![\w.#])0(?![\w.%])", "0px", value)
    return value


def _encoded(value: str) -> str:
    value = re.sub(r"[\t\n\r]+ *", " ", value).strip(" ")
    return "".join(char if " " <= char <= "~" and char not in '\\"<>' else f"&#{ord(char)};" for char in value)
