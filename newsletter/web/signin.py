"""Signing in and out, and the first account."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.accounts import Role, sessions, signin, users
from newsletter.accounts.attempts import TooOften
from newsletter.accounts.signin import WrongPassword
from newsletter.errors import NotFound, Refused
from newsletter.web.ask import Ask
from newsletter.web.guard import status_of
from newsletter.web.routing import PUBLIC, Pages

pages = Pages()


def _onward(path: str) -> str:
    """Where somebody wanted to go, if that is a page of ours: never another host (``//host``, ``/\\host``)."""
    local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if local and len(path) <= 500 else "/"


@pages.get("/sign-in", PUBLIC)
def ask_who(ask: Ask) -> Response:
    onward = _onward(ask.query("next", "/"))
    if ask.who is not None:
        return ask.go(onward)
    return _sign_in(ask, onward)


def _sign_in(ask: Ask, onward: str, name: str = "", problem: str = "", status: int = 200) -> Response:
    with ask.site.database.reading() as session:
        fresh = not users.exist(session)
    return ask.page("sign-in.html", status, onward=onward, name=name, problem=problem, fresh=fresh)


@pages.post("/sign-in", PUBLIC)
def sign_in(ask: Ask) -> Response:
    onward, name = _onward(ask.form.get("next", "/")), ask.form.get("name")
    try:
        token = signin.sign_in(
            ask.site.database,
            name,
            ask.form.get("password"),
            ask.site.clock.now(),
            address=ask.address,
            agent=ask.request.headers.get("user-agent", ""),
        )
    except (WrongPassword, TooOften) as error:
        status = 401 if isinstance(error, WrongPassword) else status_of(error)
        return _sign_in(ask, onward, name, str(error), status)
    response = ask.go(onward)
    ask.sign_in(response, token, int(sessions.LASTS.total_seconds()))
    return response


@pages.post("/sign-out", Role.VIEWER, own=True)
def sign_out(ask: Ask) -> Response:
    user = ask.user_id
    assert ask.me.session_id is not None
    with ask.site.database.writing() as session:
        sessions.end(session, user, ask.me.session_id, ask.site.clock.now())
    response = ask.go("/sign-in", "You are signed out.")
    ask.sign_out(response)
    return response


@pages.get("/first/{token}", PUBLIC)
def ask_first(ask: Ask) -> Response:
    with ask.site.database.reading() as session:
        if not signin.is_first_link(session, ask.path("token"), ask.site.clock.now()):
            raise NotFound(signin.USED_UP)
    return ask.page("first.html", name="", problem="")


@pages.post("/first/{token}", PUBLIC)
def make_first(ask: Ask) -> Response:
    name, password = ask.form.get("name"), ask.form.get("password")
    try:
        if password != ask.form.get("again"):
            raise Refused("the two passwords are not the same: write it again")
        user = signin.make_first(ask.site.database, ask.path("token"), name, password, ask.site.clock.now())
    except NotFound:
        raise
    except Refused as error:
        return ask.page("first.html", 422, name=name, problem=str(error))
    with ask.site.database.writing() as session:
        agent = ask.request.headers.get("user-agent", "")
        token = sessions.begin(session, user.id, ask.site.clock.now(), agent=agent, address=ask.address)
    response = ask.go("/", f"This desk is yours, {user.name}.")
    ask.sign_in(response, token, int(sessions.LASTS.total_seconds()))
    return response
