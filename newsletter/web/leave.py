"""Behind the unsubscribe link: leave with one click (RFC 8058), or by a form; take it back; take a break instead.

There is no script that sends the form: a scanner that runs a page's scripts must not be able to take anybody out, and
when a message left, as opposed to its edition, no link tells.
"""

from __future__ import annotations

from datetime import date

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from newsletter.audience.consent import Said
from newsletter.press import choices
from newsletter.press.choices import BadDay
from newsletter.web.routing import Pages
from newsletter.web.visit import PRIVATE, Visit

pages = Pages()


@pages.reader("GET", "unsubscribe")
def ask(visit: Visit) -> Response:
    return _show(visit)


@pages.reader("POST", "unsubscribe")
async def act(visit: Visit) -> Response:
    """One click of a mail program's button (RFC 8058), or a form of the page."""
    if visit.form.get("List-Unsubscribe") != "One-Click":
        return await run_in_threadpool(_decide, visit)
    await visit.one_click.leave(visit.number, visit.token.briefing)
    return Response(headers=PRIVATE, media_type="text/plain")


def _decide(visit: Visit) -> Response:
    """Whatever says nothing else leaves: nobody sends this link a form by accident."""
    action = visit.form.get("action")
    if action not in ("return", "pause", "resume"):
        return _leave(visit)
    name, words = visit.briefing_name, visit.words
    if action == "return":
        said = Said(words("return.button", briefing=name), "page")
        choices.come_back(visit.site, visit.number, visit.token.briefing, said)
    elif action == "resume":
        choices.resume(visit.site, visit.number, Said(words("resume.button"), "page"))
    else:
        try:
            day = pause(visit, "page")
        except BadDay:
            return _show(visit, problem=True)
        # Who wants a break from what they have just left wants it again afterwards: the page says so.
        said = Said(f"{words('pause.words')} {words('pause.said', date=words.date(day))}", "page")
        choices.come_back(visit.site, visit.number, visit.token.briefing, said)
    return _show(visit, done=action)


def _leave(visit: Visit) -> Response:
    said = Said(visit.words("leave.button", briefing=visit.briefing_name), "page")
    choices.leave(visit.site, visit.number, visit.token.briefing, said)
    return _show(visit, done="leave")


def pause(visit: Visit, source: str) -> date:
    """Begins the break that a form asks for, and returns its end. Raises `BadDay`."""
    try:
        day = date.fromisoformat(visit.form.get("until")[:10])
    except ValueError:
        raise BadDay from None
    choices.pause(visit.site, visit.number, day, Said(visit.words("pause.said", date=visit.words.date(day)), source))
    return day


def _show(visit: Visit, done: str = "", *, problem: bool = False) -> Response:
    reader = visit.reader
    return visit.page(
        "visit-leave.html",
        422 if problem else 200,
        reader=reader,
        left=reader.has_left(visit.token.briefing),
        stopped=reader.is_stopped(visit.token.briefing),
        others=[choice for choice in reader.choices if choice.chosen and choice.key != visit.token.briefing],
        days=choices.last_days(visit.site, reader),
        done=done,
        problem=problem,
    )
