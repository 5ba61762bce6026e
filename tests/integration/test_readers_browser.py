"""Readers' pages in a real browser, from a real server: in every language, in the light and in the dark, without script."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.suppression import suppress
from newsletter.catalogues import languages
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.press import Site
from newsletter.testing import FixedClock
from newsletter.web import WebServer, preferences
from tests.sites import CONFIG, make_site
from tools.browser import Browser, browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    """A server of readers' pages: Rita gets the briefing, Omar has left it, Edith is on a break, Jo is not touched."""
    folder = tmp_path_factory.mktemp("readers")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = Database(f"sqlite:///{folder / 'n.db'}")
    upgrade(database)
    clock = FixedClock()
    config = CONFIG.replace("briefings:", f"web: {{port: {port}}}\nbriefings:")
    config = config.replace("timezone:", "contact: edith@courier.example.org\n  timezone:", 1)
    site = make_site(folder / "site", database, clock, config=config)
    with WebServer(site) as server:
        yield server.url, site
    database.close()


def link(site: Site, purpose: Any, name: str) -> str:
    """A reader's link, without edition."""
    with site.database.reading() as session:
        number = session.scalars(select(Subscriber.id).where(Subscriber.email_norm == f"{name}@example.org")).one()
    return f"/{purpose[0]}/{site.tokens.sign(purpose, 0, number, 'morning')}"


def test_one_click_over_the_network_needs_no_browser(served: tuple[str, Site]) -> None:
    """From a connection that has said nothing before, and again."""
    url, site = served
    for _ in range(2):
        with httpx.Client(base_url=url) as provider:
            response = provider.post(link(site, "unsubscribe", "jo"), data={"List-Unsubscribe": "One-Click"})
        assert (response.status_code, response.content, response.cookies) == (200, b"", httpx.Cookies())
    with site.database.reading() as session:
        assert "jo@example.org" in session.scalars(select(Suppression.email_norm)).all()


@pytest.fixture(scope="module")
def chromium(served: tuple[str, Site]) -> Iterator[Browser]:
    site = served[1]
    with site.database.writing() as session:
        suppress(session, "omar@example.org", "unsubscribed", site.clock, "morning")
    with httpx.Client(base_url=served[0]) as client:
        client.post(link(site, "unsubscribe", "edith"), data={"action": "pause", "until": "2026-12-24"})
    with browser() as found:
        yield found


@pytest.mark.needs("chromium", "node judges")
def test_axe_finds_nothing_in_any_language_and_no_page_is_wider_than_the_window(
    request: pytest.FixtureRequest, served: tuple[str, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the narrowest phone, in the light and in the dark."""
    url, site = served
    monkeypatch.setattr(preferences, "zones", lambda: ("Africa/Cairo", "Europe/Berlin"))  # axe looks at each of 500
    leaving, choosing = link(site, "unsubscribe", "rita"), link(site, "preferences", "edith")
    paths = [leaving, choosing, link(site, "unsubscribe", "omar"), "/u/x"]
    found: list[Any] = []
    opened: Browser = request.getfixturevalue("chromium")
    with opened.context(url, width=320) as context:
        page = context.new_page()
        for language in languages():
            page.set_extra_http_headers({"accept-language": language})
            # What differs between languages differs on these two; the others are looked at in each direction.
            for path in paths if language in ("en", "ar") else paths[:2]:
                page.emulate_media(color_scheme="light")
                page.goto(path)
                assert page.get_attribute("html", "lang") == language
                rules = [*opened.axe_of(page), *opened.contrast_of(page, "dark")]
                found += [(language, path, rule["id"], [node["html"] for node in rule["nodes"]]) for rule in rules]
                assert page.evaluate("document.documentElement.scrollWidth") <= 320, (language, path)
    assert found == []


@pytest.mark.needs("chromium")
def test_a_reader_leaves_and_comes_back_by_keyboard_without_script(
    request: pytest.FixtureRequest, served: tuple[str, Site]
) -> None:
    """Nothing is asked of any other host, and the page's policy has nothing to say."""
    url, site = served
    asked, said = [], []
    opened: Browser = request.getfixturevalue("chromium")
    with opened.context(url, script=False, bypass_policy=False) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(link(site, "unsubscribe", "rita"))
        page.get_by_role("button", name="Leave Morning Briefing").press("Enter")
        page.get_by_role("heading", name="You have left Morning Briefing").wait_for()
        page.get_by_role("button", name="Get Morning Briefing again").press("Enter")
        page.get_by_role("heading", name="You get Morning Briefing again").wait_for()
        assert context.cookies() == []
    assert asked
    assert not [one for one in asked if not one.startswith(f"{url}/")]
    assert said == []
