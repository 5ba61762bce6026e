"""What a handler is given, and the answers that it can give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from newsletter import press
from newsletter.accounts.secrets import form_token, new_token
from newsletter.errors import NotFound, Refused
from newsletter.press import Site, Standing
from newsletter.web.forms import Form
from newsletter.web.headers import BARE_MAIL_POLICY, MAIL_POLICY
from newsletter.web.routing import Link
from newsletter.web.views import environment
from newsletter.web.who import Who, session_cookie

if TYPE_CHECKING:
    from newsletter.web.guard import Guard

P = ParamSpec("P")
T = TypeVar("T")

_NOTICE = "newsletter-notice"
_LEFT = ("sending", "history")
"""The tabs of an edition whose briefing was taken out of the configuration: what went out can still be read."""
_VISITOR = "visitor"
"""The cookie whose value stands for the session's in the forms of those who have none."""


@dataclass
class Ask:
    """One request, once it is known who asks and that they may."""

    guard: Guard
    request: Request
    who: Who | None
    form: Form

    @property
    def site(self) -> Site:
        """The site that the desk is of."""
        return self.guard.site

    @property
    def me(self) -> Who:
        """Who asks, on a page that needs a role."""
        assert self.who is not None
        return self.who

    @property
    def user_id(self) -> int:
        """The asking person's account. Raises `Refused` for a script."""
        if self.me.user_id is None:
            raise Refused("this is for people who are signed in: a token has no account")
        return self.me.user_id

    @property
    def address(self) -> str:
        """The network address that asks, as far as the configured proxies say."""
        return self.request.client.host if self.request.client else ""

    @property
    def is_htmx(self) -> bool:
        """Whether the script on the page asks, and wants the part of it alone."""
        return self.request.headers.get("hx-request") == "true"

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def query(self, name: str, default: str = "") -> str:
        """A value after the question mark."""
        return self.request.query_params.get(name, default)

    @cached_property
    def key(self) -> str:
        """The key of the edition that the address names. Raises `NotFound` for what is none."""
        try:
            return press.edition_of(self.site, f"{self.path('briefing')}/{self.path('date')}")
        except Refused:
            raise NotFound("there is no such edition: an address ends in a briefing and a date") from None

    @cached_property
    def form_token(self) -> str:
        """What the forms on a page carry."""
        return form_token(self.cookie)

    @cached_property
    def cookie(self) -> str:
        """The value of the cookie that forms are bound to: the session's, or a visitor's."""
        if self.who is not None and self.who.session_id is not None:
            return self.request.cookies[session_cookie(self.guard.secure)]
        return self.request.cookies.get(self._visitor) or new_token()

    @property
    def _visitor(self) -> str:
        return f"{session_cookie(self.guard.secure)}-{_VISITOR}"

    async def thread(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Runs what blocks beside the loop; for handlers that are coroutines."""
        return await run_in_threadpool(work, *arguments, **named)

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page out of a template of ours, which extends ``base.html``."""
        notice = unquote(self.request.cookies.get(_NOTICE, ""))[:500]
        html = environment().get_template(template).render(
            ask=self,
            who=self.who,
            publication=self.site.settings.publication.name,
            links=self._allowed(self.guard.links),
            form_token=self.form_token,
            notice=notice,
            zone=self.site.settings.publication.timezone,
            **values,
        )  # fmt: skip
        response = HTMLResponse(html, status)
        if notice and not self.is_htmx:
            response.delete_cookie(_NOTICE)
        if self.who is None and self.request.cookies.get(self._visitor) != self.cookie:
            self._set(response, self._visitor, self.cookie)
        return response

    def edition_page(
        self,
        template: str,
        tab: str = "",
        status: int = 200,
        *,
        checked: bool = False,
        edition: Standing | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """A page of the edition that the address names, which extends ``edition.html``: with its head and its tabs.

        ``tab`` is the name of the one that is open. The checks are asked only for a page that shows what they say
        (``checked``); on others the number at their tab comes afterwards, by script. ``edition`` is where it stands, if
        the caller knows. Raises `NotFound`.
        """
        edition = edition or press.standing(self.site, self.key, checked=checked)
        return self.page(
            template,
            status,
            edition=edition,
            tabs=[one for one in self._allowed(self.guard.tabs) if one.path in _LEFT or not edition.gone],
            tab=tab,
            **values,
        )

    def go(self, path: str, notice: str = "") -> RedirectResponse:
        """After a form was taken: on to a page, which says ``notice`` once."""
        response = RedirectResponse(path, 303)
        if notice:
            self._set(response, _NOTICE, quote(notice[:500]), max_age=60)
        return response

    def mail(self, html: str, *, pictures: bool = True) -> HTMLResponse:
        """A mail for a sandboxed frame of a page of ours. Without ``pictures`` the browser loads none of them, and
        shows what they are instead."""
        return HTMLResponse(html, headers={"content-security-policy": MAIL_POLICY if pictures else BARE_MAIL_POLICY})

    def sign_in(self, response: Response, token: str, seconds: int) -> None:
        """Gives the browser the cookie of a new session."""
        self._set(response, session_cookie(self.guard.secure), token, max_age=seconds)

    def sign_out(self, response: Response) -> None:
        """Takes the session's cookie from the browser."""
        response.delete_cookie(
            session_cookie(self.guard.secure), secure=self.guard.secure, httponly=True, samesite="lax"
        )  # fmt: skip

    def _set(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        response.set_cookie(
            name, value, max_age=max_age, path="/", secure=self.guard.secure, httponly=True, samesite="lax"
        )

    def _allowed(self, links: list[Link]) -> list[Link]:
        return [link for link in links if self.who is not None and self.who.role.covers(link.role)]
