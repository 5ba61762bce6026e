"""Markdown with front matter: YAML between two lines of ``---``, then the story's text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from newsletter.errors import ConfigError, ImportRefused
from newsletter.stories.draft import BulletDraft, ImageDraft, Problem
from newsletter.stories.importers.document import Document
from newsletter.stories.importers.reading import Item, Reading, drafted, instant, suggestion
from newsletter.stories.models import StoryStatus
from newsletter.stories.slugs import slugify
from newsletter.text import clean, one_line
from newsletter.yamlfile import YamlFile, parse_yaml

MAX_FRONT_MATTER = 100_000

_TEXTS = {
    "kicker": "kicker",
    "title": "headline",
    "headline": "headline",
    "short_title": "short_headline",
    "short_headline": "short_headline",
    "dek": "dek",
    "summary": "summary",
    "section": "section",
    "url": "url",
    "rights": "rights",
    "note": "internal_note",
    "slug": "slug",
    "id": "external_id",
}
_INSTANTS = {
    "date": "published_at",
    "published": "published_at",
    "embargo_until": "embargo_until",
    "embargo": "embargo_until",
    "expires": "expires_at",
    "expiry": "expires_at",
}
_IMAGE_KEYS = {
    "image": "url",
    "image_alt": "alt",
    "image_caption": "caption",
    "image_credit": "credit",
    "image_width": "width",
    "image_height": "height",
    "image_decorative": "decorative",
    "caption": "caption",
    "credit": "credit",
}
_BULLET = ("label", "text", "link")
KEYS = (
    *_TEXTS,
    *_INSTANTS,
    "status",
    "priority",
    "byline",
    "tags",
    "regions",
    "only_to",
    "never_to",
    "bullets",
    *_IMAGE_KEYS,
)
"""What may stand in front matter."""


class _Wrong(ValueError):
    def __init__(self, message: str, *where: str | int) -> None:
        super().__init__(message)
        self.where = where


def read(document: Document, reading: Reading) -> Iterator[Item]:
    """The story in a document, or every problem that it has. Raises `ImportRefused` where it cannot be read at all."""
    lines = clean(document.text()).split("\n")
    start = next(number for number, line in enumerate(lines) if line.strip())
    end = next((n for n in range(start + 1, len(lines)) if lines[n].rstrip() in ("---", "...")), None)
    if end is None:
        raise document.refuse("has front matter that never ends: write --- on a line of its own after it", start + 1)
    front = "\n".join(lines[start + 1 : end])
    if len(front) > MAX_FRONT_MATTER:
        raise document.refuse(f"has more than {MAX_FRONT_MATTER} characters of front matter: shorten it", start + 1)
    try:
        yaml = parse_yaml(front + "\n", Path(document.name), first_line=start + 2)
    except ConfigError as error:
        hint = ': put text with a colon in it in "quotation marks"' if "mapping values" in error.message else ""
        raise document.refuse(error.message + hint, error.line) from None
    if yaml.data is not None and not isinstance(yaml.data, dict):
        raise document.refuse("has front matter that is no list of keys: write for example title: …", start + 2)
    yield from _FrontMatter(document, reading, yaml, lines, end + 1).items()


class _FrontMatter:
    def __init__(self, document: Document, reading: Reading, yaml: YamlFile, lines: list[str], body_at: int) -> None:
        self._document, self._reading, self._yaml = document, reading, yaml
        self._data: dict[str, Any] = yaml.data or {}
        while body_at < len(lines) and not lines[body_at].strip():
            body_at += 1
        self._body, self._body_at = "\n".join(lines[body_at:]), body_at
        self._problems: list[ImportRefused] = []
        self._keys: dict[str, str] = {}

    def items(self) -> Iterator[Item]:
        for key in self._data:
            if key not in KEYS:
                self._refuse(f"{key[:60]!r} is no key of a story: {suggestion(key, KEYS)}", key)
        content: dict[str, Any] = {"external_id": self._document.key, "slug": self._slug(), "source": "markdown"}
        for key, name in _TEXTS.items():
            self._take(content, key, name, _text)
        for key, name in _INSTANTS.items():
            self._take(content, key, name, self._instant)
        for key, take in _TAKES.items():
            self._take(content, key, key, take)
        self._image(content)
        content["body"] = self._body
        if "headline" not in content and not any(key in self._data for key in ("title", "headline")):
            self._refuse("has no title: write title: … in its front matter")
        if self._problems:
            yield from self._problems
            return
        yield from drafted(self._document, self._describe, **content)

    def _slug(self) -> str:
        if self._document.url:
            return ""
        return slugify(re.sub(r"^\d{4}-\d{2}-\d{2}[-_ ]", "", Path(self._document.name).stem))

    def _take(self, content: dict[str, Any], key: str, name: str, take: Callable[[Any], Any]) -> None:
        if self._data.get(key) is None:
            return
        if name in self._keys:
            self._refuse(f"{key} says the same as {self._keys[name]}: keep one of them", key)
            return
        self._keys[name] = key
        try:
            content[name] = take(self._data[key])
        except _Wrong as error:
            self._refuse(f"{key}: {error}", key, *error.where)
        except ValueError as error:
            self._refuse(f"{key}: {error}", key)

    def _image(self, content: dict[str, Any]) -> None:
        written: list[tuple[str, Any, tuple[str, ...]]] = []
        for key, name in _IMAGE_KEYS.items():
            value = self._data.get(key)
            if key == "image" and isinstance(value, dict):
                written += [(name, inner, (key, name)) for name, inner in value.items()]
            elif value is not None:
                written.append((name, value, (key,)))
        found: dict[str, Any] = {}
        for name, value, where in written:
            shown = ": ".join(where)
            if name not in _IMAGE:
                self._refuse(f"{shown[:80]} is nothing that an image has: {suggestion(name, tuple(_IMAGE))}", *where)
            elif name in found:
                self._refuse(f"{shown} says again what stands elsewhere: keep one of them", *where)
            elif value is not None:
                try:
                    found[name] = _IMAGE[name](value)
                except ValueError as error:
                    self._refuse(f"{shown}: {error}", *where)
        if not written:
            return
        self._keys["image"] = "image" if "image" in self._data else written[0][2][0]
        if "url" in found:
            content["image"] = ImageDraft(**found)
        elif not any(name == "url" for name, _, _ in written):
            self._refuse("there is no image for this: write image: https://…", *written[0][2])

    def _instant(self, value: Any) -> datetime:
        return instant(_text(value), self._reading.timezone)

    def _refuse(self, message: str, *where: str | int) -> None:
        self._problems.append(self._document.refuse(message, self._yaml.line(where)))

    def _describe(self, problem: Problem) -> tuple[str, int | None]:
        if problem.field == "body":
            return "the text:" if problem.line else "the text", self._body_at + max(problem.line, 1)
        key = self._keys.get(problem.field, problem.field)
        return f"{key}:", self._yaml.line((key,))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _Wrong('is no text: write words, in "quotation marks" where they look like something else')


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _Wrong(f"{str(value)[:40]!r} is no whole number: write digits alone")


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _Wrong(f"{str(value)[:40]!r} is neither true nor false: write one of the two")


def _status(value: Any) -> StoryStatus:
    word = str(value).strip().lower()
    names = [status.value for status in StoryStatus]
    if word in names:
        return StoryStatus(word)
    raise _Wrong(f"{str(value)[:40]!r} is no status: {suggestion(word, names)}")


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split(","))
    if isinstance(value, list):
        return tuple(_text(word) for word in value)
    return (_text(value),)


def _byline(value: Any) -> str:
    return ", ".join(one_line(_text(name)) for name in value) if isinstance(value, list) else _text(value)


def _bullets(value: Any) -> tuple[BulletDraft, ...]:
    if not isinstance(value, list):
        raise _Wrong("is no list: write each bullet on a line of its own, as - Label: sentence")
    return tuple(_bullet(bullet, number) for number, bullet in enumerate(value))


def _bullet(value: Any, number: int) -> BulletDraft:
    if isinstance(value, str) and (parts := re.match(r"([^:]+):\s+(.+)", value, re.DOTALL)):
        return BulletDraft(parts[1], parts[2])
    if isinstance(value, dict):
        try:
            if set(value) <= set(_BULLET):
                return BulletDraft(
                    **{name: _text(words) for name, words in ({"label": "", "text": ""} | value).items()}
                )
            if len(value) == 1:  # `- Costs: The plan …` is a key and its value to YAML
                ((label, text),) = value.items()
                return BulletDraft(label, _text(text))
        except _Wrong as error:
            raise _Wrong(str(error), number) from None
        unknown = next(name for name in value if name not in _BULLET)
        raise _Wrong(f"{unknown[:60]!r} is nothing that a bullet has: {suggestion(unknown, _BULLET)}", number)
    raise _Wrong("a bullet must read - Label: sentence", number)


_TAKES: dict[str, Callable[[Any], Any]] = {
    "status": _status,
    "priority": _number,
    "byline": _byline,
    "tags": _words,
    "regions": _words,
    "only_to": _words,
    "never_to": _words,
    "bullets": _bullets,
}
_IMAGE: dict[str, Callable[[Any], Any]] = {
    "url": _text,
    "alt": _text,
    "caption": _text,
    "credit": _text,
    "width": _number,
    "height": _number,
    "decorative": _flag,
}
