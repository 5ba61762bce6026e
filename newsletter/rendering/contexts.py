"""Where a slot stands in HTML or MJML, as a browser reads it and as Outlook reads its conditional comments."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Context(StrEnum):
    """How a value is encoded for where it stands."""

    TEXT = "text"
    ATTRIBUTE = "attribute"
    URL = "url"
    URL_PART = "url part"
    PLAIN = "plain"


_TOKEN = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))|<(/?)([A-Za-z][^\s/>]*)|<[!?/][^>]*(?:>|\Z)", re.DOTALL)
# The attributes of a tag as the HTML standard's tokenizer reads them (13.2.5.32 to 13.2.5.39), up to its ``>``.
_VALUE = r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+)"""
_ATTRIBUTE = re.compile(rf"[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+({_VALUE}))?+")
_REST_OF_TAG = re.compile(rf"(?:[\s/]++|[^\s/>][^\s/>=]*+(?:\s*+=\s*+{_VALUE})?+)*+(>?)")
_CONDITIONAL = re.compile(r"<!--\[if [^\]]*\]>(.*)<!\[endif\]-->", re.DOTALL | re.IGNORECASE)
_RAW = frozenset(
    [
        "style",
        "script",
        "xmp",
        "iframe",
        "noembed",
        "noframes",
        "noscript",
        "plaintext",
        "svg",
        "math",
        "mj-style",
        "mj-html-attributes",
    ]
)
_RCDATA = frozenset({"title", "textarea"})
_HOLDS_WORDS = frozenset({"style", "script", *_RCDATA})
_SPEAKING = frozenset(
    [
        "alt",
        "title",
        "summary",
        "abbr",
        "label",
        "placeholder",
        "aria-label",
        "aria-description",
        "aria-placeholder",
        "aria-valuetext",
    ]
)
_URL_TAGS = {
    "href": re.compile(r"a|area|v:\w+|mj-button|mj-image|mj-navbar-link|mj-social-element|mj-carousel-image"),
    "src": re.compile(r"img|v:\w+|mj-image|mj-social-element|mj-carousel-image"),
}
_BEFORE_URL_PART = re.compile(r"(?:https?://[^/?#\s]+[^?#]*|mailto:[^?]*)[?#]", re.IGNORECASE)

_IN_WORDS = "write it between tags, or in a quoted alt, title or aria-label"


@dataclass(frozen=True, slots=True)
class Word:
    """What stands for a slot: its offsets, its index, the slot's name, and whether it has the form of a URL."""

    start: int
    end: int
    index: int
    name: str
    is_url: bool


class Misplaced(Exception):
    """``word`` stands where no encoding is safe; ``why`` goes on after "the slot …"."""

    def __init__(self, where: Word, why: str) -> None:
        self.word, self.why = where, why


def contexts(document: str, words: Sequence[Word], start: int, end: int) -> Iterator[tuple[Word, Context]]:
    """Each word between two offsets with its context. Raises `Misplaced` for one that has none."""
    left = iter([w for w in words if start <= w.start < end])
    ahead = next(left, None)
    at = start
    while ahead is not None:
        token = _TOKEN.search(document, at, end)
        until = token.start() if token else end
        while ahead is not None and ahead.start < until:
            yield ahead, Context.TEXT
            ahead = next(left, None)
        if token is None or ahead is None:
            return
        at = token.end()
        if token[2] is None:
            inner = _CONDITIONAL.fullmatch(token[0])
            if inner and ahead.start < at:
                yield from contexts(document, words, token.start() + inner.start(1), token.start() + inner.end(1))
            while ahead is not None and ahead.start < at:
                if not inner or not inner.start(1) <= ahead.start - token.start() < inner.end(1):
                    raise Misplaced(ahead, "stands in a comment, where no reader sees it; take it out")
                ahead = next(left, None)
            continue
        rest = _REST_OF_TAG.match(document, at, end)
        at = rest.end() if rest else end
        name = token[2].lower()
        while ahead is not None and ahead.start < at:
            yield ahead, _in_tag(document, ahead, name, token, at, bool(rest and rest[1]))
            ahead = next(left, None)
        mjml_empty = name.startswith("mj-") and document[at - 2 : at] == "/>"
        if token[1] or mjml_empty or (name not in _RAW and name not in _RCDATA):
            continue
        close = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(document, at, end)
        at = close.start() if close else end
        while ahead is not None and ahead.start < at:
            if name in _RAW:
                raise Misplaced(ahead, f"stands inside <{name}>, where nothing can make it safe; {_IN_WORDS}")
            yield ahead, Context.TEXT
            ahead = next(left, None)


class Tag(NamedTuple):
    """A tag by its offsets. ``name`` is in small letters, that of an end tag with its slash; empty for a comment."""

    start: int
    end: int
    name: str
    after_name: int


def tags(document: str, start: int = 0, end: int | None = None) -> Iterator[Tag]:
    """The tags and comments of a document in order; those in scripts, style sheets and fields of text are none."""
    end = len(document) if end is None else end
    at = start
    while token := _TOKEN.search(document, at, end):
        at = token.end()
        if token[2] is None:
            if token[0].startswith("<!--"):
                yield Tag(token.start(), at, "", at)
            continue
        rest = _REST_OF_TAG.match(document, at, end)
        name, after_name, at = token[2].lower(), at, rest.end() if rest else end
        yield Tag(token.start(), at, token[1] + name, after_name)
        if not token[1] and name in _HOLDS_WORDS:
            close = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(document, at, end)
            at = close.start() if close else end


def attributes(document: str, tag: Tag) -> dict[str, str]:
    """The attributes of a tag, unescaped, by their names in small letters; of two with one name the first."""
    found: dict[str, str] = {}
    for one in _ATTRIBUTE.finditer(document, tag.after_name, tag.end):
        value = one[2] or ""
        found.setdefault(one[1].lower(), html.unescape(value[1:-1] if value[:1] in ("'", '"') else value))
    return found


def hrefs(document: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Where the quoted addresses of links stand, in Outlook's conditional comments too: offsets between the quotes."""
    for tag in tags(document, start, end):
        if not tag.name:
            if inner := _CONDITIONAL.fullmatch(document, tag.start, tag.end):
                yield from hrefs(document, inner.start(1), inner.end(1))
        elif _URL_TAGS["href"].fullmatch(tag.name):
            for attribute in _ATTRIBUTE.finditer(document, tag.after_name, tag.end):
                if attribute[1].lower() == "href" and attribute[2] and attribute[2][0] in "\"'":
                    yield attribute.start(2) + 1, attribute.end(2) - 1


def _in_tag(document: str, where: Word, tag: str, token: re.Match[str], end: int, closed: bool) -> Context:
    if token[1] or where.start < token.end() or not closed:
        raise Misplaced(where, f"stands in a tag itself, outside every attribute value; {_IN_WORDS}")
    at = token.end()
    while attribute := _ATTRIBUTE.match(document, at, end):
        at = attribute.end()
        if where.start >= at:
            continue
        name, value = attribute[1].lower(), attribute[2]
        if value is None or where.start < attribute.start(2):
            break
        if value[0] not in "\"'":
            raise Misplaced(where, f'stands in an attribute without quotes; write {name}="…" with quotes')
        return _in_attribute(document, where, tag, name, attribute.start(2) + 1, attribute.end(2) - 1)
    raise Misplaced(where, f"stands in a tag itself, outside every attribute value; {_IN_WORDS}")


def _in_attribute(document: str, where: Word, tag: str, name: str, start: int, end: int) -> Context:
    if name in _SPEAKING or name.startswith("data-"):
        return Context.ATTRIBUTE
    if name not in _URL_TAGS or not _URL_TAGS[name].fullmatch(tag):
        raise Misplaced(where, f"stands in the attribute {name} of <{tag}>, which has no safe encoding; {_IN_WORDS}")
    before, after = document[start : where.start].lstrip(), document[where.end : end].rstrip()
    if not before and not after:
        if not where.is_url:
            raise Misplaced(where, f"holds words and not a URL, and stands as the whole {name}; {_IN_WORDS}")
        return Context.URL
    if _BEFORE_URL_PART.match(before):
        return Context.URL_PART
    raise Misplaced(
        where, f"stands in the address part of a URL, before any ?; write it as the whole {name}, or in the query"
    )
