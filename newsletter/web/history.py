"""History: every edition as it went out, what happened to it, and what each reader got."""

from __future__ import annotations

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.errors import NewsletterError, NotFound
from newsletter.web.ask import Ask
from newsletter.web.routing import EDITION, Pages
from newsletter.web.send import may

pages = Pages()
pages.nav("History", "/history", order=20)
pages.tab("History", "history", order=90)


@pages.get("/history", Role.VIEWER)
def history(ask: Ask) -> Response:
    return _history(ask)


def _history(ask: Ask, problem: str = "", status: int = 200) -> Response:
    number = _number(ask.query("page", "0"))
    briefing = ask.query("briefing")
    if "\0" in briefing:
        raise NotFound("there is no such briefing")
    return ask.page(
        "history.html",
        status,
        archive=press.archive(ask.site, briefing=briefing, page=number),
        briefings={key: one.name for key, one in ask.site.settings.briefings.items()},
        briefing=briefing,
        number=number,
        problem=problem,
        **may(ask),
    )


def _number(words: str) -> int:
    if not words.isascii() or not words.isdigit() or len(words) > 9:
        raise NotFound("there is no such page")
    return int(words)


@pages.get(f"{EDITION}/history", Role.VIEWER)
def life(ask: Ask) -> Response:
    """What happened to one edition, and what each segment got."""
    found = press.departure(ask.site, ask.key)
    segments = [wave.segment for wave in found.waves]
    shown = ask.query("segment")
    return ask.edition_page(
        "life.html",
        "history",
        edition=found.standing,
        life=press.life(ask.site, ask.key),
        links=press.clicks(ask.site, ask.key),
        waves=found.waves if found.standing.locked else (),
        shown=shown if shown in segments else next(iter(segments), ""),
    )


@pages.post("/history/reader", Role.OPERATOR)
def search(ask: Ask) -> Response:
    """By a form and not by a link, so that no address stands in any log or list of visited pages."""
    try:
        found = press.history(ask.site, ask.form.get("email").strip())
    except NewsletterError as error:
        return _history(ask, str(error), 404)
    if found.subscriber is not None:
        return ask.go(f"/history/reader/{found.subscriber}")
    return ask.page("reader.html", history=found)


@pages.get("/history/reader/{number}", Role.OPERATOR)
def reader(ask: Ask) -> Response:
    return ask.page("reader.html", history=press.history_of(ask.site, _number(ask.path("number"))))
