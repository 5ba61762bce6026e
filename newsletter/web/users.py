"""Accounts, for admins: made, given another role, disabled and enabled."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.accounts import Role, tokens, users
from newsletter.errors import NotFound, Refused
from newsletter.web.ask import Ask
from newsletter.web.guard import status_of
from newsletter.web.routing import Pages

pages = Pages()
pages.nav("Accounts", "/users", order=90, role=Role.ADMIN)


@pages.get("/users", Role.ADMIN)
def accounts(ask: Ask) -> Response:
    return _accounts(ask)


def _accounts(ask: Ask, name: str = "", problem: str = "", status: int = 200) -> Response:
    with ask.site.database.reading() as session:
        everyone, scripts = users.everyone(session), tokens.listing(session)
    return ask.page(
        "users.html", status, everyone=everyone, tokens=scripts, roles=list(Role), name=name, problem=problem
    )


def _role(words: str) -> Role:
    try:
        return Role(words)
    except ValueError:
        raise Refused(f"there is no such role: write one of {', '.join(Role)}") from None


@pages.post("/users", Role.ADMIN)
def add(ask: Ask) -> Response:
    name = ask.form.get("name")
    try:
        user = users.add(
            ask.site.database, name, _role(ask.form.get("role")), ask.form.get("password"), ask.site.clock.now()
        )
    except Refused as error:
        return _accounts(ask, name, str(error), status_of(error))
    return ask.go("/users", f"{user.name} has an account.")


@pages.post("/users/role", Role.ADMIN)
def change_role(ask: Ask) -> Response:
    user = users.set_role(ask.site.database, ask.form.get("name"), _role(ask.form.get("role")))
    return ask.go("/users", f"{user.name} is {user.role} now.")


@pages.post("/users/disable", Role.ADMIN)
def disable(ask: Ask) -> Response:
    user = users.disable(ask.site.database, ask.form.get("name"), ask.site.clock.now())
    return ask.go("/users", f"{user.name} cannot sign in any more.")


@pages.post("/users/enable", Role.ADMIN)
def enable(ask: Ask) -> Response:
    user = users.enable(ask.site.database, ask.form.get("name"))
    return ask.go("/users", f"{user.name} can sign in again.")


@pages.post("/users/token/end", Role.ADMIN)
def end_token(ask: Ask) -> Response:
    name = ask.form.get("name")
    try:
        tokens.end(ask.site.database, name, ask.site.clock.now())
    except NotFound as error:
        raise Refused(str(error)) from None
    return ask.go("/users", f"The token {name} is ended.")
