"""Reader slots: the words that stand for them, where they stand, and how a value is written there.

A slot is put into a template by name alone. Where it stands, and so how its value has to be encoded, is derived from
the frozen documents, inside Outlook's conditional comments too. A place that has no safe encoding is refused, so no
template can be written that lets a reader's name become markup.
"""

from __future__ import annotations

import html as _html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, TemplateSyntaxError

from newsletter.errors import TemplateError
from newsletter.rendering.contexts import Context, Misplaced, Word, contexts
from newsletter.rendering.model import SLOTS, ReaderValues, Slot

_URL_HOST = "https://slot.invalid/"
URL_SLOTS = tuple(name for name in SLOTS if name.endswith("_url"))
"""The reader slots whose values are URLs."""


def word(nonce: str, index: int) -> str:
    """What stands for a slot of words in a frozen document."""
    return f"mbq{nonce}x{index:02d}z"


def url_word(nonce: str, index: int) -> str:
    """What stands for a slot whose value is a URL: itself a URL, so that validators see one."""
    return _URL_HOST + word(nonce, index)


@dataclass(frozen=True, slots=True)
class Place:
    """One occurrence of a slot: ``document[start:end]`` is its word. Offsets are characters."""

    start: int
    end: int
    index: int
    context: Context


@dataclass(frozen=True, slots=True)
class Places:
    """Every occurrence in the two documents of a variant, in order."""

    html: tuple[Place, ...]
    text: tuple[Place, ...]


class MisplacedSlot(TemplateError):
    """A slot stands where it must not.

    ``offset`` is its character in the frozen document, ``excerpt`` what stands around it. In an error about a template
    source ``path`` and ``line`` are set instead.
    """

    def __init__(
        self, message: str, *, path: Path | None = None, line: int | None = None, offset: int = -1, excerpt: str = ""
    ) -> None:
        super().__init__(message + (f": {excerpt}" if excerpt else ""), path=path, line=line)
        self.offset, self.excerpt = offset, excerpt


# --- the values ---------------------------------------------------------------------------------------------------

_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_SUSPECT = re.compile(_CONTROLS.pattern + "|" + _BREAKS.pattern)
_URL = re.compile(r"(?:https?://[^/?#\s@\\]+(?:[/?#]|\Z)|mailto:[^\s])", re.IGNORECASE | re.ASCII)
_URL_CLEAN = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]+")


def clean_value(value: str) -> str:
    """Words of a reader on one line: line breaks become a blank, C0, C1 and bidi controls go, ends are trimmed."""
    if value.isascii() and value.isprintable():
        return value.strip()
    return _CONTROLS.sub("", _BREAKS.sub(" ", value)).strip() if _SUSPECT.search(value) else value.strip()


def clean_url(value: str) -> str:
    """A reader's URL in plain ASCII: controls and line breaks go, what no URL may hold is percent-encoded.

    Raises ValueError for anything but an absolute http, https or mailto URL with an ASCII host.
    """
    if not _URL_CLEAN.fullmatch(value):
        value = _CONTROLS.sub("", _BREAKS.sub("", value)).strip()
        value = quote(value, safe="-._~:/?#[]@!$&()*+,;=%")
    match = _URL.match(value)
    if not match or "%" in match[0]:
        raise ValueError(f"{value[:80]!r} is no http, https or mailto URL")
    return value


def spoken(slot: Slot, reader: ReaderValues) -> str:
    """What a reader's slot says, before it is encoded for its place: before + value + after, or the fallback."""
    value: str = getattr(reader, slot.name)
    value = clean_url(value) if slot.name in URL_SLOTS else clean_value(value)
    return f"{slot.before}{value}{slot.after}" if value else slot.fallback


def written(words: str, context: Context) -> str:
    """What a slot says, encoded for its place."""
    if context is Context.PLAIN:
        return words
    return quote(words, safe="") if context is Context.URL_PART else _html.escape(words)


def fill(document: str, places: Sequence[Place], slots: Sequence[Slot], reader: ReaderValues) -> str:
    """The frozen document as one reader sees it."""
    out, at = [], 0
    for place in places:
        out += [document[at : place.start], written(spoken(slots[place.index], reader), place.context)]
        at = place.end
    return "".join([*out, document[at:]])


# --- where they stand ---------------------------------------------------------------------------------------------


def scan(html: str, text: str, slots: Sequence[Slot], nonce: str) -> Places:
    """Finds every slot of a frozen variant and the context of each, in both documents.

    Raises `MisplacedSlot` for one that stands where no encoding is safe, for a mangled or unknown slot word, and for a
    slot that was filled in and appears in neither document.
    """
    html_words, text_words = _words(html, slots, nonce, "HTML"), _words(text, slots, nonce, "text")
    try:
        placed = tuple(
            Place(w.start, w.end, w.index, context) for w, context in contexts(html, html_words, 0, len(html))
        )
    except Misplaced as error:
        at = error.word
        raise MisplacedSlot(
            f"the slot {at.name} {error.why}", offset=at.start, excerpt=_excerpt(html, at.start, at.end, nonce)
        ) from None
    plain = tuple(Place(w.start, w.end, w.index, Context.PLAIN) for w in text_words)
    found = {place.index for place in placed + plain}
    for index, slot in enumerate(slots):
        if index not in found:
            raise MisplacedSlot(
                f"the slot {slot.name} was filled in and is in neither the HTML nor the text; "
                "print it as it is, without a filter"
            )
    for place in placed:
        slot = slots[place.index]
        if place.context is Context.URL and (slot.before or slot.after or slot.fallback):
            raise MisplacedSlot(
                f"the slot {slot.name} is a whole URL and has words around it; leave before, after and fallback out",
                offset=place.start,
                excerpt=_excerpt(html, place.start, place.end, nonce),
            )
    return Places(placed, plain)


def _words(document: str, slots: Sequence[Slot], nonce: str, part: str) -> list[Word]:
    found, at = [], []
    # Whether the host stands before a word is looked up by itself: as a part of the pattern it takes ten times as long.
    for match in re.finditer(rf"mbq{nonce}x(\d\d+)z", document):
        index, before = int(match[1]), match.start() - len(_URL_HOST)
        is_url = before >= 0 and document.startswith(_URL_HOST, before)
        start = before if is_url else match.start()
        if index >= len(slots) or match[0] != word(nonce, index):
            continue
        name = slots[index].name
        if is_url != (name in URL_SLOTS):
            call = "slot_url" if name in URL_SLOTS else "slot"
            raise MisplacedSlot(
                f"the slot {name} was filled in as {'a URL' if is_url else 'words'}; write {call}('{name}')",
                offset=start,
                excerpt=_excerpt(document, start, match.end(), nonce),
            )
        found.append(Word(start, match.end(), index, name, is_url))
        at.append(match.end())
    if document.lower().count(nonce) == len(found):
        return found
    whole = {w.start + len(_URL_HOST) * w.is_url + 3 for w in found}
    for stray in re.finditer(nonce, document, re.IGNORECASE):
        if stray.start() not in whole:
            raise MisplacedSlot(
                f"a slot was changed on its way into the {part}; print it as it is, without a filter",
                offset=stray.start(),
                excerpt=_excerpt(document, stray.start(), stray.end(), nonce),
            )
    return found


def _excerpt(document: str, start: int, end: int, nonce: str) -> str:
    around = document[max(0, start - 40) : end + 20]
    around = re.sub(rf"(?:{re.escape(_URL_HOST)})?mbq{nonce}x\d+z", "{slot}", around)
    return "… " + " ".join(around.split()) + " …"


# --- in a template, before anything is rendered -------------------------------------------------------------------

_JINJA = Environment(autoescape=True)
_CALLS = {"slot": False, "slot_url": True}


def check_slot_places(source: str, path: Path) -> None:
    """Looks where a template file of MJML or HTML prints slots. A text file (``.txt``) has no wrong places.

    Raises `TemplateError` with file and line for a slot in a place that has no safe encoding, and for Jinja that cannot
    be read. What only shows when the template is filled (a slot handed to a macro) is left to `scan`.
    """
    if ".txt" in path.suffixes:
        return
    try:
        document, words, lines = _masked(source)
    except TemplateSyntaxError as error:
        raise TemplateError(error.message or "this is no Jinja", path=path, line=error.lineno) from None
    try:
        for _ in contexts(document, words, 0, len(document)):
            pass
    except Misplaced as error:
        at = error.word
        raise MisplacedSlot(f"the slot {at.name} {error.why}", path=path, line=lines[at.index]) from None


def _masked(source: str) -> tuple[str, list[Word], list[int]]:
    """The template with something harmless in place of all Jinja, its slots, and the line of each."""
    masked: list[str] = []
    length = 0
    words: list[Word] = []
    lines: list[int] = []
    inside: list[tuple[str, str]] | None = None
    began = 1
    for line, kind, value in _JINJA.lex(source):
        piece = ""
        if kind == "data":
            piece = value
        elif kind == "variable_begin":
            inside, began = [], line
        elif kind == "variable_end":
            tokens, inside = inside or [], None
            # A value that begins with an expression is taken for a URL: `{{ base }}?x={{ slot_url(…) }}` is a fine one.
            piece = "https://jinja.invalid/" if masked and masked[-1][-1:] in "\"'" else "jinja"
            if len(tokens) > 2 and tokens[0][1] in _CALLS and tokens[1][1] == "(":
                name, is_url = tokens[2][1].strip("\"'"), _CALLS[tokens[0][1]]
                words.append(Word(length, length + len(piece), len(words), name, is_url))
                lines.append(began)
        elif inside is not None and kind != "whitespace":
            inside.append((kind, value))
        if piece:
            masked.append(piece)
            length += len(piece)
    return "".join(masked), words, lines
