"""Two versions of a story side by side: what readers would be told otherwise."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from newsletter.stories import markup
from newsletter.stories.models import StoryVersion
from newsletter.stories.words import write_bullets

_TOLD = ("kicker", "headline", "short_headline", "dek", "summary", "body", "bullets", "byline", "image", "url")
"""Tags, regions, section, priority, times, rights and notes are no reader's business."""
_LINES_AT_MOST = 2_000
_WORDS_AT_MOST = 1_500
"""Longer texts are not compared by word: the work grows with the square."""
_AROUND = 12
"""Words that are left of what stayed the same, on each side of a change."""
_WORD = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words of a comparison."""

    kind: Literal["same", "gone", "new"]
    words: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a story that readers see and that changed, by its name in `StoryVersion`."""

    name: str
    pieces: tuple[Piece, ...]


def changes(old: StoryVersion, new: StoryVersion) -> tuple[FieldChange, ...]:
    """What ``new`` tells readers otherwise than ``old``, in the order of a story; nothing where they tell the same."""
    return tuple(
        FieldChange(name, compared(_text(old, name), _text(new, name)))
        for name in _TOLD
        if getattr(old, name) != getattr(new, name)
    )


def _text(version: StoryVersion, name: str) -> str:
    value: Any = getattr(version, name)
    if name == "bullets":
        return write_bullets(value)
    if name == "image":
        return "\n".join(f"{key}: {words}" for key, words in (value or {}).items() if words)
    return markup.plain(value) if name == "body" else value


def compared(old: str, new: str) -> tuple[Piece, ...]:
    """Two texts as one, by words where they are short enough, else by lines. Of what stayed the middle is cut."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if max(len(before), len(after)) > _LINES_AT_MOST:
        found = [Piece("gone", old), Piece("new", new)]
    else:
        found = list(_blocks(before, after))
    return tuple(_cut(piece, first=at == 0, last=at == len(found) - 1) for at, piece in enumerate(found) if piece.words)


def _blocks(before: Sequence[str], after: Sequence[str]) -> Iterator[Piece]:
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        old, new = "".join(before[a:b]), "".join(after[c:d])
        if tag == "equal":
            yield Piece("same", old)
        elif tag == "replace":
            yield from _by_word(old, new)
        else:
            yield Piece("gone", old)
            yield Piece("new", new)


def _by_word(old: str, new: str) -> Iterator[Piece]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if max(len(before), len(after)) > 2 * _WORDS_AT_MOST:  # the blanks between words count too
        yield Piece("gone", old)
        yield Piece("new", new)
        return
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(before[a:b]))
        else:
            yield Piece("gone", "".join(before[a:b]))
            yield Piece("new", "".join(after[c:d]))


def _cut(piece: Piece, *, first: bool, last: bool) -> Piece:
    words = _WORD.findall(piece.words)
    most = 2 * _AROUND
    if piece.kind != "same" or len(words) <= 2 * most + 1:
        return piece
    head = "" if first else "".join(words[:most])
    tail = "" if last else "".join(words[-most:])
    return Piece("same", f"{head} … {tail}")
