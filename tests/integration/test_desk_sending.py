"""A send as people watch it, its report, the names behind the numbers, and the history."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from newsletter import press
from newsletter.accounts import Role, tokens
from newsletter.audience.consent import Said
from newsletter.database import Database
from newsletter.delivery.progress import Watch
from newsletter.editions.overrides import set_override
from newsletter.editions.store import find
from newsletter.press import Site
from newsletter.testing import FixedClock
from newsletter.web import WebServer, sending, stream
from newsletter.web.live import Live
from tests.desk import signed_in, visitor
from tests.sites import CONFIG, make_site

KEY = "morning/2026-11-23"
EDITION = f"/editions/{KEY}"
READERS = """\
email,first_name,country
rita@example.org,Rita,DE
omar+drop@example.org,Omar,FR
edith+drop@example.org,Edith,US
jo+550@example.org,,BR
"""


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path, clock: FixedClock) -> Site:
    """One reader will have it, one be rejected, of two nobody will know."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = CONFIG.replace("briefings:", f"web: {{port: {port}}}\nbriefings:")
    made = make_site(tmp_path / "site", on_sqlite, clock, config=config, readers=READERS)
    press.assemble(made, "morning")
    return made


def sent(site: Site) -> Site:
    asyncio.run(press.send(site, KEY))
    return site


def test_before_and_while_and_after_it_goes_out_the_page_works_without_script(site: Site) -> None:
    person = signed_in(site, role=Role.VIEWER)
    assert "Nothing is on its way yet" in person.get(f"{EDITION}/sending").text
    press.begin(site, KEY)
    page = person.get(f"{EDITION}/sending").text
    assert "Going out now" in page
    assert '<progress class="bar" max="4" value="0"' in page
    assert f'data-events="{EDITION}/sending/events"' in page
    assert "Look again" in page
    assert "names?" not in page, "a viewer sees no names"
    assert "The report so far" in person.get(f"{EDITION}/sending/report").text
    sent(site)
    page = " ".join(person.get(f"{EDITION}/sending").text.split())
    assert "<strong>1</strong> of 4 readers got it" in page
    assert "It adds up." in page
    assert "Operators see who they are" in page
    assert "example.org" not in page.replace("courier.example.org", "")


def test_however_many_watch_there_is_one_look_a_second(
    site: Site, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    press.begin(site, KEY)
    looks = 0
    look = Watch.look

    def counted(self: Watch) -> object:
        nonlocal looks
        looks += 1
        return look(self)

    monkeypatch.setattr(Watch, "look", counted)
    live = Live(site)
    for expected in (1, 2):
        for number in range(50):
            assert live.page(KEY, names=bool(number % 2))[0].state == "sending"
        assert looks == expected
        clock.advance(1.0)


@pytest.fixture
def lives(monkeypatch: pytest.MonkeyPatch) -> list[Live]:
    """What the desks of a test watch with."""
    made: list[Live] = []

    def make(site: Site) -> Live:
        made.append(Live(site))
        return made[-1]

    monkeypatch.setattr("newsletter.web.guard.Live", make)
    return made


@pytest.fixture
def served(site: Site, lives: list[Live]) -> Iterator[httpx.Client]:
    token = tokens.make(site.database, "watcher", Role.OPERATOR, site.clock.now())
    headers = {"authorization": f"Bearer {token}"}
    with WebServer(site) as server, httpx.Client(base_url=server.url, headers=headers, timeout=20) as client:
        yield client


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_stream_tells_what_is_new_beats_in_between_and_ends_with_the_edition(
    served: httpx.Client, site: Site, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, lives: list[Live]
) -> None:
    monkeypatch.setattr(stream, "SECONDS", 0.01)
    monkeypatch.setattr(stream, "_HEARTBEAT", 3)
    press.begin(site, KEY)
    with served.stream("GET", f"{EDITION}/sending/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert next(lines) == "retry: 2000"
        assert next(line for line in lines if line.startswith("event")) == "event: look"
        assert next(line for line in lines if line.startswith(":")) == ":"
        assert lives[0].streams == 1
        press.abort(site, KEY, "Omar", "wrong")
        clock.advance(2)
        assert next(line for line in lines if line.startswith("event")) == "event: end"
        assert [line for line in lines if line.startswith("event")] == [], "it is over"
    until(lambda: lives[0].streams == 0)


def test_who_goes_away_leaves_no_stream_and_too_many_are_told_to_reload(
    served: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch, lives: list[Live]
) -> None:
    monkeypatch.setattr(stream, "SECONDS", 0.01)
    monkeypatch.setattr(stream, "STREAMS", 1)
    press.begin(site, KEY)
    with served.stream("GET", f"{EDITION}/sending/events") as response:
        lines = response.iter_lines()
        assert next(lines) == "retry: 2000"
        refused = served.get(f"{EDITION}/sending/events")
        assert (refused.status_code, "reload the page" in refused.json()["error"]) == (503, True)
    until(lambda: lives[0].streams == 0)
    assert served.head(f"{EDITION}/sending/events").status_code == 200
    assert lives[0].streams == 0


def test_a_stream_of_an_edition_that_is_over_ends_at_once(site: Site) -> None:
    press.begin(site, KEY)
    press.abort(site, KEY, "Omar", "wrong")
    text = signed_in(site).get(f"{EDITION}/sending/events").text
    assert [line for line in text.splitlines() if line.startswith("event")] == ["event: end"]
    assert visitor(site).get(f"{EDITION}/sending/events").status_code == 303


def test_operators_see_the_names_behind_a_number_and_what_one_reader_got(site: Site) -> None:
    operator = signed_in(sent(site), "Omar", Role.OPERATOR)
    page = operator.get(f"{EDITION}/sending").text
    link = next(part for part in page.split('"') if "names?status=rejected" in part and "reason=5" in part)
    names = operator.get(link.replace("&amp;", "&")).text
    assert "jo+550@example.org" in names
    assert "rita@example.org" not in names
    path = next(part for part in names.split('"') if part.startswith("/history/reader/"))
    reader = operator.get(path).text
    assert "jo+550@example.org" in reader
    assert "rejected" in reader
    for wrong in ("status=nothing", "status=accepted&after=x", "status=accepted&reason=%00", ""):
        assert operator.get(f"{EDITION}/sending/names?{wrong}").status_code == 404
    assert "Nobody" in operator.get(f"{EDITION}/sending/names?status=expired").text
    assert signed_in(site).get(f"{EDITION}/sending/names?status=accepted").status_code == 403


def test_names_come_in_pages(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_NAMES", 1)
    operator = signed_in(sent(site), "Omar", Role.OPERATOR)
    found, path = [], f"{EDITION}/sending/names?status=in_doubt"
    for _ in range(2):
        page = operator.get(path).text
        found += [name for name in ("omar+drop@", "edith+drop@", "jo+550@") if name in page]
        more = [part for part in page.split('"') if part.startswith("?status=in_doubt")]
        path = f"{EDITION}/sending/names" + more[0].replace("&amp;", "&") if more else ""
    assert (found, path) == (["omar+drop@", "edith+drop@"], "")


def test_readers_in_doubt_get_it_again_when_an_operator_says_so(site: Site) -> None:
    operator = signed_in(sent(site), "Omar", Role.OPERATOR)
    operator.get(f"{EDITION}/sending")
    assert operator.post(f"{EDITION}/sending/resend").status_code == 409
    assert "nobody was chosen" in operator.page
    assert operator.post(f"{EDITION}/sending/resend", to="omar+drop@example.org", reason="he asked").status_code == 303
    assert "1 reader put back to be sent." in operator.get(f"{EDITION}/sending").text
    assert press.report(site, KEY).counts.in_doubt == 1
    for said in ("2", "x", ""):
        assert operator.post(f"{EDITION}/sending/resend", all=said).status_code == 409
        assert "now it is 1: nothing was done" in operator.page
    assert 'name="all" value="1"' in operator.page
    assert operator.post(f"{EDITION}/sending/resend", all="1").status_code == 303
    assert press.report(site, KEY).counts.in_doubt == 0
    told = " ".join(operator.get(f"{EDITION}/history").text.split())
    assert "1 in doubt put back to be sent: he asked" in told


def test_history_has_every_edition_as_it_went_out_with_who_did_what(site: Site, clock: FixedClock) -> None:
    person = signed_in(site, role=Role.VIEWER)
    assert "Nothing has gone out yet" in person.get("/history").text
    with site.database.writing() as session:
        set_override(session, find(session, KEY), site.briefing("morning"), "headline", "harbour",
                     clock=clock, by="Edith", text="The harbour opens")  # fmt: skip
    press.approve(site, KEY, "Edith")
    sent(site)
    page = person.get("/history").text
    assert f'href="{EDITION}/history"' in page
    assert "4 readers" in page
    assert "What one reader got" not in page
    told = " ".join(person.get(f"{EDITION}/history").text.split())
    for words in (
        "became approved",
        "harbour was given another headline",
        "by Edith",
        "became sent",
        "As it was frozen",
    ):
        assert words in told, words
    assert "The harbour opens" in person.get(f"{EDITION}/preview/mail?segment=europe").text
    assert "Nothing has gone out" in person.get("/history?briefing=evening").text
    assert "Newer" in person.get("/history?page=1").text
    assert person.get("/history?page=x").status_code == 404


def test_an_address_is_looked_up_and_stands_in_no_link(site: Site, clock: FixedClock) -> None:
    operator = signed_in(sent(site), "Omar", Role.OPERATOR)
    operator.get("/history")
    found = operator.post("/history/reader", email=" Rita@example.org ")
    assert found.headers["location"].startswith("/history/reader/")
    page = operator.get(found.headers["location"]).text
    assert "<strong>accepted</strong> by outbox" in page
    operator.get("/history")
    for wrong in ("nobody@example.org", "no address", ""):
        assert operator.post("/history/reader", email=wrong).status_code == 404, wrong
    press.erase(site, "rita@example.org", Said("Delete it", "test"))
    assert operator.get(found.headers["location"]).status_code == 404
    gone = operator.post("/history/reader", email="rita@example.org").text
    assert "has no name" in gone
    assert "<strong>erased</strong> everything" in gone
    assert signed_in(site).post("/history/reader", email="rita@example.org").status_code == 403


def test_an_edition_whose_briefing_was_taken_out_is_shown_as_it_was_sent(site: Site, tmp_path: Path) -> None:
    sent(site)
    later = make_site(
        tmp_path / "later", site.database, site.clock, config=CONFIG.replace("morning:", "dawn:"), readers=""
    )
    operator = signed_in(later, "Omar", Role.OPERATOR)
    assert f'href="{EDITION}/history"' in operator.get("/history").text
    overview = operator.get(EDITION).text
    assert "This briefing is not in <code>config.yaml</code> any more" in overview
    assert f'href="{EDITION}/board"' not in overview, "there is nothing to edit"
    life = operator.get(f"{EDITION}/history").text
    assert "As it was frozen" in life
    frame = life.split("<iframe")[1].split('src="')[1].split('"')[0]
    assert "Harbour" in operator.get(frame).text
    assert "<strong>1</strong> of 4 readers got it" in " ".join(operator.get(f"{EDITION}/sending").text.split())
    assert "rita@example.org" in operator.get(f"{EDITION}/sending/names?status=accepted").text
    assert press.report(later, KEY).adds_up
    token = later.tokens.sign("view", 1, 1, "morning")
    assert "Harbour" in visitor(later).get(f"/v/{token}").text, "whose link it is reads it too"
    for path in ("board", "compare", "grid", "checks", "preview", "share", "send"):
        assert operator.get(f"{EDITION}/{path}").status_code in (200, 404), path
    assert "in config.yaml: there is dawn" in operator.get(f"{EDITION}/board").text
    assert operator.get("/editions/morning/2026-11-24").status_code == 404
