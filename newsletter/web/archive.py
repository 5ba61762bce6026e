"""The archive: past editions for whoever comes by, as pages and as feeds. The press says what of them may be read."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response

from newsletter.catalogues import Words, words_for
from newsletter.errors import NotFound
from newsletter.press import join, published
from newsletter.press.published import FEED, Issue
from newsletter.web import feeds
from newsletter.web.caller import Caller
from newsletter.web.headers import ARCHIVE_POLICY, OWN_MAIL_POLICY, READER_POLICY
from newsletter.web.routing import Pages
from newsletter.web.views import environment

pages = Pages()

JOIN = "/join"
"""Where people sign up; it takes the briefing and the language behind a question mark."""
_FRESH = "public, max-age=60"
"""A correction is on every page a minute later."""
_TO_ANYBODY = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
"""A feed may be read by other people's pages too: it holds nothing but what is public."""


@pages.caller("GET", "/archive")
def everything(caller: Caller) -> Response:
    return _list(caller)


# Feeds stand before a briefing's own pages: the first that fits is taken. No briefing's key has a dot.
@pages.caller("GET", "/archive/atom.xml")
def atom(caller: Caller) -> Response:
    return _feed(caller, feeds.ATOM)


@pages.caller("GET", "/archive/feed.json")
def json_feed(caller: Caller) -> Response:
    return _feed(caller, feeds.JSON)


@pages.caller("GET", "/archive/{briefing}")
def of_briefing(caller: Caller) -> Response:
    return _list(caller, caller.path("briefing"))


@pages.caller("GET", "/archive/{briefing}/atom.xml")
def atom_of(caller: Caller) -> Response:
    return _feed(caller, feeds.ATOM, caller.path("briefing"))


@pages.caller("GET", "/archive/{briefing}/feed.json")
def json_feed_of(caller: Caller) -> Response:
    return _feed(caller, feeds.JSON, caller.path("briefing"))


@pages.caller("GET", "/archive/{briefing}/latest")
def latest(caller: Caller) -> Response:
    found = published.latest(caller.site, caller.path("briefing"))
    return RedirectResponse(f"{_root(caller)}/archive/{found.path}", 302, headers={"cache-control": _FRESH})


@pages.caller("GET", "/archive/{briefing}/{date}")
def edition(caller: Caller) -> Response:
    issue = published.issue(caller.site, caller.path("briefing"), _day(caller))
    url = _address(caller, issue.path)
    mail = published.mail(caller.site, issue, url) if issue.whole and not issue.withdrawn else None
    before, after = published.beside(caller.site, issue)
    return _page(
        caller,
        "archive-edition.html",
        issue.language,
        policy=ARCHIVE_POLICY,
        issue=issue,
        mail=mail,
        url=url,
        briefing=issue.briefing,
        name=issue.name,
        before=before,
        after=after,
        indexed=issue.whole and not issue.withdrawn,
        modified=_modified([issue]),
    )


@pages.caller("GET", "/archive/{briefing}/{date}/mail")
def mail(caller: Caller) -> Response:
    """The mail alone, for browsers and programs that cannot show it inside of the edition's page."""
    issue = published.issue(caller.site, caller.path("briefing"), _day(caller))
    url = _address(caller, issue.path)
    html = published.mail(caller.site, issue, url).document
    headers = {
        "content-security-policy": OWN_MAIL_POLICY,
        "x-robots-tag": "noindex",
        "link": f'<{url}>; rel="canonical"',
    }
    return _kept(caller, html.encode(), "text/html; charset=utf-8", headers, _modified([issue]))


def _list(caller: Caller, briefing: str = "") -> Response:
    number = caller.request.query_params.get("page", "0")
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise NotFound("there is no such page")
    page = int(number)
    found = published.shelf(caller.site, briefing, page=page)
    opened = published.open_briefings(caller.site)
    if not opened or (page and not found.listed):
        raise NotFound("there is nothing to read here")
    settings = caller.site.settings
    language = (opened[briefing].language if briefing else None) or settings.publication.language
    return _page(
        caller,
        "archive-list.html",
        language,
        policy=READER_POLICY,
        shelf=found,
        number=page,
        briefing=briefing,
        name=opened[briefing].name if briefing else "",
        briefings={key: one.name for key, one in opened.items()},
        url=_address(caller, briefing) + (f"?page={page}" if page else ""),
        # Lists of what is not public as a whole are no more so.
        indexed=all(one.archive.show == "all" for key, one in opened.items() if briefing in ("", key)),
        modified=None,
    )


def _feed(caller: Caller, kind: feeds.Kind, briefing: str = "") -> Response:
    found = published.shelf(caller.site, briefing, size=FEED)
    opened = published.open_briefings(caller.site)
    if not opened:
        raise NotFound("there is nothing to read here")
    publication = caller.site.settings.publication
    language = (opened[briefing].language if briefing else None) or publication.language
    feed = feeds.Feed(
        title=f"{opened[briefing].name} · {publication.name}" if briefing else publication.name,
        home=_address(caller, briefing),
        url=_address(caller, f"{briefing}/{kind.file}" if briefing else kind.file),
        author=publication.name,
        language=language,
        entries=tuple(feeds.Entry(one, _address(caller, one.path), _content(caller, one)) for one in found.listed),
    )
    indexed = all(one.archive.show == "all" for key, one in opened.items() if briefing in ("", key))
    headers = dict(_TO_ANYBODY) if indexed else {**_TO_ANYBODY, "x-robots-tag": "noindex"}
    return _kept(caller, kind.write(feed), kind.media_type, headers, _modified(found.listed))


def _content(caller: Caller, issue: Issue) -> str:
    template = environment().get_template("archive-entry.html")
    return template.render(t=_words(caller, issue.language), issue=issue).strip()


def _words(caller: Caller, language: str) -> Words:
    # The language of what is read, whoever reads it: so a page is the same for everybody, and may be kept.
    return words_for(language, "", caller.site.settings.publication.language)


def _page(
    caller: Caller,
    template: str,
    language: str,
    *,
    policy: str,
    modified: datetime | None,
    indexed: bool,
    **values: Any,
) -> Response:
    html = environment().get_template(template).render(
        t=_words(caller, language),
        publication=caller.site.settings.publication,
        root=_root(caller),
        base=_address(caller, ""),
        join=_root(caller) + JOIN if _can_join(caller, values["briefing"]) else "",
        indexed=indexed,
        **values,
    )  # fmt: skip
    headers = {"content-security-policy": policy} | ({} if indexed else {"x-robots-tag": "noindex"})
    return _kept(caller, html.encode(), HTMLResponse.media_type or "", headers, modified)


def _kept(caller: Caller, body: bytes, kind: str, headers: dict[str, str], modified: datetime | None) -> Response:
    """An answer that browsers and caches may keep, or that they have it already (RFC 9110 sections 8.8 and 13.1)."""
    headers = {**headers, "cache-control": _FRESH, "etag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}
    if modified is not None:
        headers["last-modified"] = format_datetime(modified.astimezone(UTC), usegmt=True)
    asked = caller.request.headers
    if (tags := asked.get("if-none-match")) is not None:
        same = tags.strip() == "*" or headers["etag"] in [one.strip().removeprefix("W/") for one in tags.split(",")]
    else:
        same = "last-modified" in headers and asked.get("if-modified-since") == headers["last-modified"]
    return Response(status_code=304, headers=headers) if same else Response(body, 200, headers, kind)


def _modified(issues: Any) -> datetime | None:
    """When the last of some editions changed. None where that says too little: what was taken out comes back unseen,
    an embargo ends by itself."""
    if any(one.withdrawn for one in issues):
        return None
    return max((one.updated_at for one in issues), default=None)


def _day(caller: Caller) -> date:
    words = caller.path("date")
    try:
        day = date.fromisoformat(words)
    except ValueError:
        raise NotFound("there is no such edition to read") from None
    if day.isoformat() != words:
        raise NotFound("there is no such edition to read")
    return day


def _address(caller: Caller, path: str) -> str:
    """Where everybody finds a page of the archive."""
    base = f"{caller.site.settings.publication.base_url}/archive"
    return f"{base}/{path}" if path else base


def _can_join(caller: Caller, briefing: str) -> bool:
    """Whether anybody can sign up for a briefing, or for any."""
    offered = {choice.key for choice in join.offered(caller.site)}
    return briefing in offered if briefing else bool(offered)


def _root(caller: Caller) -> str:
    """What the paths of links begin with, where the publication's address has a path."""
    return urlsplit(caller.site.settings.publication.base_url).path
