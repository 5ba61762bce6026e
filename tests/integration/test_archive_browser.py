"""Past editions in a real browser, from a real server: in every language, in the light and in the dark, without script."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import press
from newsletter.catalogues import languages
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.editions.models import Variant
from newsletter.press import Site
from newsletter.testing import FixedClock
from newsletter.web import WebServer
from tests.sites import CONFIG, make_site
from tools.browser import Browser, browser

KEY = "morning/2026-11-23"
AT = f"/archive/{KEY}"
HOSTILE = "* { display: none !important } body, h1, p, .notice { color: red !important; background: red !important }"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    """A server of an archive with one edition, which was corrected."""
    folder = tmp_path_factory.mktemp("archive")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = Database(f"sqlite:///{folder / 'n.db'}")
    upgrade(database)
    config = CONFIG.replace("briefings:", f"web: {{port: {port}}}\nbriefings:")
    config = config.replace("    min_stories: 2\n", "    min_stories: 2\n    archive: all\n")
    site = make_site(folder / "site", database, FixedClock(), config=config)
    press.assemble(site, "morning")
    asyncio.run(press.send(site, KEY))
    press.correct(site, KEY, "It was Monday.", "Edith")
    with WebServer(site) as server:
        yield server.url, site
    database.close()


@pytest.fixture(autouse=True)
def _in_english(served: tuple[str, Site]) -> None:
    speaking(served[1], "en")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


def speaking(site: Site, language: str, show: str = "all") -> None:
    """Has the site speak a language, and show that much of its archive."""
    settings = site.settings
    direction = languages()[language].direction
    publication = settings.publication.model_copy(update={"language": language, "direction": direction})
    briefing = settings.briefings["morning"]
    archive = briefing.archive.model_copy(update={"show": show})
    site.settings = settings.model_copy(
        update={
            "publication": publication,
            "briefings": {"morning": briefing.model_copy(update={"archive": archive})},
        }
    )


@pytest.mark.needs("chromium", "node judges")
def test_axe_finds_nothing_in_any_language_and_no_page_is_wider_than_the_window(
    served: tuple[str, Site], request: pytest.FixtureRequest
) -> None:
    """On the narrowest phone, in the light and in the dark; the mail inside of the page is looked at as well."""
    url, site = served
    opened: Browser = request.getfixturevalue("chromium")
    found: list[Any] = []
    with opened.context(url, width=320) as context:
        page = context.new_page()
        for language in languages():
            for show, path in (("all", "/archive"), ("all", AT), ("first", AT)):
                if language not in ("en", "ar") and (show, path) != ("all", AT):
                    continue
                speaking(site, language, show)
                page.emulate_media(color_scheme="light")
                page.goto(f"{path}?{language}-{show}")  # a browser keeps what it has seen for a minute
                assert page.get_attribute("html", "lang") == language
                if path == AT and show == "all":
                    assert page.get_by_role("heading", name="Morning Briefing", exact=True).is_visible()
                rules = [*opened.axe_of(page), *opened.contrast_of(page, "dark")]
                found += [(language, show, path, rule["id"], [n["html"] for n in rule["nodes"]]) for rule in rules]
                assert page.evaluate("document.documentElement.scrollWidth") <= 320, (language, show, path)
    assert found == []


@pytest.mark.needs("chromium")
def test_an_edition_is_read_without_script_and_asks_no_other_host(
    served: tuple[str, Site], request: pytest.FixtureRequest
) -> None:
    """The page's policy has nothing to say, and no cookie is set."""
    url, _ = served
    opened: Browser = request.getfixturevalue("chromium")
    asked, said = [], []
    with opened.context(url, script=False, bypass_policy=False) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto("/archive")
        page.get_by_role("link", name="Monday Briefing: Harbour").press("Enter")
        page.get_by_text("The first paragraph of the harbour.").wait_for()
        page.get_by_role("heading", name="Corrected after it was sent").wait_for()
        assert page.get_by_text("Read the edition as a page of its own").is_hidden()
        assert said == []
        page.goto(
            f"{AT}/mail"
        )  # it belongs to no origin, so that what a browser asks for by itself (an icon) is refused
        page.get_by_text("The first paragraph of the harbour.").wait_for()
        assert context.cookies() == []
    assert [one for one in asked if not one.startswith(f"{url}/")] == []


@pytest.mark.needs("chromium")
def test_no_style_of_the_mail_reaches_the_page_and_none_of_the_page_the_mail(
    served: tuple[str, Site], request: pytest.FixtureRequest
) -> None:
    url, site = served
    opened: Browser = request.getfixturevalue("chromium")
    look = "one => ({...getComputedStyle(one)})"
    with opened.context(url) as context:
        page = context.new_page()
        page.goto(AT)
        before = page.evaluate(look, page.query_selector("main > h1"))
        inside = page.evaluate("document.querySelector('.mail').shadowRoot.querySelector('h1').offsetHeight")
        alone = context.new_page()
        alone.set_viewport_size({"width": 640, "height": 800})
        alone.goto(f"{AT}/mail")
        assert alone.evaluate("document.querySelector('h1').offsetHeight") == inside
        with site.database.writing() as session:
            was = session.scalars(select(Variant.html).where(Variant.segment == "world")).one()
        written(site, was.replace("</head>", f"<style>{HOSTILE}</style></head>"))
        try:
            page.goto(f"{AT}?again")  # the browser has the page itself already
            after = page.evaluate(look, page.query_selector("main > h1"))
            assert page.get_by_role("heading", name="Corrected after it was sent").is_visible()
            assert page.get_by_text("The first paragraph of the harbour.").is_hidden()
        finally:
            written(site, was)
    assert after == before


def written(site: Site, html: str) -> None:
    """Has the mail of the archive be another one."""
    with site.database.writing() as session:
        session.execute(update(Variant).where(Variant.segment == "world").values(html=html))
