"""The Grid and Compare tabs: all segments beside each other, and the edition beside the last one."""

from __future__ import annotations

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.errors import NewsletterError, NotFound
from newsletter.web.ask import Ask
from newsletter.web.routing import EDITION, Pages

pages = Pages()
pages.tab("Grid", "grid", order=30)
pages.tab("Compare", "compare", order=40)


@pages.get(f"{EDITION}/grid", Role.VIEWER)
def grid(ask: Ask) -> Response:
    found, trouble = None, ""
    try:
        found = press.grid(ask.site, ask.key)
    except NotFound:
        raise
    except NewsletterError as error:
        trouble = str(error)
    return ask.edition_page("grid.html", tab="grid", grid=found, trouble=trouble)


@pages.get(f"{EDITION}/compare", Role.VIEWER)
def compare(ask: Ask) -> Response:
    found, trouble = None, ""
    try:
        found = press.compare(ask.site, ask.key, ask.query("segment"))
    except NotFound:
        raise
    except NewsletterError as error:
        trouble = str(error)
    return ask.edition_page("compare.html", tab="compare", comparison=found, trouble=trouble)
