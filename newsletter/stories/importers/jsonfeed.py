"""JSON Feed, versions 1 and 1.1 (jsonfeed.org)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from newsletter.stories import fromhtml
from newsletter.stories.draft import Problem
from newsletter.stories.importers.document import Document
from newsletter.stories.importers.feed import MAX_ITEMS, as_markdown, external_id, picture
from newsletter.stories.importers.reading import Item, Reading, drafted, instant
from newsletter.stories.links import is_link
from newsletter.text import one_line

VERSION = "https://jsonfeed.org/version/1"


def read(document: Document, reading: Reading) -> Iterator[Item]:
    """The stories of a feed, first to last, or what is wrong with each. Raises `ImportRefused` where it is no feed."""
    try:
        feed = json.loads(document.text())
    except json.JSONDecodeError as error:
        raise document.refuse(f"is broken JSON: {error.msg}", error.lineno) from None
    except (RecursionError, ValueError):
        raise document.refuse("is JSON that cannot be read: it is nested too deeply or has endless numbers") from None
    if not isinstance(feed, dict) or not str(feed.get("version")).startswith(VERSION):
        raise document.refuse(f'is no JSON Feed: its version must read "{VERSION}.1"')
    items = feed.get("items")
    if not isinstance(items, list):
        raise document.refuse("has no list of items: write items: […]")
    origin = _line(feed, "feed_url") or _line(feed, "home_page_url") or document.key
    for number, item in enumerate(items, 1):
        if number > MAX_ITEMS:
            yield document.refuse(f"has more than {MAX_ITEMS} items: the rest was not read")
            return
        if isinstance(item, dict):
            yield from _item(document, item, number, origin, feed, reading)
        else:
            yield document.refuse(f"item {number}: is no object: write id, title and content_html in {{…}}")


def _item(
    document: Document, item: dict[str, Any], number: int, origin: str, feed: dict[str, Any], reading: Reading
) -> Iterator[Item]:
    title = _line(item, "title")
    name = f"item {number}{f' (“{title[:60]}”)' if title else ''}:"
    identity = _line(item, "id")
    if not identity:
        yield document.refuse(f"{name} has no id: give it one")
        return
    try:
        content = _content(item) | {"published_at": _published(item, reading)}
    except ValueError as error:
        yield document.refuse(f"{name} {error}")
        return
    tags = tuple(tag for tag in (one_line(str(tag)) for tag in _list(item, "tags")) if 0 < len(tag) <= 64)[:50]

    def describe(problem: Problem) -> tuple[str, int | None]:
        return f"{name} its {'title' if problem.field == 'headline' else problem.field.replace('_', ' ')}", None

    yield from drafted(
        document,
        describe,
        external_id=external_id(identity, origin),
        source="jsonfeed",
        headline=title,
        url=_line(item, "url") or _line(item, "external_url"),
        byline=_byline(item) or _byline(feed),
        tags=tags,
        section=tags[0] if tags else "",
        **_fence(item),
        **content,
    )


def _fence(item: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """What our extension says (jsonfeed.org, “Extensions”: an object whose name begins with an underscore)."""
    ours = item.get("_newsletter")
    if not isinstance(ours, dict):
        return {}
    return {name: tuple(str(segment) for segment in _list(ours, name)) for name in ("only_to", "never_to")}


def _content(item: dict[str, Any]) -> dict[str, Any]:
    html = item.get("content_html")
    if isinstance(html, str):
        body = fromhtml.markdown(html)
    else:
        html, body = "", as_markdown(str(item.get("content_text") or ""))
    declared = next((url for key in ("image", "banner_image") if is_link(url := _line(item, key))), "")
    image = picture(fromhtml.Picture(declared, "") if declared else None, [html])
    return {"body": body, "dek": _line(item, "summary")} | image


def _published(item: dict[str, Any], reading: Reading) -> datetime | None:
    words = _line(item, "date_published") or _line(item, "date_modified")
    return instant(words, reading.timezone) if words else None


def _byline(holder: dict[str, Any]) -> str:
    authors = _list(holder, "authors") or [holder.get("author")]  # version 1 had one author
    return ", ".join(name for author in authors if isinstance(author, dict) and (name := _line(author, "name")))


def _list(holder: dict[str, Any], key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _line(holder: dict[str, Any], key: str) -> str:
    value = holder.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # version 1 let an id be a number
    return one_line(value) if isinstance(value, str) else ""
