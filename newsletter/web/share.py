"""The Share tab: a test copy to a colleague's inbox, and links that show the edition to whoever has one."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.clock import parse_duration
from newsletter.errors import NotFound, Refused
from newsletter.rendering.looks import LOOKS, look
from newsletter.web.ask import Ask
from newsletter.web.preview import pieces
from newsletter.web.routing import EDITION, PUBLIC, Pages

pages = Pages()
pages.tab("Test and share", "share", order=60)

_FOR = (("2h", "2 hours"), ("12h", "12 hours"), ("2d", "2 days"), ("7d", "a week"))
_PRIVATE = {"x-robots-tag": "noindex, nofollow", "referrer-policy": "no-referrer"}
"""Whoever has the address of such a page has the page: it is told to nobody."""


@pages.get(f"{EDITION}/share", Role.VIEWER)
def passing_on(ask: Ask) -> Response:
    number = ask.query("copy")
    return ask.edition_page(
        "share.html",
        tab="share",
        sent=press.copy_of(ask.site, ask.key, _number(number)) if number else None,
        copies=press.copies(ask.site, ask.key),
        shares=press.shares(ask.site, ask.key),
        segments=press.segments_of(ask.site, ask.key),
        addresses=ask.site.settings.test_addresses,
        may=ask.me.role.covers(Role.EDITOR),
        spans=_FOR,
    )


@pages.post(f"{EDITION}/share/copy", Role.EDITOR)
def copy(ask: Ask) -> Response:
    sent = press.send_copy(ask.site, ask.key, ask.form.get("to"), ask.form.get("segment"), ask.me.name)
    return ask.go(f"/editions/{ask.key}/share?copy={sent.no}")


@pages.post(f"{EDITION}/share", Role.EDITOR)
def share(ask: Ask) -> Response:
    press.share(ask.site, ask.key, ask.me.name, _span(ask.form.get("for", "2d")))
    return ask.go(f"/editions/{ask.key}/share", "The link is made. Whoever has it sees the edition.")


@pages.post(f"{EDITION}/share/end", Role.EDITOR)
def unshare(ask: Ask) -> Response:
    press.unshare(ask.site, ask.key, ask.me.name, _number(ask.form.get("link")))
    return ask.go(f"/editions/{ask.key}/share", "The link shows nothing any more.")


@pages.get("/share/{token}", PUBLIC)
def shared(ask: Ask) -> Response:
    mail = press.shared_mail(ask.site, ask.path("token"), ask.query("segment"))
    response = ask.page("shared.html", mail=mail, token=ask.path("token"), colours=_colours(ask), pieces=pieces)
    response.headers.update(_PRIVATE)
    return response


@pages.get("/share/{token}/mail", PUBLIC)
def shared_mail(ask: Ask) -> Response:
    """The mail alone, for a frame."""
    mail = press.shared_mail(ask.site, ask.path("token"), ask.query("segment"))
    response = ask.mail(look(mail.html, "dark" if _colours(ask) == "dark" else "light"))
    response.headers.update(_PRIVATE)
    return response


def _colours(ask: Ask) -> str:
    wanted = ask.query("colours", "light")
    return wanted if wanted in LOOKS else "light"


def _span(words: str) -> timedelta:
    try:
        return parse_duration(words)
    except ValueError as error:
        raise Refused(str(error)) from None


def _number(words: str) -> int:
    # Nine digits fit into a key of either database.
    if not (words.isascii() and words.isdigit() and len(words) < 10):
        raise NotFound("there is nothing with that number here")
    return int(words)
