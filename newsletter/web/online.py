"""Behind the view link: the reader's own mail as it was sent."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from newsletter import press
from newsletter.web.headers import OWN_MAIL_POLICY
from newsletter.web.routing import Pages
from newsletter.web.visit import PRIVATE, Visit

pages = Pages()


@pages.reader("GET", "view")
def show(visit: Visit) -> Response:
    html = press.own_mail(visit.site, visit.token.edition_id, visit.number)
    return HTMLResponse(html, headers={"content-security-policy": OWN_MAIL_POLICY, **PRIVATE})
