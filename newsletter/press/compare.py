"""An edition beside the last one of its briefing that was sent: is it yesterday's again?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from sqlalchemy import select

from newsletter.editions import store
from newsletter.editions.models import Edition
from newsletter.editions.states import State
from newsletter.errors import NotFound
from newsletter.press.contents import Told, contents
from newsletter.press.messages import rendered_for
from newsletter.press.preview import segments_of
from newsletter.press.site import Site
from newsletter.rendering.model import Rendered

Kind = Literal["new", "changed", "moved", "kept", "gone"]
_AROUND = 2
"""Lines that are shown around a difference."""
_MOST_LINES = 3_000
"""Lines of a text that are compared."""


class Piece(NamedTuple):
    """Some words, or one line."""

    change: Literal["same", "added", "removed", "skipped"]
    words: str


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a story. ``was`` and ``now`` are its numbers in the two mails, None where it is not in one."""

    kind: Kind
    slug: str
    headline: str
    was: int | None
    now: int | None
    words: tuple[Piece, ...] = ()
    """Of a changed one: what is new in its headline."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``before`` is the key of the edition that was sent."""

    before: str
    segment: str
    before_segment: str
    """The same one, or the first of the other edition where that did not go to it."""
    segments: tuple[str, ...]
    subject: tuple[Piece, ...]
    preheader: tuple[Piece, ...]
    text: tuple[Piece, ...]
    """The lines of the plain text that differ, each with the two around it; empty where none does."""
    stories: tuple[Fate, ...]
    """In today's order; those that are gone come last."""

    def count(self, kind: Kind) -> int:
        """How many stories have that fate."""
        return sum(story.kind == kind for story in self.stories)


def compare(site: Site, key: str, segment: str = "") -> Comparison | None:
    """What differs for a segment (the first, if none is named). None where no edition was sent before.

    Raises `NotFound`, `Refused`, `TemplateError`.
    """
    segments = segments_of(site, key)
    if segment and segment not in segments:
        raise NotFound(f"{key} does not go to {segment!r}: it goes to {', '.join(segments)}")
    segment = segment or segments[0]
    if (before := _last_sent(site, key)) is None:
        return None
    others = segments_of(site, before)
    other = segment if segment in others else others[0]
    _, new = rendered_for(site, key, segment)
    _, old = rendered_for(site, before, other)
    with site.database.reading() as session:
        told = contents(site, session, store.find(session, key), segment)
        was_told = contents(site, session, store.find(session, before), other)
    return Comparison(
        before=before,
        segment=segment,
        before_segment=other,
        segments=segments,
        subject=tuple(words(old.subject, new.subject)),
        preheader=tuple(words(old.preheader, new.preheader)),
        text=tuple(lines(_bare(old), _bare(new))),
        stories=tuple(fates(was_told, told)),
    )


def _last_sent(site: Site, key: str) -> str | None:
    with site.database.reading() as session:
        edition = store.find(session, key)
        last = session.scalars(
            select(Edition)
            .where(
                Edition.briefing == edition.briefing,
                Edition.edition_date < edition.edition_date,
                Edition.state == State.SENT,
            )
            .order_by(Edition.edition_date.desc())
            .limit(1)
        ).one_or_none()
        return None if last is None else last.key


def _bare(rendered: Rendered) -> list[str]:
    """The lines of the text, with the names of reader slots in their places: their words are of one edition."""

    def named(match: re.Match[str]) -> str:
        index = int(match[1])
        return f"[{rendered.slots[index].name}]" if index < len(rendered.slots) else match[0]

    text = re.sub(rf"(?:https://slot\.invalid/)?mbq{rendered.nonce}x(\d{{2,}})z", named, rendered.text)
    return text.splitlines()[:_MOST_LINES]


def words(before: str, now: str) -> Iterator[Piece]:
    """Two lines as the words that stayed, went and came."""
    old, new = re.findall(r"\s+|[^\s]+", before), re.findall(r"\s+|[^\s]+", now)
    for change, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if change == "equal":
            yield Piece("same", "".join(old[a:b]))
            continue
        if a < b:
            yield Piece("removed", "".join(old[a:b]))
        if c < d:
            yield Piece("added", "".join(new[c:d]))


def lines(before: Sequence[str], now: Sequence[str]) -> Iterator[Piece]:
    """The lines that went and came, each with what stands around it; nothing where the two are the same."""
    for number, group in enumerate(SequenceMatcher(None, before, now, autojunk=False).get_grouped_opcodes(_AROUND)):
        if all(change == "equal" for change, *_ in group):
            return
        if number:
            yield Piece("skipped", "")
        for change, a, b, c, d in group:
            if change == "equal":
                yield from (Piece("same", line) for line in before[a:b])
                continue
            yield from (Piece("removed", line) for line in before[a:b])
            yield from (Piece("added", line) for line in now[c:d])


def fates(before: Sequence[Told], now: Sequence[Told]) -> Iterator[Fate]:
    """What became of every story of either list.

    Moved is what others of both lists overtook: that a story before it came or went moves nothing.
    """
    was = {told.story: (number, told) for number, told in enumerate(before, 1)}
    here = {told.story for told in now}
    old_order = [told.story for told in before if told.story in here]
    new_order = [told.story for told in now if told.story in was]
    stayed = {
        story
        for a, _, size in SequenceMatcher(None, old_order, new_order, autojunk=False).get_matching_blocks()
        for story in old_order[a : a + size]
    }
    for number, told in enumerate(now, 1):
        if told.story not in was:
            yield Fate("new", told.slug, told.headline, None, number)
            continue
        place, old = was[told.story]
        if (old.version, old.headline) != (told.version, told.headline):
            change = tuple(words(old.headline, told.headline)) if old.headline != told.headline else ()
            yield Fate("changed", told.slug, told.headline, place, number, change)
        else:
            yield Fate("kept" if told.story in stayed else "moved", told.slug, told.headline, place, number)
    for number, told in enumerate(before, 1):
        if told.story not in here:
            yield Fate("gone", told.slug, told.headline, number, None)
