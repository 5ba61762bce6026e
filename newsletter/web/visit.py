"""A reader at one of the links of their mail: what a handler is given, and the answers that it can give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from newsletter.audience.tokens import PAGES, Token
from newsletter.catalogues import Words, words_for
from newsletter.press import Site, choices
from newsletter.press.choices import Reader
from newsletter.press.oneclick import OneClick
from newsletter.web.forms import Form
from newsletter.web.headers import READER_POLICY
from newsletter.web.views import environment

PRIVATE = {"x-robots-tag": "noindex, nofollow, noarchive", "referrer-policy": "no-referrer"}
"""What every answer to a reader says beside the policy: their links are nobody else's."""


def is_readers(path: str) -> bool:
    """Whether a path is one of readers' links, whole or not."""
    return path.split("/", 2)[1:2] in [[page] for page in PAGES.values()]


@dataclass
class Visit:
    """One request to a reader's link, once its signature has been looked at."""

    site: Site
    request: Request
    token: Token
    form: Form
    one_click: OneClick

    @property
    def number(self) -> int:
        """The reader's."""
        return self.token.subscriber_id

    @property
    def briefing_name(self) -> str:
        """What readers call the briefing that the link is of."""
        return choices.name_of(self.site, self.token.briefing)

    @property
    def reader(self) -> Reader:
        """The reader as they are now. Raises `NotFound`."""
        return choices.reader(self.site, self.number)

    @cached_property
    def words(self) -> Words:
        """The words of the reader's language, as they were before this request changed anything. Raises `NotFound`."""
        return words_of(self.site, self.request, self.reader.language)

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page out of a template of ours, which extends ``visit.html``; forms on it come back to this link."""
        return reader_page(self.site, template, self.words, status, name=self.briefing_name, **values)


def words_of(site: Site, request: Request, language: str = "") -> Words:
    """The words in a reader's own language, else in one that their browser asks for, else in the publication's."""
    return words_for(language, request.headers.get("accept-language", ""), site.settings.publication.language)


def unknown(site: Site, request: Request, status: int = 404, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """The one answer to a link that is not ours, not whole, or nobody's any more."""
    response = reader_page(site, "visit-unknown.html", words_of(site, request), status, broken=False)
    response.headers.update(headers or {})
    return response


def broken(site: Site, request: Request) -> HTMLResponse:
    """The answer when we have failed."""
    return reader_page(site, "visit-unknown.html", words_of(site, request), 500, broken=True)


def reader_page(
    site: Site, template: str, words: Words, status: int, *, policy: str = READER_POLICY, **values: Any
) -> HTMLResponse:
    """A page out of a template of ours, which extends ``visit.html``, for whoever is no user of the desk."""
    html = environment().get_template(template).render(t=words, publication=site.settings.publication, **values)
    return HTMLResponse(html, status, headers={"content-security-policy": policy, **PRIVATE})
