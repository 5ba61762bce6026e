"""Past editions for feed readers: Atom (RFC 4287) and JSON Feed 1.1 (jsonfeed.org/version/1.1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from newsletter.press.published import Issue

_ATOM = "http://www.w3.org/2005/Atom"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A past edition in a feed. ``url`` is its page, and its name for ever; ``html`` is what may be read of it."""

    issue: Issue
    url: str
    html: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed. ``home`` is the page of what it is of, ``url`` its own address."""

    title: str
    home: str
    url: str
    author: str
    language: str
    entries: tuple[Entry, ...]

    @property
    def updated(self) -> datetime:
        """When the last of its entries changed."""
        return max((entry.issue.updated_at for entry in self.entries), default=_NEVER)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of feed: what its file is called, what it says that it is, and how it is written."""

    file: str
    media_type: str
    write: Callable[[Feed], bytes]


def _at(instant: datetime) -> str:
    """RFC 3339, to the second."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _atom(feed: Feed) -> bytes:
    root = etree.Element(f"{{{_ATOM}}}feed", {_LANG: feed.language}, nsmap={None: _ATOM})

    def add(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
        element = etree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
        element.text = text
        return element

    add(root, "id", feed.url)
    add(root, "title", feed.title)
    add(root, "updated", _at(feed.updated))
    add(root, "link", rel="self", type="application/atom+xml", href=feed.url)
    add(root, "link", rel="alternate", type="text/html", href=feed.home)
    add(add(root, "author"), "name", feed.author)
    for one in feed.entries:
        issue = one.issue
        entry = add(root, "entry")
        entry.set(_LANG, issue.language)
        add(entry, "id", one.url)
        add(entry, "title", issue.title)
        add(entry, "link", rel="alternate", type="text/html", href=one.url)
        add(entry, "published", _at(issue.published_at))
        add(entry, "updated", _at(issue.updated_at))
        add(entry, "category", term=issue.briefing, label=issue.name)
        if issue.description:
            add(entry, "summary", issue.description)
        add(entry, "content", one.html, type="html")
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True))


def _json(feed: Feed) -> bytes:
    items = []
    for one in feed.entries:
        issue = one.issue
        item = {
            "id": one.url,
            "url": one.url,
            "title": issue.title,
            "summary": issue.description,
            "content_html": one.html,
            "date_published": _at(issue.published_at),
            "date_modified": _at(issue.updated_at),
            "tags": [issue.name],
            "language": issue.language,
        }
        items.append({name: value for name, value in item.items() if value})
    shape = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "authors": [{"name": feed.author}],
        "language": feed.language,
        "items": items,
    }
    return json.dumps(shape, ensure_ascii=False, indent=1).encode()


ATOM = Kind("atom.xml", "application/atom+xml; charset=utf-8", _atom)
JSON = Kind("feed.json", "application/feed+json; charset=utf-8", _json)
