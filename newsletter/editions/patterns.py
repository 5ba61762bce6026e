"""Subject and preheader: Jinja patterns over the edition, filled in a sandbox that knows no other names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from jinja2 import StrictUndefined
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.editions.dates import long_date, weekday
from newsletter.errors import TemplateError
from newsletter.text import one_line


class Story(Protocol):
    """What a pattern may say of a story; an object of rendering's or the store's, it does not matter."""

    @property
    def headline(self) -> str: ...
    @property
    def short_headline(self) -> str: ...
    @property
    def kicker(self) -> str: ...
    @property
    def dek(self) -> str: ...
    @property
    def preheader(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Words:
    """A story as a pattern sees it: where ``short_headline`` or ``preheader`` is empty, headline or dek stands in."""

    headline: str
    short_headline: str
    kicker: str
    dek: str
    preheader: str

    @classmethod
    def of(cls, story: Story) -> Words:
        return cls(
            headline=story.headline,
            short_headline=story.short_headline or story.headline,
            kicker=story.kicker,
            dek=story.dek,
            preheader=story.preheader or story.dek,
        )


_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def fill(
    pattern: str,
    *,
    day: date,
    language: str,
    stories: Sequence[Story],
    briefing: str,
    publication: str,
    segment: str,
) -> str:
    """One line of plain text out of a pattern. ``day`` is the edition date; ``briefing`` and ``publication`` are names.

    The pattern may use ``weekday``, ``date`` (a date, so that ``date.day`` works), ``long_date``, ``lead`` (the first
    story), ``stories``, ``briefing``, ``publication`` and ``segment``. Raises `TemplateError` with what is wrong.
    """
    words = [Words.of(story) for story in stories]
    names: dict[str, object] = {
        "weekday": weekday(day, language),
        "date": day,
        "long_date": long_date(day, language),
        "stories": words,
        "briefing": briefing,
        "publication": publication,
        "segment": segment,
    }
    if words:
        names["lead"] = words[0]
    try:
        return one_line(_environment.from_string(pattern).render(names))
    except SecurityError as error:
        raise TemplateError(f"the pattern {pattern!r} does what a pattern may not: {error}") from None
    except (JinjaError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise TemplateError(
            f"the pattern {pattern!r} cannot be filled: {error}; it may use weekday, date, long_date, lead, stories, "
            "briefing, publication and segment, for example {{ weekday }} Briefing: {{ lead.short_headline }}"
        ) from None


def check_pattern(pattern: str) -> None:
    """Fills a pattern with a made-up edition of five stories. Raises `TemplateError` when it does not work out."""
    story = Words("A headline", "A short one", "Kicker", "A dek.", "A preheader.")
    fill(
        pattern,
        day=date(2026, 11, 23),
        language="en",
        stories=[story] * 5,
        briefing="Morning Briefing",
        publication="The Courier",
        segment="everyone",
    )
