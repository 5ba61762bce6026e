"""Somebody who comes by and may send a form: what a handler is given, and the answers that it can give."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from newsletter.catalogues import Words, languages
from newsletter.press import Site, door
from newsletter.press.clicks import ClickCounter
from newsletter.press.door import Came
from newsletter.web.forms import Form
from newsletter.web.headers import READER_POLICY, WORKING_POLICY
from newsletter.web.visit import reader_page, words_of

_FIRST = ("join", "link", "address", "erase", "archive", "c")


def is_callers(path: str) -> bool:
    """Whether a path is, or looks like, one of these pages."""
    return path.split("/", 2)[1:2] in [[first] for first in _FIRST]


@dataclass
class Caller:
    """One request of somebody of whom nothing is known."""

    site: Site
    request: Request
    form: Form
    clicks: ClickCounter
    """Follows the links of mails, and counts."""

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    @property
    def came(self) -> Came:
        """How the form came in."""
        host = self.request.client.host if self.request.client else ""
        return Came(host, self.form.get("task"), self.form.get("answer"))

    @property
    def is_trapped(self) -> bool:
        """Whether something was written where no person sees a field."""
        return bool(self.form.get("fax"))

    @cached_property
    def words(self) -> Words:
        """The words of the language that the form names, or the address, or the browser asks for."""
        wanted = self.form.get("language") or self.request.query_params.get("language", "")
        return words_of(self.site, self.request, wanted if wanted in languages() else "")

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page out of a template of ours, which extends ``visit.html``."""
        return reader_page(self.site, template, self.words, status, **values)

    def form_page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The same with a form that goes through `newsletter.press.door`."""
        bits = door.bits(self.site)
        return reader_page(
            self.site,
            template,
            self.words,
            status,
            policy=WORKING_POLICY if bits else READER_POLICY,
            bits=bits,
            task=door.task(self.site) if bits else "",
            **values,
        )
