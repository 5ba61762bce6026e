"""The board as an editor without script uses it, also beside another editor, and as somebody hostile does."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter import press
from newsletter.accounts import Role, tokens
from newsletter.database import Database
from newsletter.press import Site
from newsletter.testing import FixedClock
from newsletter.testing.stories import BulletDraft, store
from tests.desk import Visitor, signed_in, visitor
from tests.sites import make_site

KEY = "morning/2026-11-23"
BOARD = f"/editions/{KEY}/board"


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    """harbour leads; near: ferry and trains for europe, olives for the others; rest: bank, bridge."""
    made = make_site(tmp_path / "site", on_sqlite, FixedClock(), readers="")
    press.assemble(made, "morning")
    made.clock.advance(timedelta(minutes=10))  # type: ignore[attr-defined]
    return made


@pytest.fixture
def edith(site: Site) -> Visitor:
    person = signed_in(site)
    person.get(BOARD)
    return person


def version(person: Visitor) -> str:
    """What a form on the page that they look at says that they saw."""
    found = re.search(r'name="version" value="(\d+)"', person.page)
    assert found
    return found[1]


def does(person: Visitor, deed: str, seen: str = "", **fields: str) -> str:
    """Sends a form of the page that they look at, goes where it leads, and returns the page."""
    response = person.post(f"{BOARD}/{deed}", version=seen or version(person), **fields)
    assert response.status_code == 303, response.text
    assert person.get(response.headers["location"]).status_code == 200
    return person.page


def order(site: Site, section: str, segment: str = "") -> list[str]:
    return [one.story for one in press.board(site, KEY).place(section, segment).slots]


def test_an_editor_arranges_an_edition(edith: Visitor, site: Site) -> None:
    page = does(edith, "move", slot="near/2", segment="europe", story="trains", to="up")
    assert "trains moved up." in page
    assert order(site, "near", "europe") == ["trains", "ferry"]
    page = does(edith, "pin", slot="rest/1", segment="", story="bank")
    assert "pinned by Edith" in page
    page = does(edith, "leave-out", slot="rest/2", segment="", story="bridge")
    assert (order(site, "rest"), "Bring back" in page) == (["bank"], True)
    page = does(edith, "bring-back", story="bridge", segment="")
    assert order(site, "rest") == ["bank", "bridge"]
    page = does(edith, "unpin", slot="rest/1", segment="", story="bank")
    assert "pinned by Edith" not in page
    page = does(edith, "undo", what="bank back to the rules")
    assert "Undone: bank back to the rules." in page
    assert "pinned by Edith" in page
    page = does(edith, "assemble")
    assert order(site, "near", "europe") == ["trains", "ferry"]


def test_an_editor_swaps_a_story_and_adds_one_from_what_the_rules_would_take(edith: Visitor, site: Site) -> None:
    with site.database.writing() as session:
        store(session, "swifts", "opera", now=site.clock.now(), priority=6)
    page = edith.get(f"{BOARD}/choose?section=rest&segment=&slot=rest/1").text
    assert page.index("Bridge") < page.index("Opera") < page.index("Swifts")
    assert "came in since" in page
    does(edith, "choose", slot="rest/1", segment="", section="rest", story="opera", q="")
    assert order(site, "rest") == ["opera", "bridge"]
    assert "Opera" not in edith.get(f"{BOARD}/choose?section=rest&segment=&slot=&q=swif").text
    does(edith, "choose", slot="", segment="", section="rest", story="swifts", q="swif")
    assert order(site, "rest") == ["opera", "bridge", "swifts"]
    edith.get(f"{BOARD}/choose?section=near&segment=europe&slot=near/1")
    does(edith, "choose", slot="near/1", segment="europe", section="near", story="bank", q="")
    assert (order(site, "near", "europe"), order(site, "near")) == (["bank", "trains"], ["olives"])


def test_an_editor_changes_words_and_sees_them_in_the_mail(edith: Visitor, site: Site) -> None:
    assert "Bank" in edith.get(f"{BOARD}/edit?slot=rest/1&segment=").text
    page = does(edith, "edit", slot="rest/1", segment="", story="bank", headline="Rates stay", dek="No change.",
                bullets="Why: It waits.", only="")  # fmt: skip
    assert "headline edited by Edith" in page
    edith.get(f"{BOARD}/subject")
    page = does(edith, "subject", subject="Rates, and the harbour", preheader="Good morning.")
    assert page.count("Rates, and the harbour") == 2
    told = press.variants(site, KEY)["world"].rendered
    assert (told.subject, told.preheader) == ("Rates, and the harbour", "Good morning.")
    assert "Rates stay" in told.text


def test_a_newer_version_is_shown_with_what_changed_and_accepted_or_kept(edith: Visitor, site: Site) -> None:
    with site.database.writing() as session:
        store(session, "bank", "bridge", now=site.clock.now(), priority=4, dek="Nobody knows.")
    page = edith.get(BOARD).text
    assert page.count("accept?") == 2
    assert ">05:10</time>, accept?" in page
    assert "<ins>Nobody" in page
    page = does(edith, "accept", story="bank", segment="")
    assert page.count("accept?") == 1
    page = does(edith, "accept", story="bridge", segment="", keep="yes")
    assert "accept?" not in page
    assert [one.words["dek"] for one in press.board(site, KEY).place("rest", "").slots] == [
        "Nobody knows.", "What we know this morning of the bridge.",
    ]  # fmt: skip


def test_what_a_second_editor_wrote_is_kept_when_a_first_one_was_faster(edith: Visitor, site: Site) -> None:
    omar = signed_in(site, "Omar")
    for person in (edith, omar):
        person.get(f"{BOARD}/edit?slot=rest/1&segment=")
    does(omar, "edit", slot="rest/1", segment="", story="bank", headline="Omar’s", dek="", bullets="", only="")
    response = edith.post(f"{BOARD}/edit", version=version(edith), slot="rest/1", segment="", story="bank",
                          headline="Edith’s <b>own", dek="And her dek", bullets="", only="europe")  # fmt: skip
    assert response.status_code == 409
    page = response.text
    assert "has changed since you opened it (Omar did this: headline, dek, bullets of bank" in page
    assert "Edith’s &lt;b&gt;own</textarea>" in page
    assert "And her dek</textarea>" in page
    assert '<option value="europe" selected>' in page
    assert "<span>Now:</span> Omar’s" in page
    assert press.board(site, KEY).slot("rest/1", "").words["headline"] == "Omar’s"
    does(edith, "edit", slot="rest/1", segment="", story="bank", headline="Edith’s own", dek="And her dek", bullets="",
         only="")  # fmt: skip
    assert press.board(site, KEY).slot("rest/1", "").words["headline"] == "Edith’s own"


def test_what_was_written_stays_with_its_story_though_it_moved_or_is_gone(edith: Visitor, site: Site) -> None:
    omar = press.Editor("Omar")
    edith.get(f"{BOARD}/edit?slot=rest/1&segment=")
    seen = version(edith)
    press.move_slot(site, KEY, "rest/1", omar, steps=1)
    fields = {
        "slot": "rest/1",
        "segment": "",
        "story": "bank",
        "headline": "Hers",
        "dek": "",
        "bullets": "",
        "only": "",
    }
    page = edith.post(f"{BOARD}/edit", version=seen, **fields).text
    assert 'name="slot" value="rest/2"' in page
    does(edith, "edit", **(fields | {"slot": "rest/2"}))
    assert press.board(site, KEY).slot("rest/2", "").words["headline"] == "Hers"
    edith.get(f"{BOARD}/edit?slot=rest/2&segment=")
    seen = version(edith)
    press.leave_out(site, KEY, "rest/2", omar)
    response = edith.post(f"{BOARD}/edit", version=seen, **(fields | {"headline": "Hers, again"}))
    assert (response.status_code, "Hers, again</textarea>" in response.text) == (409, True)
    assert "does not stand in this place any more" in response.text


@pytest.mark.parametrize(
    ("deed", "fields"),
    [
        ("move", {"slot": "rest/1", "to": "down"}),
        ("pin", {"slot": "rest/1"}),
        ("unpin", {"slot": "rest/1"}),
        ("leave-out", {"slot": "rest/1"}),
        ("bring-back", {"story": "bridge"}),
        ("accept", {"story": "bank"}),
        ("undo", {}),
        ("assemble", {}),
        ("choose", {"slot": "rest/1", "section": "rest", "story": "olives"}),
        ("edit", {"slot": "rest/1", "story": "bank", "headline": "Mine"}),
        ("subject", {"subject": "Mine"}),
    ],
)
def test_no_form_of_an_old_board_does_anything(edith: Visitor, site: Site, deed: str, fields: dict[str, str]) -> None:
    """It gets 409 with what the other did, and the page as it is now."""
    seen = version(edith)
    press.pin_slot(site, KEY, "near/1", press.Editor("Omar"), segment="europe")
    before = press.board(site, KEY)
    response = edith.post(f"{BOARD}/{deed}", version=seen, **{"segment": "", **fields})
    assert response.status_code == 409
    assert "Omar did this: pin of ferry" in response.text
    assert version(edith) == str(before.version)
    assert press.board(site, KEY).version == before.version


@pytest.mark.parametrize("seen", ["", "-1", "1e9", "٣", "9" * 40])
def test_a_form_says_what_was_looked_at_or_does_nothing(edith: Visitor, site: Site, seen: str) -> None:
    response = edith.post(f"{BOARD}/pin", version=seen, slot="rest/1", segment="")
    assert (response.status_code, "which state of the edition" in response.text) == (409, True)
    assert press.board(site, KEY).undoable is None


def test_the_script_on_the_page_gets_the_board_at_once(edith: Visitor, site: Site) -> None:
    seen = version(edith)
    hx = {"hx-request": "true"}
    response = edith.post(f"{BOARD}/pin", version=seen, slot="rest/1", segment="", story="bank", headers=hx)
    assert (response.status_code, "pinned by Edith" in response.text) == (200, True)
    response = edith.post(f"{BOARD}/pin", version=seen, slot="rest/2", segment="", headers=hx)
    assert (response.status_code, 'id="main"' in response.text) == (409, True)
    response = edith.post(f"{BOARD}/pin", version=seen, token="x", headers=hx)
    assert (response.status_code, response.headers["hx-retarget"]) == (403, "#main")
    assert edith.get(f"{EDITION_OF_NO_DAY}/checks/count", headers=hx).headers["hx-reswap"] == "none"


EDITION_OF_NO_DAY = "/editions/morning/2020-01-01"


def test_an_approval_is_void_after_a_decision_and_the_board_says_so(edith: Visitor, site: Site) -> None:
    press.approve(site, KEY, "Omar")
    edith.get(BOARD)
    assert "The approval is void now." in does(edith, "pin", slot="rest/1", segment="", story="bank")


def test_a_viewer_looks_and_has_no_buttons_and_a_held_edition_has_none_for_anybody(edith: Visitor, site: Site) -> None:
    rita = signed_in(site, "Rita", Role.VIEWER)
    page = rita.get(BOARD).text
    assert "Bank" in page
    assert 'action="/editions/' not in page
    press.hold(site, KEY, "Omar", "wait")
    page = edith.get(BOARD).text
    assert "until it is released" in page
    assert 'action="/editions/' not in page


def test_an_edition_that_nobody_assembled_offers_to_be_assembled(site: Site) -> None:
    person = signed_in(site)
    assert person.get("/editions/morning/2026-11-25/board").status_code == 404


def test_a_script_with_a_token_decides_and_is_refused_in_words(site: Site) -> None:
    script = visitor(site, authorization=f"Bearer {tokens.make(site.database, 'bot', Role.EDITOR, site.clock.now())}")
    seen = str(press.board(site, KEY).version)
    assert script.post(f"{BOARD}/pin", version=seen, slot="rest/1", segment="").status_code == 303
    for deed, fields in (
        ("pin", {"slot": "rest/1"}),
        ("edit", {"slot": "rest/1", "headline": "x"}),
        ("subject", {"subject": "x"}),
        ("choose", {"slot": "rest/1", "story": "olives"}),
    ):
        response = script.post(f"{BOARD}/{deed}", version=seen, segment="", **fields)
        assert (response.status_code, "bot did this" in response.json()["error"]) == (409, True)


HOSTILE = "</textarea><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}\u202e"


def test_hostile_words_of_a_story_stay_words(edith: Visitor, site: Site) -> None:
    for turn in (1, 2):
        with site.database.writing() as session:
            store(
                session, "bank", now=site.clock.now(), priority=4, headline=f"{HOSTILE} {turn}", dek=HOSTILE,
                kicker=HOSTILE[:90], bullets=(BulletDraft("Why", f"\\<script\\> {turn}"),),
            )  # fmt: skip
        if turn == 1:
            press.assemble(site, "morning")
    name = next(one.name for one in press.board(site, KEY).slots if one.story == "bank")
    for path in (BOARD, f"{BOARD}/edit?slot={name}&segment=", f"{BOARD}/choose?section=rest&segment=&slot="):
        page = edith.get(path).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "{{ 7*7 }}" in page
    assert "javascript:" not in page


@pytest.mark.parametrize(
    "path",
    [
        f"{BOARD}/edit",
        f"{BOARD}/edit?slot=../../etc/passwd&segment=..",
        f"{BOARD}/edit?slot=rest/1&segment=mars",
        f"{BOARD}/choose?section=../x&segment=",
        f"{BOARD}/choose?section=rest&segment=%00&slot=rest/1",
        f"{BOARD}/choose?section=rest&segment=&slot=rest/99",
        "/editions/morning/..%2f2026-11-23/board",
        "/editions/nothing/2026-11-23/board",
    ],
)
def test_an_address_that_names_nothing_is_no_page(edith: Visitor, path: str) -> None:
    assert edith.get(path).status_code in (404, 409)


@pytest.mark.parametrize(
    ("deed", "fields"),
    [
        ("pin", {"slot": "../../x", "segment": "\u202e"}),
        ("choose", {"slot": "rest/1", "section": "rest", "story": "../../etc/passwd"}),
        ("choose", {"slot": "", "section": "../x", "story": "bank"}),
        ("bring-back", {"story": "<script>", "segment": "mars"}),
        ("leave-out", {"slot": "rest/1", "only": "mars"}),
        ("edit", {"slot": "rest/1", "story": "bank", "headline": "<script>alert(1)</script>"}),
        ("edit", {"slot": "rest/1", "story": "bank", "bullets": "Why: [x](javascript:alert(1))"}),
        ("subject", {"subject": "<b>" + "x" * 400}),
    ],
)
def test_hostile_forms_are_refused_in_words_and_change_nothing(
    edith: Visitor, site: Site, deed: str, fields: dict[str, str]
) -> None:
    response = edith.post(f"{BOARD}/{deed}", version=version(edith), **{"segment": "", **fields})
    assert response.status_code in (404, 409)
    assert "<script>" not in response.text
    assert press.board(site, KEY).undoable is None


def test_a_form_of_ten_megabytes_is_not_read(edith: Visitor, site: Site) -> None:
    response = edith.post(f"{BOARD}/edit", version=version(edith), slot="rest/1", segment="", headline="x" * 10_000_000)
    assert response.status_code == 413
