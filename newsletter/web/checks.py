"""The Checks tab: what the checks say of an edition as it would go out now."""

from __future__ import annotations

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.web.ask import Ask
from newsletter.web.routing import EDITION, Pages

pages = Pages()
pages.tab("Checks", "checks", order=50)


@pages.get(f"{EDITION}/checks", Role.VIEWER)
def checks(ask: Ask) -> Response:
    return ask.edition_page("checks.html", tab="checks", checked=True)


@pages.get(f"{EDITION}/checks/count", Role.VIEWER)
def count(ask: Ask) -> Response:
    """The number at the tab, for the pages that did not wait for it."""
    return ask.page("checks-count.html", edition=press.standing(ask.site, ask.key))
