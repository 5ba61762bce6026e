"""The desk as an ASGI application: its topics, its routes, its headers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter.press import Site
from newsletter.press.clicks import FLUSH, ClickCounter
from newsletter.web import (
    archive,
    board,
    checks,
    click,
    confirm,
    edition,
    grid,
    history,
    join,
    leave,
    mine,
    online,
    preferences,
    preview,
    segments,
    send,
    sending,
    share,
    signin,
    today,
    users,
)
from newsletter.web.guard import Guard
from newsletter.web.headers import Headers
from newsletter.web.routing import Called, Endpoint, Signed
from newsletter.web.views import STATIC

TOPICS = (
    today.pages,
    edition.pages,
    board.pages,
    preview.pages,
    grid.pages,
    checks.pages,
    share.pages,
    send.pages,
    sending.pages,
    history.pages,
    segments.pages,
    mine.pages,
    users.pages,
    signin.pages,
    leave.pages,
    preferences.pages,
    online.pages,
    join.pages,
    click.pages,
    archive.pages,
    confirm.pages,
)
"""Every page of the desk and of readers. A new module is added here, and nowhere else."""

THREADS = 8
"""How many requests are worked on at once. The press shares the processors, and SQLite has one writer."""


def create_app(site: Site) -> ASGIApp:
    """The desk of a site, and the pages behind its readers' links."""
    # What signs readers' links is made now if there is none yet: looking at a page then writes nothing.
    _ = site.links
    guard = Guard(site, TOPICS)
    paths: dict[str, dict[str, Endpoint]] = {}
    for endpoint in guard.endpoints:
        methods = paths.setdefault(endpoint.path, {})
        if endpoint.method in methods:
            raise ValueError(f"there are two pages for {endpoint.method} {endpoint.path}")
        methods[endpoint.method] = endpoint
    links: dict[str, dict[str, Signed]] = {}
    for signed in guard.signed:
        links.setdefault(signed.path, {})[signed.method] = signed
    called: dict[str, dict[str, Called]] = {}
    for one in guard.called:
        called.setdefault(one.path, {})[one.method] = one
    # Every method comes to the guard, so that no answer but a reader's page is ever given there. Routes are tried
    # in their order, and many more readers come than editors.
    routes: list[BaseRoute] = [Route(path, _AnsweringReaders(guard, methods)) for path, methods in links.items()]
    routes += [Route(path, _AnsweringCallers(guard, methods)) for path, methods in called.items()]
    routes += [Route(path, _answering(guard, methods), methods=list(methods)) for path, methods in paths.items()]
    app = Starlette(
        routes=[*routes, Mount("/static", _Static(directory=STATIC))],
        exception_handlers={HTTPException: guard.http_error},
        lifespan=_lasting(guard.clicks),
    )
    app.router.redirect_slashes = False
    return Headers(app)


def _answering(guard: Guard, methods: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await guard.answer(request, methods)

    return answer


class _AnsweringReaders:
    """An ASGI application, since a route of a function takes some methods only."""

    def __init__(self, guard: Guard, methods: dict[str, Signed]) -> None:
        self.guard, self.methods = guard, methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.guard.answer_reader(Request(scope, receive), self.methods)
        await response(scope, receive, send)


class _AnsweringCallers:
    """As `_AnsweringReaders`."""

    def __init__(self, guard: Guard, methods: dict[str, Called]) -> None:
        self.guard, self.methods = guard, methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.guard.answer_caller(Request(scope, receive), self.methods)
        await response(scope, receive, send)


def _lasting(clicks: ClickCounter) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """What goes on while the server runs: few threads, and the counts of clicks come into the database."""

    @asynccontextmanager
    async def lasts(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        async with anyio.create_task_group() as beside:
            beside.start_soon(_flushing, clicks)
            yield
            beside.cancel_scope.cancel()
        await anyio.to_thread.run_sync(partial(clicks.flush, last=True))

    return lasts


async def _flushing(clicks: ClickCounter) -> None:
    # Until the server stops.
    while True:
        await anyio.sleep(FLUSH)
        await anyio.to_thread.run_sync(clicks.flush)


class _Static(StaticFiles):
    """Our own files. Their addresses change with them, so that browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response
