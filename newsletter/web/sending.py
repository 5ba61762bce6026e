"""The Sending tab: a send while it is under way, seen live, and its report after; with the names behind each number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import islice

from starlette.responses import Response, StreamingResponse

from newsletter import press
from newsletter.accounts import Role
from newsletter.delivery.models import Status
from newsletter.editions.states import UNDER_WAY
from newsletter.errors import NotFound, Refused
from newsletter.web.ask import Ask
from newsletter.web.guard import Busy, status_of
from newsletter.web.live import SECONDS, STREAMS
from newsletter.web.routing import EDITION, Pages
from newsletter.web.send import may
from newsletter.web.views import plural

pages = Pages()
pages.tab("Sending", "sending", order=70)

_HEARTBEAT = 15
"""After so many looks at which nothing was new, a word is sent all the same: a proxy cuts what is silent."""
_LOOKS = 600
"""After so many looks a stream ends. The browser comes again by itself, and is asked again who it is."""
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
    """Server-sent events (WHATWG HTML, section 9.2): ``look`` with a part of the page, ``end`` when it is over."""
    key = await ask.thread(lambda: ask.key)
    if ask.guard.live.streams >= STREAMS:
        raise Busy
    headers = {"x-accel-buffering": "no"}  # nginx would keep them back
    if ask.request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=headers)
    stream = _events(ask, key, names=may(ask)["may_operate"])
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _events(ask: Ask, key: str, *, names: bool) -> AsyncIterator[str]:
    live = ask.guard.live
    live.streams += 1
    try:
        last, silent = "", 0
        yield "retry: 2000\n\n"
        for _ in range(_LOOKS):
            look, html = await ask.thread(live.page, key, names=names)
            if html != last or look.state not in UNDER_WAY:
                last, silent = html, 0
                yield _event("look" if look.state in UNDER_WAY else "end", html)
            elif (silent := silent + 1) == _HEARTBEAT:
                silent = 0
                yield ":\n\n"
            if look.state not in UNDER_WAY:
                return
            await asyncio.sleep(SECONDS)
    finally:
        live.streams -= 1


def _event(name: str, data: str) -> str:
    return f"event: {name}\n" + "".join(f"data: {line}\n" for line in data.splitlines()) + "\n"


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
        everyone = "all" in ask.form
        if not chosen and not everyone:
            raise Refused("nobody was chosen who shall get it again")
        reason = ask.form.get("reason").strip()
        back = press.resend(ask.site, ask.key, ask.me.name, reason, to=None if everyone else chosen)
        return f"{plural(back, 'reader')} put back to be sent."

    return _done(ask, deed)


def _done(ask: Ask, deed: Callable[[], str]) -> Response:
    try:
        said = deed()
    except Refused as error:
        return _report(ask, str(error), status_of(error))
    return ask.go(f"/editions/{ask.key}/sending", said)
