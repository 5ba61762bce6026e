"""Who asks: somebody who is signed in, a script with a token, or nobody that we know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request

from newsletter.accounts import Role, sessions, tokens
from newsletter.press import Site

_FOR_SCRIPTS = timedelta(days=1)
"""A token has no memory of what it has seen: what is new to it is what happened in a day."""


@dataclass(frozen=True, slots=True)
class Who:
    """A person or a script. ``user_id`` and ``session_id`` are None for a script."""

    name: str
    role: Role
    user_id: int | None
    session_id: int | None
    looked_at: datetime
    """Up to when they have seen what changed; UTC."""


def session_cookie(secure: bool) -> str:
    """The name of the session's cookie. The prefix lets no other host and no plain http set it (RFC 6265bis 4.1.3)."""
    return "__Host-newsletter" if secure else "newsletter"


def bearer(request: Request) -> str:
    """The token of ``Authorization: Bearer`` (RFC 6750 section 2.1), empty where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def who_asks(site: Site, request: Request, *, secure: bool) -> Who | None:
    """Whoever the request proves to come from. A bearer token goes before a cookie."""
    now = site.clock.now()
    if token := bearer(request):
        script = tokens.use(site.database, token, now)
        if script is None:
            return None
        return Who(script.name, Role(script.role), None, None, now - _FOR_SCRIPTS)
    if not (cookie := request.cookies.get(session_cookie(secure), "")):
        return None
    session = sessions.use(site.database, cookie, now)
    if session is None:
        return None
    user = session.user
    return Who(user.name, Role(user.role), user.id, session.id, user.looked_at)
