"""Whether a rule takes a story, and why, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from newsletter.config.models import Backfill, Select
from newsletter.editions.dates import long_date, weekday

if TYPE_CHECKING:
    from newsletter.editions.assembly import Candidate, Carried


class Reasons:
    """The words for an edition that is due at the instant ``at``, with times in the IANA zone ``zone``."""

    def __init__(self, at: datetime, zone: str, carried: Mapping[int, Carried]) -> None:
        """``carried`` says which stories earlier editions had, by story id."""
        self._at, self._carried = at, carried
        self._zone: tzinfo = ZoneInfo(zone)

    def because(self, where: str, select: Select, story: Candidate, place: str) -> str:
        """Why ``select`` takes a story into the section ``where``; ``place`` says its place among the others."""
        parts = ["backfill"] if isinstance(select, Backfill) else []
        parts += [f"section {name}" for name in _shared(select.sections, (story.section,))]
        parts += [f"tag {tag}" for tag in _shared(select.tags, story.tags)]
        parts += [f"region {region}" for region in _shared(select.regions, story.regions)]
        parts += [*self.facts(story), place]
        if before := self._carried.get(story.story_id):
            parts.append(f"updated since {self._day(before.on)}")
        return f"{where}: {', '.join(parts)}"

    def facts(self, story: Candidate) -> list[str]:
        """What the order among stories goes by: priority and publication."""
        facts = [f"priority {story.priority}"]
        if story.published_at:
            facts.append(f"published {self._moment(story.published_at)}")
        return facts

    def had(self, story: Candidate) -> str:
        """Which edition carried a story that has not changed since, in words; empty where none did."""
        before = self._carried.get(story.story_id)
        return f"the edition of {self._day(before.on)} had it" if before and not before.changed else ""

    def _moment(self, instant: datetime) -> str:
        local = instant.astimezone(self._zone)
        today = self._at.astimezone(self._zone).date()
        return f"{local:%H:%M}" if local.date() == today else f"{self._day(local.date())} {local:%H:%M}"

    def _day(self, day: date) -> str:
        """A weekday where it can mean no other, else a date."""
        ago = (self._at.astimezone(self._zone).date() - day).days
        return weekday(day, "en") if 0 < ago < 7 else long_date(day, "en").partition(", ")[2]


def takes(select: Select, story: Candidate, at: datetime) -> bool:
    """Whether a rule takes a story: every line that is written, any word of a line. Upper and lower case are alike."""
    age = None if story.published_at is None else at - story.published_at
    return not (
        (select.sections and not _shared(select.sections, (story.section,)))
        or (select.tags and not _shared(select.tags, story.tags))
        or _shared(select.not_tags, story.tags)
        or (select.regions and not _shared(select.regions, story.regions))
        or (select.priority is not None and story.priority > select.priority)
        or (age is not None and age < timedelta(0))
        or (select.max_age is not None and (age is None or age > select.max_age))
    )


def _shared(wanted: Iterable[str], has: Iterable[str]) -> list[str]:
    """The words of ``wanted`` that ``has`` has too."""
    folded = {word.casefold() for word in has}
    return [word for word in wanted if word.casefold() in folded]
