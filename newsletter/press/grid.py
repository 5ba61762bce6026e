"""All segments of an edition beside each other: what each is told, and where they differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from newsletter.checks.size import CLIPPED, ROOMY
from newsletter.editions import store
from newsletter.press.contents import Told, contents
from newsletter.press.messages import compiled_as_now
from newsletter.press.preview import segments_of
from newsletter.press.site import Site
from newsletter.rendering.mime import Size


@dataclass(frozen=True, slots=True)
class Column:
    """One segment. The sizes are of a reader whose values are as long as any that are likely."""

    segment: str
    subject: str
    preheader: str
    size: Size
    stories: tuple[Told, ...]

    @property
    def room(self) -> str:
        """``clipped`` beyond what Gmail shows, ``large`` where it is near, else empty."""
        return "clipped" if self.size.html > CLIPPED else "large" if self.size.html >= ROOMY else ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a segment meets a story: its number in the mail, counted from 1."""

    number: int
    told: Told


@dataclass(frozen=True, slots=True)
class Row:
    """One story, with its place in each column, None where it has none."""

    slug: str
    headline: str
    places: tuple[Place | None, ...]

    @property
    def differs(self) -> bool:
        """Whether a segment does without it, or is told it in another section, in other words or another version. A
        number alone is no difference: it follows from the stories before."""
        seen = {place and (place.told.section, place.told.headline, place.told.version) for place in self.places}
        return len(seen) > 1


@dataclass(frozen=True, slots=True)
class Grid:
    """The segments of an edition in their order, and every story that any of them is told."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    usual_subject: str
    """The one that most have; the first of those that are equally frequent."""
    usual_preheader: str


def grid(site: Site, key: str) -> Grid:
    """Raises `NotFound`, `Refused` where a segment has no story, `TemplateError`."""
    columns = []
    for segment in segments_of(site, key):
        _, compiled = compiled_as_now(site, key, segment)
        with site.database.reading() as session:
            told = contents(site, session, store.find(session, key), segment)
        rendered = compiled.rendered
        columns.append(Column(segment, rendered.subject, rendered.preheader, compiled.size(), told))
    return Grid(
        tuple(columns),
        _rows(columns),
        Counter(column.subject for column in columns).most_common(1)[0][0],
        Counter(column.preheader for column in columns).most_common(1)[0][0],
    )


def _rows(columns: list[Column]) -> tuple[Row, ...]:
    places = [{told.story: Place(number, told) for number, told in enumerate(column.stories, 1)} for column in columns]
    stories = {story: place for column in reversed(places) for story, place in column.items()}
    first = {story: min(column[story].number for column in places if story in column) for story in stories}
    return tuple(
        Row(stories[story].told.slug, stories[story].told.headline, tuple(column.get(story) for column in places))
        for story in sorted(stories, key=lambda story: (first[story], list(stories).index(story)))
    )
