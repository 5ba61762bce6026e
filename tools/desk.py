"""The desk of a sample newsroom on its busiest morning, for the pictures of the documentation."""

from __future__ import annotations

import asyncio
import re
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from newsletter import press
from newsletter.accounts import Role, users
from newsletter.audience.transfer import import_csv
from newsletter.cli import sample
from newsletter.clock import SystemClock
from newsletter.config import load_settings
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.editions.overrides import set_override
from newsletter.editions.store import find
from newsletter.press import Site
from newsletter.stories.importers import import_sources
from newsletter.stories.importers.fetch import Guard, Probed
from newsletter.testing import FixedClock
from newsletter.web import WebServer
from tools.browser import Browser, Scheme
from tools.pictures import picture

KEY = "morning/2026-11-23"
NAME, PASSWORD = "Omar", "a harbour at six in the morning"
READERS = {"europe": (4812, "DE"), "americas": (2176, "US"), "world": (967, "JP")}
"""How many each segment has, and where they live."""
_TROUBLE = {41: "+550", 97: "+451", 2100: "+drop"}
"""Every so many-th reader's address ends in this, for which the outbox fails (docs/reference/config.md)."""


class Desk:
    """A newsroom and somebody's browser before its desk."""

    def __init__(self, folder: Path) -> None:
        sample.lay_out(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        _own(folder, port)
        self.clock = FixedClock("2026-11-23T03:10:00+00:00")
        database = Database(f"sqlite:///{folder / 'newsletter.db'}")
        upgrade(database)
        self.site = Site(load_settings(folder / "config.yaml"), database, self.clock)
        import_sources(database, [str(folder / "stories")], self.clock, timezone="Europe/Berlin")
        (folder / "readers.csv").write_text(_readers(), encoding="utf-8")
        import_csv(database, folder / "readers.csv", consent="Yes.", source="sample", clock=self.clock)
        users.add(database, NAME, Role.OPERATOR, PASSWORD, self.clock.now())

    def approved_and_changed(self) -> None:
        """Edith says yes, and then somebody changes a headline."""
        press.assemble(self.site, "morning")
        press.approve(self.site, KEY, "Edith")
        self.clock.advance(timedelta(minutes=20))
        with self.site.database.writing() as session:
            edition = find(session, KEY)
            slug = edition.slots[0].story_version.story.slug
            words = "The harbour’s accounts do not add up, its auditors say"
            set_override(session, edition, self.site.briefing("morning"), "headline", slug,
                         clock=self.clock, by="Rita", text=words)  # fmt: skip

    def arranged(self) -> None:
        """Edith has been at the board: one story reworded, one left out."""
        by = press.Editor("Edith")
        board = press.board(self.site, KEY)
        rest = [slot for slot in board.slots if not slot.segment][1:]
        press.leave_out(self.site, KEY, rest[-1].name, by)
        press.edit_slot(self.site, KEY, rest[0].name, {"headline": f"{rest[0].words['headline']}, at last"}, by)

    def found(self) -> None:
        """A word slipped in that nobody wants to read in print."""
        slot = next(iter(press.board(self.site, KEY).slots))
        dek = "Auditors put the gap at TK million; the harbour board meets at noon."
        press.edit_slot(
            self.site, KEY, slot.name, {"headline": slot.words["headline"], "dek": dek}, press.Editor("Rita")
        )

    def mended(self) -> None:
        """The word is out again."""
        press.undo(self.site, KEY, press.Editor("Rita"))

    def begin(self) -> None:
        """It is approved again, locked and due: the first wave begins."""
        press.approve(self.site, KEY, "Edith")
        press.lock(self.site, KEY)
        self.clock.advance(timedelta(hours=1, minutes=31))
        press.begin(self.site, KEY, now=False)

    def deliver(self, after: timedelta) -> None:
        """Delivers what is due, in the time that its clock then says."""
        with ThreadPoolExecutor(1) as beside:  # the browser has a loop in this thread
            beside.submit(lambda: asyncio.run(press.send(self.site, KEY, now=False))).result()
        self.clock.advance(after)


class _Answered(Guard):
    """A network on which every page is there but one, and one is closed to programs."""

    def probe(self, url: str) -> Probed:
        """What such a page says. It is never asked."""
        status = 404 if "river-clean" in url else 403 if "river-pilots" in url else 200
        return Probed(url, status, "image/jpeg" if url.endswith(".jpg") else "text/html", 90_000)


def _own(folder: Path, port: int) -> None:
    """The sample's configuration with relays of this newsroom, which reach nobody."""
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    relays = "".join(f"  {name}: {{type: outbox, path: {name}}}\n" for name in ("relay-eu", "relay-us"))
    text = re.sub(r"(?m)^backends:\n(?:  .*\n|\n)+?(?=briefings:)", f"backends:\n{relays}\n", text)
    text = text.replace("    schedule:\n", "    approval: required\n    schedule:\n", 1)
    config.write_text(f"{text}\nweb: {{port: {port}}}\n", encoding="utf-8")
    segments = folder / "subscribers" / "segments.yaml"
    rules = segments.read_text(encoding="utf-8")
    for backends in ("relay-eu", "[relay-us, relay-eu]", "relay-eu"):
        rules = rules.replace("backend: outbox", f"backend: {backends}", 1)
    segments.write_text(rules, encoding="utf-8")


def _readers() -> str:
    rows = ["email,country"]
    for segment, (number, country) in READERS.items():
        for n in range(1, number + 1):
            trouble = next((end for every, end in _TROUBLE.items() if n % every == 0), "")
            rows.append(f"{segment}-{n}{trouble}@example.org,{country}")
    return "\n".join(rows) + "\n"


@contextmanager
def desk() -> Iterator[Desk]:
    """A newsroom in a folder that is gone afterwards, with its stories and readers, and its desk open."""
    with tempfile.TemporaryDirectory() as folder:
        there = Desk(Path(folder) / "site")
        with WebServer(there.site):
            yield there
        there.site.close()


def pictures(chromium: Browser, scheme: Scheme = "light") -> Iterator[tuple[str, bytes]]:
    """Name and PNG of each page, on the way of one edition."""
    with desk() as there, chromium.context(there.site.settings.web.address, width=1280, scheme=scheme) as context:
        context.route(
            "https://**/*", lambda route: route.fulfill(body=picture(route.request.url), content_type="image/jpeg")
        )
        page = context.new_page()

        def shot(path: str, frame: bool = False, height: int = 0) -> bytes:
            page.goto(path)
            if frame:
                page.frame_locator("iframe").first.locator("h1, h2").first.wait_for()
            if height:  # what is further down is more of the same
                return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": height})
            return page.screenshot(full_page=True)

        page.goto("/sign-in")
        page.get_by_label("Name").fill(NAME)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Today").wait_for()
        there.approved_and_changed()
        yield "desk-today", shot("/")
        yield "desk-send", shot(f"/editions/{KEY}/send", frame=True)
        there.arranged()
        yield "desk-board", shot(f"/editions/{KEY}/board", height=1300)
        yield "desk-preview", shot(f"/editions/{KEY}/preview", frame=True, height=1250)
        there.found()
        page.goto(f"/editions/{KEY}/checks")
        with patch("newsletter.press.linkcheck.Guard", lambda _clock: _Answered(SystemClock())):
            page.get_by_role("button", name="Ask every link").click()
            page.locator("#live", has_text="404").wait_for()
            page.wait_for_timeout(15_000)  # half a second between two to one host
        yield "desk-checks", shot(f"/editions/{KEY}/checks", height=1300)
        there.mended()
        there.begin()
        page.goto(f"/editions/{KEY}/sending")
        there.deliver(timedelta(seconds=17))
        page.locator("#live .far", has_text="5,").wait_for()
        yield "desk-sending", page.screenshot(full_page=True)
        page.goto("about:blank")
        there.clock.advance(timedelta(hours=6))
        there.deliver(timedelta(hours=7))
        there.deliver(timedelta(minutes=1))
        yield "desk-report", shot(f"/editions/{KEY}/sending")
