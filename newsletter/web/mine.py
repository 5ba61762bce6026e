"""What is somebody's own: their sessions, and their password."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.accounts import Role, sessions, signin, users
from newsletter.errors import NotFound, Refused
from newsletter.web.ask import Ask
from newsletter.web.guard import status_of
from newsletter.web.routing import Pages

pages = Pages()


@pages.get("/me", Role.VIEWER)
def mine(ask: Ask) -> Response:
    return _mine(ask)


def _mine(ask: Ask, problem: str = "", status: int = 200) -> Response:
    with ask.site.database.reading() as session:
        alive = sessions.alive(session, ask.user_id, ask.site.clock.now())
    return ask.page("mine.html", status, sessions=alive, problem=problem)


@pages.post("/me/sessions/{session}/end", Role.VIEWER, own=True)
def end(ask: Ask) -> Response:
    number = ask.path("session")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise NotFound("there is no such session, or it is over already")
    with ask.site.database.writing() as session:
        sessions.end(session, ask.user_id, int(number), ask.site.clock.now())
    return ask.go("/me", "The session is over.")


@pages.post("/me/sessions/end", Role.VIEWER, own=True)
def end_others(ask: Ask) -> Response:
    with ask.site.database.writing() as session:
        ended = sessions.end_all(session, ask.user_id, ask.site.clock.now(), but=ask.me.session_id)
    return ask.go("/me", f"{ended} other session{'' if ended == 1 else 's'} ended.")


@pages.post("/me/password", Role.VIEWER, own=True)
def password(ask: Ask) -> Response:
    user, now, new = ask.user_id, ask.site.clock.now(), ask.form.get("new")
    try:
        signin.prove(ask.site.database, ask.me.name, ask.form.get("password"), now, address=ask.address)
        if new != ask.form.get("again"):
            raise Refused("the two new passwords are not the same: write it again")
        users.set_password(ask.site.database, ask.me.name, new, now)
    except Refused as error:
        return _mine(ask, str(error), status_of(error))
    # Every session is over now, this one too: it goes on as a new one.
    with ask.site.database.writing() as session:
        agent = ask.request.headers.get("user-agent", "")
        token = sessions.begin(session, user, now, agent=agent, address=ask.address)
    response = ask.go("/me", "You have a new password, and every other session is over.")
    ask.sign_in(response, token, int(sessions.LASTS.total_seconds()))
    return response
