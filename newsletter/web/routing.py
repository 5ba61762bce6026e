"""How a module of the desk says which pages it has: each with the role that it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from starlette.responses import Response

from newsletter.accounts import Role
from newsletter.audience.tokens import PAGES, Purpose

if TYPE_CHECKING:
    from newsletter.web.ask import Ask
    from newsletter.web.caller import Caller
    from newsletter.web.visit import Visit

Handler = Callable[["Ask"], Response] | Callable[["Ask"], Awaitable[Response]]
"""A plain function runs in a thread and may call the press; a coroutine runs on the web server's loop and must not
block it."""

ReaderHandler = Callable[["Visit"], Response] | Callable[["Visit"], Awaitable[Response]]
"""A page of a reader's, who is no user of the desk; runs as a `Handler` does."""

CallerHandler = Callable[["Caller"], Response]
"""A page for whoever comes by and may send its form; runs in a thread."""

PUBLIC: Final = None
"""In place of a role: for whoever comes by. The tests hold the list of these pages."""

EDITION = "/editions/{briefing}/{date}"
"""Where the pages of an edition are; `Ask.key` is its key."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path."""

    path: str
    method: str
    role: Role | None
    handler: Handler
    own: bool
    """Whether it changes nothing but what is the asking person's own."""


@dataclass(frozen=True, slots=True)
class Signed:
    """One method of the pages behind readers' links of one purpose."""

    path: str
    method: str
    purpose: Purpose
    handler: ReaderHandler


@dataclass(frozen=True, slots=True)
class Called:
    """One method of a page with a form that anybody may send."""

    path: str
    method: str
    handler: CallerHandler


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the navigation, or a tab of an edition (then ``path`` is what follows the edition's own)."""

    label: str
    path: str
    order: int
    role: Role


@dataclass(slots=True)
class Pages:
    """The pages of one topic. A module makes one, and `newsletter.web.app` lists it."""

    endpoints: list[Endpoint] = field(default_factory=list)
    signed: list[Signed] = field(default_factory=list)
    called: list[Called] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    tabs: list[Link] = field(default_factory=list)

    def get(self, path: str, role: Role | None) -> Callable[[Handler], Handler]:
        """Registers what shows a page, to people of this role or a higher one."""
        return self._register(path, "GET", role, own=False)

    def post(self, path: str, role: Role | None, *, own: bool = False) -> Callable[[Handler], Handler]:
        """Registers what takes a form. ``own`` says that it changes only what is the person's own: then a viewer may.

        The form's token was checked before the handler is called.
        """
        if role == Role.VIEWER and not own:
            raise ValueError(f"{path} changes something, and viewers change nothing: write a higher role, or own=True")
        return self._register(path, "POST", role, own=own)

    def reader(self, method: Literal["GET", "POST"], purpose: Purpose) -> Callable[[ReaderHandler], ReaderHandler]:
        """Registers what is behind readers' links of a purpose. Such a page has no session, no cookie and no form's
        token: the signature in its address is the whole authority, and is looked at before the handler is called."""

        def register(handler: ReaderHandler) -> ReaderHandler:
            self.signed.append(Signed(f"/{PAGES[purpose]}/{{token:path}}", method, purpose, handler))
            return handler

        return register

    def caller(self, method: Literal["GET", "POST"], path: str) -> Callable[[CallerHandler], CallerHandler]:
        """Registers a page with a form that anybody may send, from any site's page: it has no session, no cookie and no
        form's token, so whatever it does must be harmless when somebody else made a browser send it."""

        def register(handler: CallerHandler) -> CallerHandler:
            self.called.append(Called(path, method, handler))
            return handler

        return register

    def nav(self, label: str, path: str, *, order: int, role: Role = Role.VIEWER) -> None:
        """Adds a place to the navigation, for those who may go there."""
        self.links.append(Link(label, path, order, role))

    def tab(self, label: str, name: str, *, order: int) -> None:
        """Adds a tab to every edition's pages; its page is at `EDITION` ``/name``."""
        self.tabs.append(Link(label, name, order, Role.VIEWER))

    def _register(self, path: str, method: str, role: Role | None, *, own: bool) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.endpoints.append(Endpoint(path, method, role, handler, own))
            return handler

        return register
