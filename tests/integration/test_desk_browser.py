"""The desk in a real browser, from a real server: it can be used, also without script, and axe finds nothing."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route

from newsletter import press
from newsletter.accounts import Role, tokens
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from newsletter.web import WebServer
from tests.desk import PASSWORD, Answering, account
from tests.servers import CHROMIUM
from tests.sites import CONFIG, make_site
from tools.browser import Browser, Scheme, browser

pytestmark = pytest.mark.needs("chromium")

EDITION = "/editions/morning/2026-11-23"
PREVIEWS = tuple(f"{EDITION}/preview{query}" for query in ("", "?show=source"))
SENT = "/editions/evening/2026-11-23"
BOARD = f"{EDITION}/board"
BOARDS = (
    BOARD,
    f"{BOARD}/edit?slot=rest/1&segment=",
    f"{BOARD}/subject",
    f"{BOARD}/choose?section=rest&segment=&slot=rest/1",
)
PAGES = (
    "/", "/me", "/users", EDITION, *BOARDS, *PREVIEWS, f"{EDITION}/grid", f"{EDITION}/compare", f"{EDITION}/checks",
    f"{EDITION}/share?copy=1", f"{EDITION}/send", "/history", "/history/reader/1", f"{SENT}/sending",
    f"{SENT}/sending/names?status=rejected", f"{SENT}/history", "/segments", "/segments/world/sample", "/nothing",
)  # fmt: skip
"""What an admin sees of the sample; a page that is added belongs here."""
READERS = """\
email,country
rita@example.org,DE
jo+550@example.org,DE
omar+drop@example.org,US
edith@example.org,US
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a desk with every kind of thing on it: held, blocked and planned editions, people, tokens."""
    folder = tmp_path_factory.mktemp("desk")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = Database(f"sqlite:///{folder / 'n.db'}")
    upgrade(database)
    clock = FixedClock("2026-11-22T04:00:00+00:00")
    config = CONFIG.replace("briefings:", f"web: {{port: {port}}}\nbriefings:")
    evening = config.partition("briefings:\n")[2].replace("morning:", "evening:", 1).replace("Morning", "Evening")
    site = make_site(folder / "site", database, clock, config=config + evening, readers=READERS)
    press.assemble(site, "morning")
    press.hold(site, "morning/2026-11-22", "Omar", "the lead is wrong")
    for name, role in (("Edith", Role.ADMIN), ("Omar", Role.OPERATOR), ("Rita", Role.VIEWER)):
        account(site, name, role)
    tokens.make(database, "nightly", Role.VIEWER, clock.now())
    clock.advance(timedelta(days=1))
    with database.writing() as session:
        store(session, "harbour", "ferry", now=clock.now(), published_at=clock.now())
    press.assemble(site, "evening")
    press.approve(site, "evening/2026-11-23", "Edith")
    with ThreadPoolExecutor(1) as beside:  # Playwright's loop runs in this thread
        beside.submit(lambda: asyncio.run(press.send(site, "evening/2026-11-23"))).result()
    with database.writing() as session:
        store(session, "draft", headline="TK the harbour", now=clock.now(), published_at=clock.now(), priority=1)
    press.assemble(site, "morning")
    key = EDITION.removeprefix("/editions/")
    with ThreadPoolExecutor(1) as beside:
        beside.submit(press.send_copy, site, key, "edith+550@staff.example.org", "europe", "Edith").result()
    press.share(site, key, "Edith")
    press.move_slot(site, key, "rest/1", press.Editor("Edith"), steps=1)
    press.edit_slot(site, key, "rest/1", {"headline": "A headline of Edith’s"}, press.Editor("Edith"))
    press.leave_out(site, key, "rest/2", press.Editor("Omar"))
    with database.writing() as session:
        store(session, "olives", now=clock.now(), regions=("world",), priority=3, dek="Nobody picks them.")
    with WebServer(site) as server:
        yield server.url
    database.close()


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as chromium:
        yield chromium


@pytest.fixture
def chromium(request: pytest.FixtureRequest) -> Browser:
    """Asked for late, so that `needs` speaks before a browser that is not there is started."""
    assert CHROMIUM
    found: Browser = request.getfixturevalue("opened")
    return found


def signed_in(context: BrowserContext) -> None:
    """Without a page: to close one that has only just arrived somewhere makes Chromium hang, once in a hundred times.
    By hand somebody signs in below."""
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', context.request.get("/sign-in?next=/me").text())
    assert token
    form = {"form_token": token[1], "name": "Edith", "password": PASSWORD, "next": "/me"}
    assert context.request.post("/sign-in", form=form).url.endswith("/me")


@pytest.mark.needs("node judges")
@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_the_window(
    chromium: Browser, served: str, scheme: Scheme, width: int
) -> None:
    found: list[Any] = []
    with chromium.context(served, width=width, scheme=scheme) as context:
        page = context.new_page()
        page.goto("/sign-in")
        found += chromium.axe_of(page)
        signed_in(context)
        page.goto(f"{EDITION}/share")
        shared = page.locator(".link-url a").get_attribute("href")
        page.goto(f"{served}/share/{shared.rpartition('/')[2]}" if shared else "")
        assert "Not sent yet" in page.inner_text("main")
        found += chromium.axe_of(page)
        for path in PAGES:
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            found += [(path, rule["id"], [node["html"] for node in rule["nodes"]]) for rule in chromium.axe_of(page)]
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert found == []


def test_what_stands_in_a_form_is_not_cut_off(chromium: Browser, served: str) -> None:
    """Preview's choice of segment and reader, and the test copy's address, can be seen and used."""
    with chromium.context(served) as context:
        signed_in(context)
        page = context.new_page()
        for path in (*PREVIEWS, f"{EDITION}/share", f"{EDITION}/checks", f"{EDITION}/board/subject"):
            page.goto(path)
            cut = "form => form.scrollHeight > form.clientHeight + 1 && getComputedStyle(form).overflow != 'visible'"
            assert not page.evaluate(f"[...document.querySelectorAll('main form')].some({cut})"), path


def test_pages_load_nothing_from_elsewhere_and_break_no_rule_of_their_policy(chromium: Browser, served: str) -> None:
    asked, said = [], []
    with chromium.context(served, bypass_policy=False) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        signed_in(context)
        for path in PAGES[:-1]:
            page.goto(path)
            assert page.evaluate("typeof htmx") == "object"
        page.goto(f"{EDITION}/checks")
        page.locator(".tabs .count").wait_for()
    assert asked
    assert not [url for url in asked if not url.startswith(f"{served}/")]
    assert said == []


def test_everything_works_without_script_and_by_keyboard(chromium: Browser, served: str) -> None:
    """Sign in by keys alone, skip to the page, follow the edition to its checks, and say that the news is seen."""
    with chromium.context(served, script=False) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Name").focus()
        page.keyboard.type("rita")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Today").wait_for()
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Skip to the page"
        page.keyboard.press("Enter")
        assert page.url.endswith("#main")
        page.get_by_role("button", name="I have seen these").press("Enter")
        page.get_by_text("Nothing has changed").wait_for()
        page.get_by_role("link", name="Monday, 23 November 2026").first.press("Enter")
        page.get_by_role("link", name="Checks").press("Enter")
        page.get_by_role("heading", name="Checks").wait_for()
        page.goto("/users")
        assert "this needs the role admin" in page.inner_text("main")


HOSTILE = (
    "<script>parent.document.title='ran'</script> <img src=x onerror=\"parent.document.title='ran'\"><iframe src=/me>"
)


def test_a_hostile_story_runs_no_script_in_the_frame_and_its_links_lead_nowhere(
    chromium: Browser, tmp_path: Path, on_sqlite: Database
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = CONFIG.replace("briefings:", f"web: {{port: {port}}}\nbriefings:")
    site = make_site(tmp_path / "site", on_sqlite, FixedClock(), config=config)
    with on_sqlite.writing() as session:
        store(session, "harbour", now=site.clock.now(), priority=1, headline=HOSTILE, dek=HOSTILE)
    press.assemble(site, "morning")
    account(site, "Edith", Role.ADMIN)
    raw = "<script>parent.document.title = document.title = 'ran'</script><a href='/users' id='own'>Own</a>"
    raw += "<a href='/users' target='_top' id='top'>Top</a><a href='/users' target='_self' id='self'>Self</a>"
    with WebServer(site) as server, chromium.context(server.url, bypass_policy=False) as context:
        signed_in(context)
        page = context.new_page()
        page.goto(f"{EDITION}/preview?as=hostile")
        title = page.title()
        frame = page.frames[1]
        frame.locator("a").first.wait_for()
        assert frame.locator("script, iframe, form, [onerror]").count() == 0
        # What a mail could hold if all else failed, in the very same sandbox.
        context.route("**/preview/mail*", lambda route: _with(route, raw))
        page.goto(f"{EDITION}/preview?as=hostile")
        frame = page.frames[1]
        for name in ("own", "top", "self"):
            frame.locator(f"#{name}").click()
        page.wait_for_timeout(300)
        assert page.title() == title
        assert page.url.endswith("/preview?as=hostile")
        assert len(context.pages) == 1
        assert "Accounts" not in (frame.content() if not frame.is_detached() else "")


def _with(route: Route, more: str) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace("<body", f"{more}<body", 1))


def test_an_editor_arranges_by_keyboard_and_the_focus_stays(chromium: Browser, served: str) -> None:
    """With script the board comes back in place: the button that was pressed is still the one that keys press."""
    with chromium.context(served, bypass_policy=False) as context:
        signed_in(context)
        page = context.new_page()
        page.goto(BOARD)
        stories = page.locator(".slots").nth(-1).locator("h4")
        before = stories.all_inner_texts()
        assert len(before) > 2
        down = page.get_by_role("button", name=f"Down {before[0]}", exact=True)
        down.focus()
        pressed = down.get_attribute("id")
        for turn in (1, 2):
            page.keyboard.press("Enter")
            stories.nth(turn).filter(has_text=before[0]).wait_for()
            page.wait_for_function("id => document.activeElement.id === id", arg=pressed)
        assert stories.all_inner_texts()[:3] == [before[1], before[2], before[0]]
        page.get_by_role("button", name="Undo: ").click()
        page.get_by_text("Undone: ").wait_for()
        assert stories.all_inner_texts()[1] == before[0]
        assert page.evaluate("typeof htmx") == "object"


def test_an_old_board_says_so_and_comes_back_as_it_is_now(chromium: Browser, served: str) -> None:
    with chromium.context(served) as context:
        signed_in(context)
        old, new = context.new_page(), context.new_page()
        for page in (old, new):
            page.goto(BOARD)
        new.get_by_role("button", name="Pin ").first.click()
        new.locator(".notice.good").wait_for()
        old.get_by_role("button", name="Leave out ").first.click()
        old.get_by_text("has changed since you opened it").wait_for()
        assert old.locator(".mark", has_text="pinned by Edith").count() == 1


def test_links_answer_on_the_page_and_what_somebody_writes_beside_them_stays(
    chromium: Browser, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.press.linkcheck.Guard", Answering)
    with chromium.context(served) as context:
        signed_in(context)
        page = context.new_page()
        page.goto(f"{EDITION}/checks")
        page.get_by_role("button", name="Ask every link and picture").click()
        page.locator("details.all-the-same summary").first.click()
        page.get_by_label("Why it may go out like this").first.fill("TK is a ship.")
        page.get_by_text("answered 200").first.wait_for()
        page.locator("#live progress").wait_for(state="detached", timeout=30_000)
        assert page.get_by_label("Why it may go out like this").first.input_value() == "TK is a ship."
        page.get_by_role("button", name="Override it").first.click()
        assert "by Edith: TK is a ship." in page.inner_text("main")
        page.get_by_role("button", name="Take it back").first.click()
        assert "by Edith: TK is a ship." not in page.inner_text("main")
