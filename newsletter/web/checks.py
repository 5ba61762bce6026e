"""The Checks tab: what the checks say of an edition as it would go out now, who lets it go out all the same, and what
its links answer when somebody asks them."""

from __future__ import annotations

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.checks import why_final
from newsletter.errors import NotFound, Refused
from newsletter.press.linkcheck import Asked
from newsletter.web.ask import Ask
from newsletter.web.guard import status_of
from newsletter.web.routing import EDITION, Pages
from newsletter.web.stream import streamed
from newsletter.web.views import environment

pages = Pages()
pages.tab("Checks", "checks", order=50)


@pages.get(f"{EDITION}/checks", Role.VIEWER)
def checks(ask: Ask) -> Response:
    return _show(ask)


@pages.get(f"{EDITION}/checks/count", Role.VIEWER)
def count(ask: Ask) -> Response:
    """The number at the tab, for the pages that did not wait for it."""
    return ask.page("checks-count.html", edition=press.standing(ask.site, ask.key))


@pages.post(f"{EDITION}/checks/override", Role.EDITOR)
def override(ask: Ask) -> Response:
    """Lets the edition go out with the finding that the person saw."""
    form = ask.form
    try:
        press.override(
            ask.site,
            ask.key,
            form.get("code"),
            ask.me.name,
            form.get("reason"),
            form.get("where"),
            seen=form.get("seen") or "nothing",
        )
    except (NotFound, Refused) as error:
        return _show(ask, str(error), status_of(error), typed={form.get("seen"): form.get("reason")})
    return ask.go(f"/editions/{ask.key}/checks", f"{form.get('code')} does not keep it any more. Your word is kept.")


@pages.post(f"{EDITION}/checks/take-back", Role.EDITOR)
def take_back(ask: Ask) -> Response:
    try:
        press.take_back(ask.site, ask.key, ask.form.get("code"), ask.me.name, ask.form.get("where"))
    except (NotFound, Refused) as error:
        return _show(ask, str(error), status_of(error))
    return ask.go(f"/editions/{ask.key}/checks", f"{ask.form.get('code')} counts again.")


@pages.post(f"{EDITION}/checks/links", Role.EDITOR)
def ask_links(ask: Ask) -> Response:
    """Asks every link over the network, beside this answer."""
    try:
        ask.guard.links_asked.begin(ask.key, ask.me.name)
    except (NotFound, Refused) as error:
        return _show(ask, str(error), status_of(error))
    return ask.go(f"/editions/{ask.key}/checks#links")


@pages.get(f"{EDITION}/checks/links/events", Role.VIEWER)
async def events(ask: Ask) -> Response:
    """The answers as they come, a look a second."""
    key = await ask.thread(lambda: ask.key)

    def look() -> tuple[str, bool]:
        asked = ask.guard.links_asked.look(key)
        return _answers(asked), asked is not None and not asked.over

    return streamed(ask, look)


def _answers(asked: Asked | None) -> str:
    return environment().get_template("links-asked.html").render(asked=asked)


def _show(ask: Ask, problem: str = "", status: int = 200, typed: dict[str, str] | None = None) -> Response:
    asked = ask.guard.links_asked.look(ask.key)
    return ask.edition_page(
        "checks.html",
        "checks",
        status,
        checked=True,
        may=ask.me.role.covers(Role.EDITOR),
        final=why_final,
        problem=problem,
        typed=typed or {},
        asked=asked,
        old=ask.guard.links_asked.is_old(ask.key),
        answers=_answers(asked),
    )
