"""Readers' pages in a real browser, from a real server: in every language, in the light and in the dark, without script."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select, update

from newsletter.audience.models import ServiceMail, SignUp, Subscriber, Suppression
from newsletter.audience.suppression import suppress
from newsletter.catalogues import languages
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.press import Site, erasure, join, moving
from newsletter.press.service import send_waiting
from newsletter.testing import FixedClock
from newsletter.web import WebServer, preferences
from tests.sites import CONFIG, READERS, make_site, outbox
from tools.browser import Browser, browser

CHOICES = "choices: {country: {title: Your edition, values: {DE: Germany, US: America}}}\n"
FREQUENCIES = "    frequencies: {weekend: {title: Saturdays only, days: [sat]}}\n"


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
    config = CONFIG.replace("briefings:", f"web: {{port: {port}}}\n{CHOICES}briefings:")
    config = config.replace("    min_stories:", f"{FREQUENCIES}    min_stories:", 1)
    config = config.replace("timezone:", "contact: edith@courier.example.org\n  timezone:", 1)
    readers = f"{READERS}omar.home@example.org,Omar,FR\n"
    site = make_site(folder / "site", database, clock, config=config, readers=readers)
    with WebServer(site) as server:
        yield server.url, site
    database.close()


def link(site: Site, purpose: Any, name: str) -> str:
    """A reader's link, without edition."""
    with site.database.reading() as session:
        number = session.scalars(select(Subscriber.id).where(Subscriber.email_norm == f"{name}@example.org")).one()
    return f"/{purpose[0]}/{site.tokens.sign(purpose, 0, number, 'morning')}"


def mailed(site: Site, kind: str, name: str) -> str:
    """The link of a mail that asks a reader to confirm: a new address, or an erasure."""
    with site.database.reading() as session:
        reader = session.scalars(select(Subscriber).where(Subscriber.email_norm == f"{name}@example.org")).one()
    if kind == "address":
        moving.ask_move(site, reader.id, f"{name}@harbour.example", "en")
    else:
        erasure.ask_erasure(site, reader.id, "en")
    with site.database.reading() as session:
        newest = select(ServiceMail).where(ServiceMail.kind == kind).order_by(ServiceMail.id.desc()).limit(1)
        return urlsplit(session.scalars(newest).one().content["url"]).path


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


def asked_to_join(url: str, site: Site) -> list[str]:
    """The page to join, and the one that a mail leads to, in whichever language it is looked at."""
    with httpx.Client(base_url=url) as client:
        client.post("/join", data={"email": "nora@example.org", "language": "none"})
    with site.database.writing() as session:
        session.execute(update(SignUp).values(language=""))
        row = session.scalars(select(SignUp).where(SignUp.email == "nora@example.org")).one()
        return ["/join", urlsplit(join.page(site, row)).path]


@pytest.mark.needs("chromium", "node judges")
def test_axe_finds_nothing_in_any_language_and_no_page_is_wider_than_the_window(
    request: pytest.FixtureRequest, served: tuple[str, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the narrowest phone, in the light and in the dark."""
    url, site = served
    monkeypatch.setattr(preferences, "zones", lambda: ("Africa/Cairo", "Europe/Berlin"))  # axe looks at each of 500
    leaving, choosing = link(site, "unsubscribe", "rita"), link(site, "preferences", "edith")
    asked = [mailed(site, "address", "rita"), mailed(site, "erase", "omar")]
    joining = [*asked_to_join(url, site), "/link", "/join?briefing=x"]
    paths = [leaving, choosing, *joining, *asked, link(site, "unsubscribe", "omar"), "/u/x"]
    found: list[Any] = []
    opened: Browser = request.getfixturevalue("chromium")
    with opened.context(url, width=320) as context:
        page = context.new_page()
        for language in languages():
            page.set_extra_http_headers({"accept-language": language})
            # What differs between languages differs on the first ones; the others are looked at in each direction.
            for path in paths if language in ("en", "ar") else paths[:4]:
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


@pytest.mark.needs("chromium")
def test_somebody_signs_up_and_confirms_without_script(
    request: pytest.FixtureRequest, served: tuple[str, Site]
) -> None:
    """By keyboard, from the page to the mail and back."""
    url, site = served
    opened: Browser = request.getfixturevalue("chromium")
    with opened.context(url, script=False, bypass_policy=False) as context:
        page = context.new_page()
        page.goto("/join")
        assert not page.locator("#fax").is_visible() or page.locator("#fax").bounding_box()["x"] < 0  # type: ignore[index]
        page.get_by_label("E-mail address").fill("otto@example.org")
        page.get_by_label("E-mail address").press("Enter")
        page.get_by_role("heading", name="Look at your mail").wait_for()
        sending = threading.Thread(target=lambda: asyncio.run(send_waiting(site)))  # the browser has a loop here
        sending.start()
        sending.join()
        [mail] = [path.read_text() for path in outbox(site) if "To: otto@example.org" in path.read_text()]
        page.goto(re.findall(r"https://courier\.example\.org(/join/[a-zA-Z0-9_.-]+)", mail.replace("=\n", ""))[0])
        page.get_by_role("button", name="Yes, send me this").press("Enter")
        page.get_by_role("heading", name="Welcome").wait_for()
        assert context.cookies() == []


@pytest.mark.needs("chromium")
def test_a_browser_does_the_work_that_a_form_wants(
    request: pytest.FixtureRequest, served: tuple[str, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By our own script, under the page's own policy; without script the page says what it needs."""
    url, site = served
    forms = site.settings.readers.forms.model_copy(update={"proof_of_work": 12})
    readers = site.settings.readers.model_copy(update={"forms": forms})
    monkeypatch.setattr(site, "settings", site.settings.model_copy(update={"readers": readers}))
    opened: Browser = request.getfixturevalue("chromium")
    for script in (True, False):
        with opened.context(url, script=script, bypass_policy=False) as context:
            page, said = context.new_page(), []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.goto("/join")
            if not script:
                page.get_by_text("This form needs JavaScript").wait_for()
                continue
            page.get_by_label("E-mail address").fill("worker@example.org")
            page.get_by_role("button", name="Sign up").click()
            page.get_by_role("heading", name="Look at your mail").wait_for()
            assert said == []
    with site.database.reading() as session:
        assert "worker@example.org" in session.scalars(select(SignUp.email)).all()


@pytest.mark.needs("chromium", "node judges")
def test_a_reader_asks_for_an_address_and_to_be_forgotten_without_script(
    request: pytest.FixtureRequest, served: tuple[str, Site]
) -> None:
    """What the pages say when it is done is looked at by axe as well, in the light and in the dark."""
    url, site = served
    opened: Browser = request.getfixturevalue("chromium")
    found: list[Any] = []
    with opened.context(url, width=320) as context:
        page = context.new_page()

        def looked() -> None:
            found.extend([*opened.axe_of(page), *opened.contrast_of(page, "dark")])
            assert page.evaluate("document.documentElement.scrollWidth") <= 320

        page.goto(link(site, "preferences", "omar.home"))
        page.get_by_label("New address").fill("omar at home")
        page.evaluate("document.getElementById('email').form.noValidate = true")
        page.get_by_role("button", name="Change my address").press("Enter")
        page.get_by_text("That is no e-mail address").wait_for()
        looked()
        page.goto(mailed(site, "address", "omar.home"))
        page.get_by_role("button", name="Use this address").press("Enter")
        page.get_by_role("heading", name="Your mail comes to this address now").wait_for()
        looked()
        with site.database.reading() as session:
            moved = session.scalars(
                select(Subscriber).where(Subscriber.email_norm == "omar.home@harbour.example")
            ).one()
        erasure.ask_erasure(site, moved.id, "en")
        with site.database.reading() as session:
            newest = select(ServiceMail).where(ServiceMail.kind == "erase").order_by(ServiceMail.id.desc()).limit(1)
            path = urlsplit(session.scalars(newest).one().content["url"]).path
        page.goto(path)
        page.get_by_role("button", name="Delete everything").press("Enter")
        page.get_by_role("heading", name="Everything is deleted").wait_for()
        looked()
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
