"""RSS and Atom. What a feed lacks stays empty: it knows no status, no embargo, and no alternative text."""

from __future__ import annotations

import io
import re
import xml.sax
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from newsletter.stories import fromhtml, markup
from newsletter.stories.draft import ImageDraft, Problem
from newsletter.stories.importers.document import Document, short_key
from newsletter.stories.importers.reading import Item, Reading, drafted
from newsletter.stories.links import is_link
from newsletter.text import one_line

MAX_ITEMS = 1000
DEK = 300
"""A summary of no more characters than this, beside no longer text, is a dek; a longer one is the text."""

_UNIQUE = re.compile(r"(https?://|urn:|tag:)|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# In the order in which a feed's dates mean the time of publication.
_DATES = ("published_parsed", "created_parsed", "updated_parsed")


def read(document: Document, reading: Reading) -> Iterator[Item]:
    """The stories of a feed, first to last, or what is wrong with each. Raises `ImportRefused` where it is no feed."""
    import feedparser  # 7 MB, for feeds alone

    base = {"content-location": document.url} if document.url else {}
    # A stream, because feedparser opens or fetches what a text or bytes might name. Cleaning is nh3's work, not its.
    feed = feedparser.parse(io.BytesIO(document.raw), response_headers=base, sanitize_html=False)
    error = feed.get("bozo_exception")
    if isinstance(error, xml.sax.SAXParseException):
        # The looser parser would have gone on, and stored half a story.
        words = one_line(str(error.getMessage()))
        raise document.refuse(f"is broken XML: {words}", max(error.getLineNumber() or 1, 1))
    if not feed.get("version"):
        raise document.refuse("is neither RSS nor Atom: name a feed, not a web page")
    origin = one_line(str(feed.feed.get("id") or feed.feed.get("link") or document.key))
    for number, entry in enumerate(feed.entries, 1):
        if number > MAX_ITEMS:
            yield document.refuse(f"has more than {MAX_ITEMS} items: the rest was not read")
            return
        yield from _item(document, entry, number, origin, one_line(str(feed.feed.get("rights") or "")))


def _item(document: Document, entry: Any, number: int, origin: str, rights: str) -> Iterator[Item]:
    title = _plain(entry.get("title_detail"))
    name = f"item {number}{f' (“{title[:60]}”)' if title else ''}:"
    link = one_line(str(entry.get("link") or ""))
    identity = one_line(str(entry.get("id") or link))
    if entry.get("guidislink") and not is_link(identity) and link.endswith(identity):
        link = ""  # RSS takes a guid for a link unless it says otherwise, and many feeds forget to say so
    if not identity:
        yield document.refuse(f"{name} has neither a guid nor a link: give it one of them")
        return
    try:
        content = _content(entry)
    except ValueError as error:
        yield document.refuse(f"{name} {error}")
        return

    def describe(problem: Problem) -> tuple[str, int | None]:
        return f"{name} its {problem.field.replace('_', ' ')}", None

    yield from drafted(
        document,
        describe,
        external_id=external_id(identity, origin),
        source="feed",
        headline=title,
        url=link or (identity if is_link(identity) else ""),
        byline=_byline(entry),
        published_at=_published(entry),
        rights=one_line(str(entry.get("rights") or "")) or rights,
        **_terms(one_line(str(tag.get("label") or tag.get("term") or "")) for tag in entry.get("tags") or ()),
        **content,
    )


def external_id(identity: str, origin: str) -> str:
    """The key of an item: its own where that is unique in the world (a URL, a URN, a UUID), else with its feed's."""
    return short_key(identity if _UNIQUE.match(identity) else f"{origin}#{identity}")


def _terms(categories: Iterator[str]) -> dict[str, Any]:
    tags = tuple(dict.fromkeys(term for term in categories if 0 < len(term) <= 64))[:50]
    return {"tags": tags, "section": tags[0] if tags else ""}


def _plain(detail: Any) -> str:
    """A text construct's words on one line."""
    if not detail:
        return ""
    value = str(detail.get("value") or "")
    if detail.get("type") in ("text/html", "application/xhtml+xml"):
        try:
            return fromhtml.text(value)
        except ValueError:
            return one_line(value)
    return one_line(value)


def _markdown(detail: Any) -> str:
    value = str(detail.get("value") or "")
    if detail.get("type") == "text/plain":
        return as_markdown(value)
    return fromhtml.markdown(value)


def as_markdown(words: str) -> str:
    """Plain text as Markdown: paragraphs are parted by blank lines, and every character stands for itself."""
    blocks = re.split(r"\n\s*\n", words.replace("\r\n", "\n").replace("\r", "\n"))
    return "\n\n".join(markup.escape_start(markup.escape(line)) for block in blocks if (line := one_line(block)))


def _content(entry: Any) -> dict[str, Any]:
    """Body, dek, image and note. Raises ValueError where the HTML is too much."""
    full = max(entry.get("content") or [], key=lambda part: len(part.get("value") or ""), default=None)
    summary = entry.get("summary_detail")
    body, dek = "", ""
    if full:
        body = _markdown(full)
        dek = _plain(summary) if summary else ""
        # A teaser that software cut out of the text says nothing of its own.
        stem = re.sub(r"\W*(?:…|\.\.\.|\[…\]|\[\.\.\.\])?\W*$", "", dek)
        if len(dek) > DEK or one_line(markup.plain(body, links=False)).startswith(stem):
            dek = ""
    elif summary:
        dek = _plain(summary)
        if len(dek) > DEK or "\n\n" in _markdown(summary):
            body, dek = _markdown(summary), ""
    html = [str(part.get("value") or "") for part in (full, summary) if part and str(part.get("type")) != "text/plain"]
    return {"body": body, "dek": dek} | picture(_declared(entry), html)


def picture(declared: fromhtml.Picture | None, html: list[str]) -> dict[str, Any]:
    """The image of an item and the note about it: what the item declares, with the alternative text that its HTML has
    for the same picture; else the first picture of the HTML that has one. Without such a text there is no image,
    because a mail without it would be unreadable to some, and the note tells the editor."""
    found = [image for part in html for image in fromhtml.pictures(part) if is_link(image.url)]
    described = [image for image in found if image.alt]
    if declared:
        words = declared.alt or next((image.alt for image in described if image.url == declared.url), "")
        if words:
            return {"image": ImageDraft(declared.url, words[:1000], "", "", declared.width, declared.height)}
    elif described:
        first = described[0]
        return {"image": ImageDraft(first.url, first.alt[:1000], "", "", first.width, first.height)}
    left = declared or next(iter(found), None)
    if left is None:
        return {}
    return {"internal_note": f"Its picture has no alternative text and was left out: {left.url}"}


def _declared(entry: Any) -> fromhtml.Picture | None:
    """The largest picture that the item names, by Media RSS or as an enclosure."""
    named: list[Any] = [
        media
        for media in entry.get("media_content") or ()
        if media.get("medium") == "image" or str(media.get("type") or "").startswith("image/")
    ]
    named += [{"url": e.get("href")} for e in entry.get("enclosures") or () if str(e.get("type")).startswith("image/")]
    named += entry.get("media_thumbnail") or ()
    pictures = [
        fromhtml.Picture(url, "", fromhtml.pixels(media.get("width")), fromhtml.pixels(media.get("height")))
        for media in named
        if is_link(url := one_line(str(media.get("url") or "")))
    ]
    return max(pictures, key=lambda image: image.width, default=None)


def _byline(entry: Any) -> str:
    names = [one_line(str(author.get("name") or "")) for author in entry.get("authors") or ()]
    return ", ".join(dict.fromkeys(name for name in names if name and "@" not in name))


def _published(entry: Any) -> datetime | None:
    for name in _DATES:
        # Asked for by `in`: feedparser gives another date, and a warning, for one that is not there.
        if name in entry and (parsed := entry[name]):
            try:
                return _EPOCH + timedelta(seconds=timegm(parsed))
            except (ValueError, OverflowError):
                continue
    return None
