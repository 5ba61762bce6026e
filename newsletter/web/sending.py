"""The Sending tab: a send while it is under way, seen live, and its report after; with the names behind each number."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.delivery.models import Status
from newsletter.editions.states import UNDER_WAY
from newsletter.errors import NotFound, Refused
from newsletter.web.ask import Ask
from newsletter.web.guard import status_of
from newsletter.web.routing import EDITION, Pages
from newsletter.web.send import may
from newsletter.web.stream import streamed
from newsletter.web.views import plural

pages = Pages()
pages.tab("Sending", "sending", order=70)

_NAMES = 100
"""Readers on one page of names."""
_DOUBTS = 50
"""Readers in doubt who are named in the report itself."""


@pages.get(f"{EDITION}/sending", Role.VIEWER)
def sending(ask: Ask) -> Response:
    standing = press.standing(ask.site, ask.key, checked=False)
    if standing.state not in UNDER_WAY:
        return _report(ask)
    _, live = ask.guard.live.page(ask.key, names=may(ask)["may_operate"])
    return ask.edition_page("sending.html", "sending", edition=standing, live=live, **may(ask))


@pages.get(f"{EDITION}/sending/events", Role.VIEWER)
async def events(ask: Ask) -> Response:
    """A look a second; the end when it is over."""
    key, names = await ask.thread(lambda: ask.key), may(ask)["may_operate"]

    def look() -> tuple[str, bool]:
        progress, html = ask.guard.live.page(key, names=names)
        return html, progress.state in UNDER_WAY

    return streamed(ask, look)


@pages.get(f"{EDITION}/sending/report", Role.VIEWER)
def report(ask: Ask) -> Response:
    """The report so far, also while it is under way."""
    return _report(ask)


def _report(ask: Ask, problem: str = "", status: int = 200) -> Response:
    standing = press.standing(ask.site, ask.key, checked=False)
    found = press.report(ask.site, ask.key) if standing.locked else None
    doubtful = []
    if found is not None and found.counts.in_doubt and may(ask)["may_operate"]:
        doubtful = list(press.deliveries(ask.site, ask.key, Status.IN_DOUBT, limit=_DOUBTS))
    return ask.edition_page(
        "report.html",
        "sending",
        status,
        edition=standing,
        report=found,
        doubtful=doubtful,
        under_way=standing.state in UNDER_WAY,
        approved=press.departure(ask.site, ask.key).approved if found else None,
        problem=problem,
        **may(ask),
    )


@pages.get(f"{EDITION}/sending/names", Role.OPERATOR)
def names(ask: Ask) -> Response:
    """The readers behind a number of the report."""
    try:
        status = Status[ask.query("status").upper()]
    except KeyError:
        known = ", ".join(one.name.lower() for one in Status)
        raise NotFound(f"there is no such number in a report: there is {known}") from None
    after = ask.query("after", "0")
    segment, reason = ask.query("segment") or None, ask.query("reason") or None
    if not after.isascii() or not after.isdigit() or len(after) > 18 or "\0" in f"{segment}{reason}":
        raise NotFound("there is no such page of names: begin with the first")
    found = list(
        islice(
            press.deliveries(
                ask.site, ask.key, status, segment=segment, reason=reason, limit=_NAMES + 1, after=int(after)
            ),
            _NAMES + 1,
        )
    )
    return ask.edition_page(
        "names.html",
        "sending",
        status=200,
        names=found[:_NAMES],
        more=len(found) > _NAMES,
        whose={"status": status.name.lower(), "segment": segment or "", "reason": reason or ""},
    )


@pages.post(f"{EDITION}/sending/resend", Role.OPERATOR)
def resend(ask: Ask) -> Response:
    """Puts readers in doubt back to be sent: those who were chosen, or all."""

    def deed() -> str:
        chosen = ask.form.all("to")
        told = ask.form.get("all")
        everyone = "all" in ask.form
        if not chosen and not everyone:
            raise Refused("nobody was chosen who shall get it again")
        # The button says how many it is about: it is no yes to any other number.
        seen = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else 0
        reason = ask.form.get("reason").strip()
        back = (
            press.resend(ask.site, ask.key, ask.me.name, reason, seen=seen)
            if everyone
            else press.resend(ask.site, ask.key, ask.me.name, reason, to=chosen)
        )
        return f"{plural(back, 'reader')} put back to be sent."

    return _done(ask, deed)


def _done(ask: Ask, deed: Callable[[], str]) -> Response:
    try:
        said = deed()
    except Refused as error:
        return _report(ask, str(error), status_of(error))
    return ask.go(f"/editions/{ask.key}/sending", said)
