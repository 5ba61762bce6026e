"""The Checks tab: who lets an edition go out with a finding, and what its links answer."""

from __future__ import annotations

import threading
import time
from html import unescape
from pathlib import Path

import pytest

from newsletter import press
from newsletter.accounts import Role
from newsletter.checks import blocks
from newsletter.database import Database
from newsletter.press import Site
from newsletter.press.linkcheck import LinkDesk
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from newsletter.web import stream
from tests.desk import Answering, Visitor, signed_in
from tests.sites import make_site

KEY = "morning/2026-11-23"
CHECKS = f"/editions/{KEY}/checks"


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    """With a headline that blocks."""
    made = make_site(tmp_path / "site", on_sqlite, FixedClock())
    with on_sqlite.writing() as session:
        store(session, "draft", headline="TK the harbour", now=made.clock.now(), priority=1)
    press.assemble(made, "morning")
    return made


def blocking(site: Site) -> dict[str, str]:
    """The form of the one finding that blocks."""
    [finding] = [one for one in press.check(site, KEY) if one.code == "tripwires"]
    return {"code": finding.code, "where": finding.where, "seen": finding.fingerprint}


def words(page: str) -> str:
    return " ".join(unescape(page).split())


def test_a_finding_is_overridden_with_a_reason_and_taken_back(site: Site) -> None:
    edith = signed_in(site)
    assert "Let it go out all the same" in edith.get(CHECKS).text
    assert edith.post(f"{CHECKS}/override", **blocking(site), reason="TK is a ship.").status_code == 303
    page = words(edith.get(CHECKS).text)
    assert "by Edith: TK is a ship." in page
    assert "Let it go out all the same" not in page
    assert not blocks(press.check(site, KEY))
    fields = {name: value for name, value in blocking(site).items() if name != "seen"}
    assert edith.post(f"{CHECKS}/take-back", **fields).status_code == 303
    assert "Let it go out all the same" in edith.get(CHECKS).text
    assert edith.post(f"{CHECKS}/take-back", **fields).status_code == 404, "there is none any more"


def test_what_is_overridden_is_what_was_seen_and_no_word_is_lost(site: Site) -> None:
    edith = signed_in(site)
    edith.get(CHECKS)
    seen = blocking(site)
    press.decide(site, KEY, "headline", "draft", press.Editor("Omar"), text="TK the whole harbour")
    answer = edith.post(f"{CHECKS}/override", **seen, reason="TK is a ship.")
    assert answer.status_code == 409
    assert "does not say that any more" in answer.text
    assert "You had written: TK is a ship." in answer.text
    assert blocks(press.check(site, KEY))
    answer = edith.post(f"{CHECKS}/override", **blocking(site) | {"code": "size"}, reason="TK is a <ship>.")
    assert (answer.status_code, "TK is a &lt;ship&gt;." in answer.text) == (404, True)
    for missing in ({"seen": ""}, {"reason": " "}):
        fields = {**blocking(site), "reason": "TK is a ship.", **missing}
        assert edith.post(f"{CHECKS}/override", **fields).status_code == 409, missing
    assert blocks(press.check(site, KEY))


def test_a_viewer_sees_what_is_said_and_has_no_form(site: Site) -> None:
    page = signed_in(site, "Rita", Role.VIEWER).get(CHECKS).text
    assert "tripwires" in page
    assert f"{CHECKS}/override" not in page
    assert f"{CHECKS}/links" not in page


def test_what_the_law_wants_has_no_form_and_says_why(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.web.checks.why_final", lambda finding: "the law wants it")
    page = words(signed_in(site).get(CHECKS).text)
    assert "It cannot be overridden: the law wants it." in page
    assert f"{CHECKS}/override" not in page


def until_over(edith: Visitor) -> str:
    for _ in range(1000):
        if "Ask them again" in (page := edith.get(CHECKS).text):
            return page
        time.sleep(0.01)
    raise AssertionError("it does not end")


def test_links_are_asked_when_somebody_wants_it_and_the_answers_stay(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without script the page shows them as often as it is loaded; what is broken comes first."""
    monkeypatch.setattr("newsletter.press.linkcheck.Guard", Answering)
    edith = signed_in(site)
    assert "Ask every link and picture" in edith.get(CHECKS).text
    answer = edith.post(f"{CHECKS}/links")
    assert answer.headers["location"] == f"{CHECKS}#links"
    page = words(until_over(edith))
    assert "Asked by Edith" in page
    assert "https://news.example.org/bank" in page
    assert "answered 404" in page
    assert page.index(">broken<") < page.index(">good<")
    assert "The edition was changed since." not in page
    press.set_lines(site, KEY, press.Editor("Omar"), subject="Another subject")
    assert "The edition was changed since." in edith.get(CHECKS).text


def test_answers_stream_while_they_come_and_nobody_asks_beside_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.press.linkcheck.Guard", Answering)
    monkeypatch.setattr(stream, "SECONDS", 0.01)
    monkeypatch.setattr(stream, "_LOOKS", 2)
    edith = signed_in(site)
    edith.get(CHECKS)
    with monkeypatch.context() as shut:
        gate = threading.Event()
        shut.setattr(Answering, "gate", gate)
        shut.setattr(Answering, "__init__", lambda self, _clock: None)
        edith.post(f"{CHECKS}/links")
        page = edith.get(CHECKS).text
        assert f'data-events="{CHECKS}/links/events"' in page
        assert "live.js" in page
        assert "event: look" in edith.get(f"{CHECKS}/links/events").text
        answer = edith.post(f"{CHECKS}/links")
        assert (answer.status_code, "begin when that is over" in answer.text) == (409, True)
        gate.set()
        until_over(edith)
    said = edith.get(f"{CHECKS}/links/events").text
    assert said.count("event: end") == 1
    assert "https://news.example.org/bank" in said


def test_an_asking_that_breaks_off_is_over(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_given: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("newsletter.press.linkcheck.ask", broken)
    monkeypatch.setattr("newsletter.press.linkcheck.Guard", Answering)
    desk = LinkDesk(site)
    desk.begin(KEY, "Edith")
    for _ in range(1000):
        if (asked := desk.look(KEY)) is not None and asked.over:
            break
        time.sleep(0.01)
    assert asked is not None
    assert (asked.over, asked.answers) == (True, ())
    assert "asking the links broke off" in caplog.text
