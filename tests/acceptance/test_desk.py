"""The desk as an editor and an operator use it: in a browser, before `newsletter serve`, through an SMTP server."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from playwright.sync_api import Page, expect

from newsletter.accounts import Role
from newsletter.press import Site
from newsletter.testing.stories import store
from tests.acceptance.sending import Newsroom, newsroom, until
from tests.desk import PASSWORD, account
from tools.browser import browser

pytestmark = pytest.mark.needs("chromium")

READERS = 8
FIRST = 3


class Door:
    """Takes messages as they come, and after `FIRST` of them none until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.mails: list[tuple[str, bytes]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        while len(self.mails) >= FIRST and not self.opened.is_set():  # noqa: ASYNC110 (another thread opens it)
            await asyncio.sleep(0.01)
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.rcpt_tos[0], envelope.content))
        return "250 2.0.0 taken"


@pytest.fixture
def door() -> Iterator[tuple[Door, int]]:
    handler = Door()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    handler.opened.set()
    controller.stop()


@pytest.fixture
def desk(door: tuple[Door, int], tmp_path: Path) -> Iterator[tuple[Newsroom, str]]:
    """A newsroom whose briefing leaves when somebody sends it, with the desk open beside the clock."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with newsroom(tmp_path / "site", door[1], readers=READERS, more=f"web: {{port: {port}}}\n") as there:
        config = there.folder / "config.yaml"
        text, found = re.subn(r"\n    schedule: .*", "\n    approval: required", config.read_text(encoding="utf-8"))
        assert found == 1
        config.write_text(text, encoding="utf-8")
        with there.site() as site:
            account(site, "Omar", Role.OPERATOR)
        serving = there.start("serve")
        until(lambda: _listens(port), serving)
        yield there, f"http://127.0.0.1:{port}"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def bring_in_a_story(site: Site) -> None:
    with site.database.writing() as session:
        store(session, "lanterns", now=site.clock.now(), priority=4)


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Edition").get_by_role("link", name=name, exact=True).click()


def swap(page: Page) -> None:
    """On the board: one story goes, and another takes its slot."""
    tab(page, "Board")
    page.get_by_role("button", name="Assemble again").click()
    expect(page.get_by_role("status").first).to_be_visible()
    page.get_by_role("link", name="Swap Bank").first.click()
    page.get_by_role("button", name="Choose Lanterns").click()
    expect(page.get_by_role("heading", name="Lanterns").first).to_be_visible()
    expect(page.get_by_role("heading", name="Bank", exact=True)).to_have_count(0)


def reword(page: Page, old: str, words: str) -> None:
    """On the board: the headline of a story, for this edition."""
    tab(page, "Board")
    page.get_by_role("link", name=f"Edit {old}").first.click()
    page.get_by_label("Headline").fill(words)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=words).first).to_be_visible()


def sign_in(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Name").fill("Omar")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Today")).to_be_visible()


def test_an_edition_is_looked_at_approved_changed_approved_again_sent_watched_and_reported(
    desk: tuple[Newsroom, str], door: tuple[Door, int]
) -> None:
    (there, url), (server, _) = desk, door
    key = there.key
    with there.site() as site, browser() as chromium, chromium.context(url) as context:
        page = context.new_page()
        sign_in(page)
        page.locator(f'a[href="/editions/{key}"]').first.click()
        bring_in_a_story(site)
        swap(page)
        reword(page, "Harbour", "The harbour opens at noon")
        tab(page, "Preview")
        for width in ("Phone", "Desktop"):
            seen = page.frame_locator(f'iframe[title="The mail, {width}"]')
            expect(seen.get_by_role("heading", name="The harbour opens at noon")).to_be_visible()
            expect(seen.get_by_text("Lanterns").first).to_be_attached()
        tab(page, "Send")
        mail = page.frame_locator("iframe.mail")
        expect(mail.get_by_role("heading", name="The harbour opens at noon")).to_be_visible()
        expect(mail.get_by_text("Lanterns").first).to_be_attached()
        expect(page.locator(".waves")).to_contain_text("To Europe, 4 readers, through relay")
        page.get_by_role("button", name="Approve this").click()
        expect(page.get_by_text("Approved by Omar")).to_be_visible()

        reword(page, "The harbour opens at noon", "The harbour stays shut")
        tab(page, "Send")
        void = page.locator(".notice.warn")
        expect(void).to_contain_text("The approval of Omar is void")
        expect(void).to_contain_text("“The harbour stays shut”, and was “The harbour opens at noon”")
        expect(mail.get_by_role("heading", name="The harbour stays shut")).to_be_visible()
        page.get_by_role("button", name="Approve this").click()
        expect(page.get_by_text("Approved by Omar")).to_be_visible()

        page.get_by_text("Send it now").first.click()
        page.get_by_role("button", name="Send it now").click()
        page.wait_for_url(f"**/editions/{key}/sending")
        expect(page.locator("#live .far")).to_contain_text(f"{FIRST} of {READERS} readers")
        page.get_by_role("button", name="Pause between two messages").click()
        expect(page.get_by_role("status").first).to_contain_text("on the wire, and nothing else goes out")
        server.opened.set()
        on_the_wire = page.locator(".gauges div", has_text="On the wire")
        expect(on_the_wire).to_contain_text("0")
        assert len(server.mails) < READERS, "it is paused"
        page.get_by_role("button", name="Let it go on").click()

        expect(page.get_by_role("heading", name="The report")).to_be_visible(timeout=20_000)
        expect(page.locator(".far")).to_contain_text(f"{READERS} of {READERS} readers got it.")
        expect(page.get_by_text("It adds up.")).to_be_visible()
        page.get_by_role("link", name="History").last.click()
        expect(page.locator(".log")).to_contain_text("It became sent")
        expect(page.locator(".log")).to_contain_text("It became paused by Omar")
    assert Counter(reader for reader, _ in server.mails) == {f"reader{n}@example.org": 1 for n in range(READERS)}
    assert all(b"The harbour stays shut" in data for _, data in server.mails)
