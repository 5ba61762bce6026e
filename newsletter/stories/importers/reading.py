"""What all importers share: what they are told, instants as sources write them, and drafts that turn out unfit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from newsletter.clock import local_instant
from newsletter.errors import ImportRefused
from newsletter.stories.draft import Problem, StoryDraft, Unfit
from newsletter.stories.importers.document import Document

Item = StoryDraft | ImportRefused


@dataclass(frozen=True, slots=True)
class Reading:
    """What importers are told. ``edition_names``: names that a note's picture text may begin with. ``timezone``: the
    IANA zone of times that come without one."""

    edition_names: tuple[str, ...] = ()
    timezone: str = "UTC"


Importer = Callable[[Document, Reading], Iterator[Item]]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE)


def instant(words: str, zone: str) -> datetime:
    """The UTC instant of a date or time in the form of ISO 8601 or RFC 3339; without an offset, in an IANA zone; a date
    alone is its first moment. Raises ValueError that says what to write."""
    words = words.strip()
    try:
        if _DAY.fullmatch(words):
            return local_instant(date.fromisoformat(words), time(), zone)
        if _INSTANT.fullmatch(words):
            stated = datetime.fromisoformat(words.upper().replace(" ", "T"))
            if stated.tzinfo is None:
                return local_instant(stated.date(), stated.time(), zone)
            return stated.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{words[:60]!r} is no time: write for example 2026-11-23T05:30:00+01:00")


def suggestion(word: str, among: Collection[str]) -> str:
    """``: did you mean title?``, or what there is to choose from."""
    near = difflib.get_close_matches(word.lower().replace("-", "_"), among, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"write one of {', '.join(among)}"


def drafted(
    document: Document, describe: Callable[[Problem], tuple[str, int | None]], **content: Any
) -> Iterator[StoryDraft | ImportRefused]:
    """The draft, or one error for each problem; ``describe`` says what to call a problem's field, and its line."""
    try:
        yield StoryDraft(**content)
    except Unfit as unfit:
        for problem in unfit.problems:
            name, line = describe(problem)
            yield document.refuse(f"{name} {problem.message}", line)
