"""An edition's own page: where it stands. The tabs beside it are other modules' pages."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.accounts import Role
from newsletter.web.ask import Ask
from newsletter.web.routing import EDITION, Pages

pages = Pages()


@pages.get(EDITION, Role.VIEWER)
def hub(ask: Ask) -> Response:
    return ask.edition_page("edition-hub.html", checked=True)
