"""Today: every briefing's edition with its clock, and what changed since somebody last looked."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role, users
from newsletter.errors import Refused
from newsletter.web.ask import Ask
from newsletter.web.routing import Pages

pages = Pages()
pages.nav("Today", "/", order=0)


@pages.get("/", Role.VIEWER)
def today(ask: Ask) -> Response:
    return ask.page(
        "today.html",
        now=ask.site.clock.now(),
        desks=press.desks(ask.site),
        changes=press.changes(ask.site, ask.me.looked_at),
    )


@pages.post("/looked", Role.VIEWER, own=True)
def looked(ask: Ask) -> Response:
    try:
        until = datetime.fromisoformat(ask.form.get("until"))
        if until.tzinfo is None:
            raise ValueError
    except ValueError:
        raise Refused("that is no instant up to which anything could have been seen") from None
    users.has_looked(ask.site.database, ask.user_id, min(until, ask.site.clock.now()))
    return ask.go("/")
