"""History: every edition as it went out, what happened to it, and what each reader got."""

from __future__ import annotations

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.editions.corrections import Kind
from newsletter.errors import NewsletterError, NotFound, Refused
from newsletter.press.published import open_briefings
from newsletter.web.ask import Ask
from newsletter.web.guard import status_of
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
    """What happened to one edition, what was corrected, and what each segment got."""
    return _life(ask)


def _life(ask: Ask, problem: str = "", status: int = 200) -> Response:
    found = press.departure(ask.site, ask.key)
    segments = [wave.segment for wave in found.waves]
    shown = ask.query("segment")
    return ask.edition_page(
        "life.html",
        "history",
        status,
        edition=found.standing,
        life=press.life(ask.site, ask.key),
        clicks=press.clicks(ask.site, ask.key),
        corrections=press.corrections(ask.site, ask.key),
        archived=ask.path("briefing") in open_briefings(ask.site),
        kinds=[(one.value, one.value.capitalize()) for one in Kind],
        problem=problem,
        words=ask.form.get("words"),
        **may(ask),
        waves=found.waves if found.standing.locked else (),
        shown=shown if shown in segments else next(iter(segments), ""),
    )


@pages.post(f"{EDITION}/history/correct", Role.EDITOR)
def correct(ask: Ask) -> Response:
    try:
        press.correct(ask.site, ask.key, ask.form.get("words"), ask.me.name, ask.form.get("kind"))
    except Refused as error:
        return _life(ask, str(error), status_of(error))
    return ask.go(f"/editions/{ask.key}/history", "Corrected. It stands on the edition’s page in the archive.")


@pages.post(f"{EDITION}/history/correct/take-back", Role.EDITOR)
def take_back(ask: Ask) -> Response:
    press.take_back_correction(ask.site, ask.key, _number(ask.form.get("correction")), ask.me.name)
    return ask.go(f"/editions/{ask.key}/history", "Taken back. It is on no page any more.")


@pages.post("/history/reader", Role.OPERATOR)
def search(ask: Ask) -> Response:
    """By a form and not by a link, so that no address stands in any log or list of visited pages."""
    try:
        found = press.history(ask.site, ask.form.get("email").strip())
    except NewsletterError as error:
        return _history(ask, str(error), 404)
    if found.subscriber is not None:
        return ask.go(f"/history/reader/{found.subscriber}")
    return _reader(ask, found)


@pages.get("/history/reader/{number}", Role.OPERATOR)
def reader(ask: Ask) -> Response:
    return _reader(ask, press.history_of(ask.site, _number(ask.path("number"))))


def _reader(ask: Ask, found: press.History) -> Response:
    return ask.page("reader.html", history=found, limit=ask.site.settings.bounces.limit)
