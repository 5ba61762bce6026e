"""What an importer produces: a story before it is stored, cleaned and held to the limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from newsletter.stories import markup
from newsletter.stories.links import web_url
from newsletter.stories.models import StoryStatus
from newsletter.text import clean, one_line

MAX_BODY = 100_000
MAX_BULLETS = 20
MAX_TAGS = 50

_LINES = {
    "external_id": 500,
    "slug": 200,
    "kicker": 100,
    "headline": 300,
    "short_headline": 150,
    "dek": 600,
    "summary": 300,
    "byline": 300,
    "section": 64,
    "url": 2000,
    "rights": 1000,
    "source": 32,
}
"""The fields of one line, and how many characters each may have."""

_WORDS = ("tags", "regions", "only_to", "never_to")

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a draft. ``line`` counts from 1 within the field's own text, 0 where that says nothing."""

    field: str
    message: str
    line: int = 0


class Unfit(ValueError):
    """A draft that breaks a rule. ``problems`` has every rule that it breaks, in the order of the fields."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class BulletDraft:
    """A labelled bullet, ``Label: sentence``. ``text`` is Markdown of one line, ``link`` an http(s) URL or empty."""

    label: str
    text: str
    link: str = ""

    def __post_init__(self) -> None:
        _set_lines(self, "label", "text", "link")


@dataclass(frozen=True, slots=True)
class ImageDraft:
    """A picture by its http(s) URL. ``alt`` is empty only where ``decorative`` says so. Sizes in pixels, 0: unknown."""

    url: str
    alt: str = ""
    caption: str = ""
    credit: str = ""
    width: int = 0
    height: int = 0
    decorative: bool = False

    def __post_init__(self) -> None:
        _set_lines(self, "url", "alt", "caption", "credit")


@dataclass(frozen=True, slots=True)
class StoryDraft:
    """A story as its source has it. Text is cleaned as it comes in. Raises `Unfit` for what may not be stored.

    ``external_id`` is the source's own key for the story. ``body`` is Markdown without raw HTML. ``priority`` runs from
    1, the most urgent, to 9. Instants are aware. ``status`` is None where the source says nothing. ``source`` names
    the importer. ``slug`` is made from the headline where the source has none. ``only_to`` and ``never_to`` name the
    segments that alone get it, where there are any, and those that never do.
    """

    external_id: str
    headline: str
    source: str
    slug: str = ""
    kicker: str = ""
    short_headline: str = ""
    dek: str = ""
    summary: str = ""
    body: str = ""
    bullets: tuple[BulletDraft, ...] = ()
    byline: str = ""
    image: ImageDraft | None = None
    section: str = ""
    tags: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    only_to: tuple[str, ...] = ()
    never_to: tuple[str, ...] = ()
    priority: int = 5
    url: str = ""
    published_at: datetime | None = None
    embargo_until: datetime | None = None
    expires_at: datetime | None = None
    status: StoryStatus | None = None
    internal_note: str = ""
    rights: str = ""

    def __post_init__(self) -> None:
        _set_lines(self, *_LINES)
        object.__setattr__(self, "body", clean(self.body).strip("\n").rstrip())
        object.__setattr__(self, "internal_note", clean(self.internal_note).strip())
        for name in _WORDS:
            words = (one_line(word) for word in getattr(self, name))
            object.__setattr__(self, name, tuple(dict.fromkeys(word for word in words if word)))
        if found := list(_problems(self)):
            order = [field.name for field in fields(self)]
            raise Unfit(sorted(found, key=lambda problem: order.index(problem.field)))


def _set_lines(draft: object, *names: str) -> None:
    for name in names:
        object.__setattr__(draft, name, one_line(getattr(draft, name)))


def line_problem(name: str, words: str) -> str:
    """What is wrong with the length of a field of one line, in words that follow its name; empty when it fits."""
    return _too_long(words, _LINES[name])


def _too_long(words: str, limit: int) -> str:
    return f"has {len(words)} characters, and {limit} is the most: shorten it" if len(words) > limit else ""


def _problems(draft: StoryDraft) -> Iterator[Problem]:
    for name in _LINES:
        if message := line_problem(name, getattr(draft, name)):
            yield Problem(name, message)
    if not draft.external_id:
        yield Problem("external_id", "is empty: a story needs a key of its source's own")
    if not draft.headline:
        yield Problem("headline", "is empty: write one")
    if draft.slug and not _SLUG.fullmatch(draft.slug):
        yield Problem("slug", f"{draft.slug[:80]!r} is no slug: use small letters, digits and single hyphens")
    if draft.url and (message := _link(draft.url)):
        yield Problem("url", message)
    if not 1 <= draft.priority <= 9:
        yield Problem("priority", f"is {draft.priority}: write 1 (the most urgent) to 9")
    if message := _too_long(draft.internal_note, 4000):
        yield Problem("internal_note", message)
    yield from _body_problems(draft)
    yield from (Problem("bullets", message) for message in bullet_problems(draft.bullets))
    if draft.image:
        for message in _image_problems(draft.image):
            yield Problem("image", message)
    for name in _WORDS:
        words: tuple[str, ...] = getattr(draft, name)
        if len(words) > MAX_TAGS:
            yield Problem(name, f"are {len(words)}, and {MAX_TAGS} is the most: leave some out")
        if long := next((word for word in words if len(word) > 64), None):
            yield Problem(name, f"{long[:40]!r}… has {len(long)} characters, and 64 is the most: shorten it")
    for name in ("published_at", "embargo_until", "expires_at"):
        instant: datetime | None = getattr(draft, name)
        if instant is not None and instant.tzinfo is None:
            yield Problem(name, "has no time zone: write for example 2026-11-23T05:30:00Z")
    if both := sorted(set(draft.only_to) & set(draft.never_to)):
        yield Problem("never_to", f"names {both[0]!r}, which only_to names too: leave it out of one of the two")
    if draft.embargo_until and draft.expires_at and draft.expires_at <= draft.embargo_until:
        yield Problem(
            "expires_at", "comes before the embargo ends, so the story could never go out: write a later time"
        )


def _body_problems(draft: StoryDraft) -> Iterator[Problem]:
    if message := _too_long(draft.body, MAX_BODY):
        yield Problem("body", message)
        return
    for line, message in markup.problems(draft.body)[:10]:
        yield Problem("body", message, line)


def bullet_problems(bullets: Sequence[BulletDraft]) -> Iterator[str]:
    """What is wrong with a story's bullets, each in words that follow “bullets: ”."""
    if len(bullets) > MAX_BULLETS:
        yield f"are {len(bullets)}, and {MAX_BULLETS} is the most: leave some out"
    for number, bullet in enumerate(bullets[:MAX_BULLETS], 1):
        where = f"bullet {number} "
        if not bullet.label or not bullet.text:
            yield where + "is not whole: write a label and a sentence"
        if message := _too_long(bullet.label, 60):
            yield where + "has a label that " + message
        if message := _too_long(bullet.text, 1000):
            yield where + message
        elif found := markup.problems(bullet.text):
            yield where + f"cannot stand so: {found[0][1]}"
        if bullet.link and (message := _link(bullet.link)):
            yield where + f"has a wrong link: {message}"


def _image_problems(image: ImageDraft) -> Iterator[str]:
    if message := _link(image.url):
        yield message
    if not image.alt and not image.decorative:
        yield "has no alternative text: write what it shows, or say that it is decorative"
    if image.alt and image.decorative:
        yield "is decorative and has an alternative text: take one of the two out"
    for name, limit in (("alt", 1000), ("caption", 1000), ("credit", 300)):
        if message := _too_long(getattr(image, name), limit):
            yield f"{name} {message}"
    if not (0 <= image.width <= 20_000 and 0 <= image.height <= 20_000):
        yield f"is {image.width} by {image.height}: write its size in pixels, at most 20000 each way"


def _link(url: str) -> str:
    try:
        web_url(url)
    except ValueError as error:
        return str(error)
    return ""
