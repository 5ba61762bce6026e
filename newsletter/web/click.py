"""Behind a counted link: on to where it leads. What it leads to is held by us and stands in no address."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from newsletter.errors import NotFound
from newsletter.web.caller import Caller
from newsletter.web.routing import Pages
from newsletter.web.visit import PRIVATE

pages = Pages()


@pages.caller("GET", "/c/{code}")
def click(caller: Caller) -> Response:
    request = caller.request
    said = [request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz")]
    url = caller.clicks.follow(
        caller.path("code"),
        agent=request.headers.get("user-agent", ""),
        address=request.client.host if request.client else "",
        prefetch=any("prefetch" in one or "preview" in one for one in said),
        head=request.method == "HEAD",
    )
    if not url:
        raise NotFound("there is no such link")
    return RedirectResponse(url, 302, headers={**PRIVATE, "cache-control": "no-store"})
