"""The desk for tests: an application that is asked in this process, by somebody with a cookie jar of their own."""

from __future__ import annotations

import asyncio
import re
import threading
from functools import cache
from typing import Any

import httpx
from starlette.types import ASGIApp

from newsletter.accounts import Role, sessions, users
from newsletter.accounts.passwords import hash_password
from newsletter.clock import Clock, SystemClock
from newsletter.press import Site
from newsletter.stories.importers.fetch import Probed
from newsletter.web import create_app
from newsletter.web.who import session_cookie

URL = "http://127.0.0.1:8025"
PASSWORD = "a harbour at six in the morning"
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


class Answering:
    """In place of the guard that asks links over the network: every one answers, ``gate`` permitting."""

    clock = SystemClock()
    gate = threading.Event()

    def __init__(self, _clock: Clock) -> None:
        self.gate.set()

    def probe(self, url: str) -> Probed:
        assert self.gate.wait(30)
        return Probed(url, 404 if "bank" in url else 200, "text/html", None)


class Visitor:
    """A browser without script. What it sends by hand (`post`) has the token of the page it looked at last."""

    def __init__(self, app: ASGIApp, **headers: str) -> None:
        self.app, self.headers = app, headers
        self.cookies = httpx.Cookies()
        self.page = ""

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(
        self, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        found = _TOKEN.search(self.page)
        said = token if token is not None else (found[1] if found else "")
        return self.ask("POST", path, data={"form_token": said, **fields}, headers=headers or {})

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        more["headers"] = {**self.headers, **more.pop("headers", {})}
        response = asyncio.run(self._ask(method, path, more))
        framed = response.headers.get("content-security-policy", "").startswith("sandbox")
        if "text/html" in response.headers.get("content-type", "") and not framed and "<html" in response.text:
            self.page = response.text
        return response

    async def _ask(self, method: str, path: str, more: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url=URL, cookies=self.cookies) as client:
            response = await client.request(method, path, **more)
            self.cookies = client.cookies
            return response


def visitor(site: Site, **headers: str) -> Visitor:
    """Somebody whom the desk does not know."""
    return Visitor(create_app(site), **headers)


@cache
def hashed() -> str:
    """What is kept of `PASSWORD`: hashed once, for it is slow on purpose."""
    return hash_password(PASSWORD)


def account(site: Site, name: str, role: Role) -> int:
    """An account with `PASSWORD`."""
    with site.database.writing() as session:
        return users.make(session, name, role, hashed(), site.clock.now()).id


def signed_in(site: Site, name: str = "Edith", role: Role = Role.EDITOR) -> Visitor:
    """Somebody with a new account and a session, who has looked at their own page."""
    user = account(site, name, role)
    with site.database.writing() as session:
        token = sessions.begin(session, user, site.clock.now(), agent="a test", address="127.0.0.1")
    found = visitor(site)
    found.cookies.set(session_cookie(secure=False), token, domain="127.0.0.1", path="/")
    found.get("/me")
    return found
