"""What stands before every page: who asks, whether they may, whether the form is ours; and what an error looks like."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from newsletter.accounts.attempts import TooOften
from newsletter.accounts.passwords import BadPassword
from newsletter.accounts.secrets import is_form_token
from newsletter.audience.tokens import BadToken
from newsletter.errors import NewsletterError, NotFound, Refused
from newsletter.press import Site
from newsletter.press.clicks import ClickCounter
from newsletter.press.linkcheck import LinkDesk
from newsletter.press.oneclick import OneClick
from newsletter.web.ask import Ask
from newsletter.web.caller import Caller, is_callers
from newsletter.web.forms import Forged, Form, NoForm, TooLarge, read_form, read_reader_form, refuse_elsewhere
from newsletter.web.live import Live
from newsletter.web.routing import PUBLIC, Called, Endpoint, Pages, Signed
from newsletter.web.visit import Visit, broken, is_readers, unknown
from newsletter.web.who import Who, bearer, who_asks

_log = logging.getLogger(__name__)

FORM_TOKEN = "form_token"  # noqa: S105
"""The field in which a form carries its token."""


class Busy(NewsletterError):
    """So many people watch that there is no stream of events left: reload the page to see how far it is."""


_STATUS: tuple[tuple[type[NewsletterError], int], ...] = (
    (NotFound, 404),
    (Forged, 403),
    (TooLarge, 413),
    (NoForm, 415),
    (TooOften, 429),
    (BadPassword, 422),
    (Busy, 503),
    (Refused, 409),
)
"""The first that fits; what else a person reads of (a template, the configuration) is the site's fault: 500."""


class MayNot(NewsletterError):
    """You are signed in, and your role does not allow this."""


E = TypeVar("E", Signed, Called)


class Guard:
    """The desk of one site: its pages, and how a request comes to them."""

    def __init__(self, site: Site, topics: Iterable[Pages]) -> None:
        topics = tuple(topics)
        self.site = site
        self.base_url = site.settings.web.address
        self.live = Live(site)
        self.one_click = OneClick(site)
        self.links_asked = LinkDesk(site)
        self.secure = self.base_url.startswith("https://")
        self.endpoints = [one for topic in topics for one in topic.endpoints]
        self.signed = [one for topic in topics for one in topic.signed]
        self.called = [one for topic in topics for one in topic.called]
        self.clicks = ClickCounter(site)
        self.links = sorted((one for topic in topics for one in topic.links), key=lambda link: link.order)
        self.tabs = sorted((one for topic in topics for one in topic.tabs), key=lambda link: link.order)

    async def answer(self, request: Request, methods: Mapping[str, Endpoint]) -> Response:
        """Answers a request to a path that has these methods."""
        endpoint = methods["GET" if request.method == "HEAD" else request.method]
        who: Who | None = None
        try:
            who = await self.who(request)
            if endpoint.role is not PUBLIC:
                if who is None:
                    return self._unknown(request)
                if not who.role.covers(endpoint.role):
                    raise MayNot(f"this needs the role {endpoint.role}, and {who.name} is {who.role}")
            ask = Ask(self, request, who, Form([]))
            if endpoint.method == "POST":
                ask.form = await self._form(ask)
            return await _handled(endpoint.handler, ask)
        except (ClientDisconnect, HTTPException):
            raise
        except NewsletterError as error:
            return await self.failed(request, who, status_of(error), str(error))
        except Exception:
            # The address says nothing of readers; the path of a first link is a secret.
            _log.exception("a page broke off", extra={"action": "web", "page": endpoint.path})
            return await self.failed(
                request, who, 500, "This page broke off. It stands in the log; nothing was changed."
            )

    async def answer_reader(self, request: Request, methods: Mapping[str, Signed]) -> Response:
        """Answers a request to a reader's link. Nobody is asked who they are, and no cookie is looked at or set; a link
        that is not whole, not ours, or of a reader who is gone gets one and the same answer, whatever is asked of it.
        """

        def begin(endpoint: Signed) -> Callable[[Form], Visit]:
            token = self.site.tokens.read(endpoint.purpose, request.path_params["token"])
            return lambda form: Visit(self.site, request, token, form, self.one_click)

        return await self._answer_outside(request, methods, begin)

    async def answer_caller(self, request: Request, methods: Mapping[str, Called]) -> Response:
        """Answers whoever comes by and may send a form. Nobody is asked who they are; no cookie is looked at or set."""
        return await self._answer_outside(
            request, methods, lambda _: lambda form: Caller(self.site, request, form, self.clicks)
        )

    async def _answer_outside(
        self, request: Request, methods: Mapping[str, E], begin: Callable[[E], Callable[[Form], Any]]
    ) -> Response:
        """Answers somebody who is no user of the desk. ``begin`` looks at the request before its form is read, and
        returns what makes of the form what the handler is given."""
        endpoint = methods.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            return await run_in_threadpool(unknown, self.site, request, 405, {"allow": ", ".join([*methods, "HEAD"])})
        try:
            given = begin(endpoint)
            form = await read_reader_form(request) if endpoint.method == "POST" else Form([])
            return await _handled(endpoint.handler, given(form))
        except ClientDisconnect:
            raise
        except (BadToken, NotFound):
            return await run_in_threadpool(unknown, self.site, request)
        except TooLarge:
            return await run_in_threadpool(unknown, self.site, request, 413)
        except Exception:
            _log.exception("a page for readers broke off", extra={"action": "web", "page": endpoint.path})
            return await run_in_threadpool(broken, self.site, request)

    async def who(self, request: Request) -> Who | None:
        """Who asks."""
        return await run_in_threadpool(who_asks, self.site, request, secure=self.secure)

    async def _form(self, ask: Ask) -> Form:
        """The form of a request, once it is known to be one of ours. A bearer token is no cookie: no browser sends it
        by itself, so that a form with it is meant. Raises `Forged`."""
        if bearer(ask.request):
            return await read_form(ask.request)
        refuse_elsewhere(ask.request, self.base_url)
        form = await read_form(ask.request)
        if not is_form_token(ask.cookie, form.get(FORM_TOKEN)):
            raise Forged
        return form

    def _unknown(self, request: Request) -> Response:
        if bearer(request) or _wants_json(request):
            return JSONResponse(
                {"error": "this token is not known here, or was ended"}, 401, {"www-authenticate": "Bearer"}
            )
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        to = "/sign-in" + (f"?next={quote(here)}" if request.method in ("GET", "HEAD") and here != "/" else "")
        if request.headers.get("hx-request") == "true":
            return Response(status_code=401, headers={"hx-redirect": "/sign-in"})
        return RedirectResponse(to, 303)

    async def failed(self, request: Request, who: Who | None, status: int, words: str) -> Response:
        """The page of an error, or for a program its words."""
        if bearer(request) or _wants_json(request):
            return JSONResponse({"error": words}, status)
        ask = Ask(self, request, who, Form([]))
        page = await run_in_threadpool(ask.page, "error.html", status, code=status, title=_TITLES[status], words=words)
        if ask.is_htmx:  # a part of a page that cannot be had leaves the page alone; a deed that failed is said
            said = {"hx-retarget": "#main", "hx-reselect": "#main", "hx-reswap": "outerHTML"}
            page.headers.update(said if request.method == "POST" else {"hx-reswap": "none"})
        return page

    async def http_error(self, request: Request, error: Exception) -> Response:
        """The page for what Starlette refuses: no such path, no such method, a path that cannot be read."""
        assert isinstance(error, HTTPException)
        if is_readers(request.url.path) or is_callers(request.url.path):
            return await run_in_threadpool(unknown, self.site, request)
        status = error.status_code if error.status_code in _TITLES else 400
        response = await self.failed(request, await self.who(request), status, _WORDS.get(status, _WORDS[400]))
        response.headers.update(error.headers or {})
        return response


async def _handled(handler: Callable[[Any], Any], given: object) -> Response:
    """What a handler answers: a coroutine on this loop, a plain function in a thread."""
    if inspect.iscoroutinefunction(handler):
        return cast(Response, await handler(given))
    return cast(Response, await run_in_threadpool(handler, given))


def status_of(error: NewsletterError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, MayNot):
        return 403
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("application/json")


_TITLES = {
    400: "That cannot be read",
    403: "Not with your role",
    404: "Nothing here",
    405: "Not in this way",
    409: "Not now",
    413: "Too large",
    415: "Not a form",
    422: "That will not do",
    429: "Too often",
    500: "This broke off",
    503: "Too many at once",
}
_WORDS = {
    400: "The browser sent something that is no request of this desk: go back and try again.",
    404: "There is no page at this address: look at what is on today instead.",
    405: "This address does not take what the browser sent: open the page again and use its buttons.",
}
