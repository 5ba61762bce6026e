"""Sign up, confirm it, and have one's own link sent. The answer is the same for every address, known or not.

Forms come from any site's page, for newsrooms have them in their own; there is no cookie that another site's page could
make use of, and the answer is for people and not for scripts, so no other origin is let read it.
"""

from __future__ import annotations

from starlette.responses import Response

from newsletter.audience.addresses import AddressRefused
from newsletter.audience.consent import Said
from newsletter.errors import NotFound
from newsletter.press import door, join
from newsletter.press.door import NoWork, TooMany
from newsletter.press.join import NothingChosen, Wish
from newsletter.web.caller import Caller
from newsletter.web.routing import Pages
from newsletter.web.visit import words_of

pages = Pages()

_LATER = {"retry-after": str(int(door.HOUR.total_seconds()))}


@pages.caller("GET", "/join")
def ask(caller: Caller) -> Response:
    return _ask(caller, chosen=caller.request.query_params.getlist("briefing"))


@pages.caller("POST", "/join")
def take(caller: Caller) -> Response:
    wanted, email = caller.form.all("briefing"), caller.form.get("email")
    if caller.is_trapped:
        return _sent(caller)
    if not join.offered(caller.site):
        raise NotFound("nobody can sign up here")
    source = "form" if caller.form.get("from") == "form" else "page"
    try:
        join.ask(caller.site, email, wanted, caller.words.language, source, caller.came)
    except (AddressRefused, NothingChosen, NoWork) as error:
        # A form on another page has done no work yet: it is shown here with what it brought.
        problem = "" if isinstance(error, NoWork) and not caller.form.get("task") else _PROBLEMS[type(error)]
        return _ask(caller, 200 if not problem else 422, chosen=wanted, email=email, problem=problem)
    except TooMany:
        return _later(caller)
    return _sent(caller)


_PROBLEMS: dict[type[Exception], str] = {AddressRefused: "email", NothingChosen: "choose", NoWork: "work"}


def _ask(caller: Caller, status: int = 200, *, chosen: list[str], email: str = "", problem: str = "") -> Response:
    offered = join.offered(caller.site)
    if not offered:
        raise NotFound("nobody can sign up here")
    return caller.form_page("join.html", status, offered=offered, chosen=chosen, email=email[:320], problem=problem)


def _sent(caller: Caller) -> Response:
    return caller.page("join-sent.html", link=False)


def _later(caller: Caller) -> Response:
    response = caller.page("join-later.html", 429)
    response.headers.update(_LATER)
    return response


@pages.caller("GET", "/join/{token}")
def look(caller: Caller) -> Response:
    return _look(caller, join.wish(caller.site, caller.path("token")))


@pages.caller("POST", "/join/{token}")
def confirm(caller: Caller) -> Response:
    token, wanted = caller.path("token"), caller.form.all("briefing")
    wish = join.wish(caller.site, token)
    caller.words = words_of(caller.site, caller.request, wish.language)
    names = [choice.name for choice in wish.choices if choice.key in wanted]
    words = f"{caller.words('confirm.button')}: {', '.join(names)}. {caller.words('confirm.words')}"
    said = Said(words, f"sign-up by {wish.source}")
    try:
        page = join.confirm(caller.site, token, wanted, said)
    except NothingChosen:
        return _look(caller, wish, problem=True)
    return caller.page("join-done.html", names=names or [choice.name for choice in wish.choices], page=page)


def _look(caller: Caller, wish: Wish, *, problem: bool = False) -> Response:
    caller.words = words_of(caller.site, caller.request, wish.language)
    return caller.page("join-confirm.html", 422 if problem else 200, wish=wish, problem=problem)


@pages.caller("GET", "/link")
def ask_link(caller: Caller) -> Response:
    return caller.form_page("link.html", email="", problem="")


@pages.caller("POST", "/link")
def send_link(caller: Caller) -> Response:
    email = caller.form.get("email")
    try:
        if not caller.is_trapped:
            join.ask_link(caller.site, email, caller.words.language, caller.came)
    except (AddressRefused, NoWork) as error:
        return caller.form_page("link.html", 422, email=email[:320], problem=_PROBLEMS[type(error)])
    except TooMany:
        return _later(caller)
    return caller.page("join-sent.html", link=True)
