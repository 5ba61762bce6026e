"""What an editor decides about slots: what follows of it, what stays as it was, and how it is taken back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from newsletter import press
from newsletter.config.models import Briefing
from newsletter.database import Database
from newsletter.editions.models import EditionDecision
from newsletter.editions.states import State
from newsletter.editions.store import find
from newsletter.errors import NewsletterError, NotFound, Refused, Stale, WrongState
from newsletter.press import Board, BoardSlot, Editor, Site
from newsletter.stories.store import hold
from newsletter.testing import FixedClock
from newsletter.testing.stories import BulletDraft, store
from tests.sites import make_site

KEY = "morning/2026-11-23"
EDITH = Editor("Edith")


def laid_out(site: Site) -> Site:
    """harbour leads; near: ferry and trains for europe, olives for the others; rest: bank, bridge."""
    press.assemble(site, "morning")
    site.clock.advance(timedelta(minutes=10))  # type: ignore[attr-defined]
    return site


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    return laid_out(make_site(tmp_path / "site", on_sqlite, FixedClock(), readers=""))


@pytest.fixture
def on_each(database: Database, tmp_path: Path) -> Site:
    """The same, on SQLite and on PostgreSQL."""
    return laid_out(make_site(tmp_path / "site", database, FixedClock(), readers=""))


def stands(site: Site) -> dict[str, list[str]]:
    """The slugs of each version of each section, by ``section`` or ``section@segment``."""
    return {
        one.section.key + (f"@{one.segment}" if one.segment else ""): [slot.story for slot in one.slots]
        for versions in press.board(site, KEY).sections
        for one in versions
    }


AT_FIRST = {
    "lead": ["harbour"], "near": ["olives"], "near@europe": ["ferry", "trains"], "rest": ["bank", "bridge"],
}  # fmt: skip


def slot(site: Site, name: str, segment: str = "") -> BoardSlot:
    return press.board(site, KEY).slot(name, segment)


def updated(site: Site, slug: str, **more: Any) -> None:
    """A newer version of a story, from its source."""
    with site.database.writing() as session:
        store(session, slug, now=site.clock.now(), **more)


def board(site: Site) -> Board:
    return press.board(site, KEY)


def test_the_board_shows_each_version_of_a_section_and_why_each_story_stands_there(site: Site) -> None:
    assert stands(site) == AT_FIRST
    found = board(site)
    assert [(one.segment, one.readers) for one in found.sections[1]] == [("", ("world",)), ("europe", ("europe",))]
    assert found.slot("near/1", "europe").reason == (
        "section “In Europe”: region europe, priority 3, published 05:00, rank 1 of 2"
    )
    assert found.inbox["europe"][0] == found.inbox["world"][0]
    assert (found.editable, found.undoable, found.came_in) == (True, None, 0)


def test_a_story_moves_up_and_down_within_its_version_alone(on_each: Site) -> None:
    press.move_slot(on_each, KEY, "near/2", EDITH, steps=-1, segment="europe")
    assert stands(on_each) == AT_FIRST | {"near@europe": ["trains", "ferry"]}
    press.move_slot(on_each, KEY, "rest/1", EDITH, steps=1)
    press.move_slot(on_each, KEY, "rest/1", EDITH, steps=1)
    assert stands(on_each)["rest"] == ["bank", "bridge"]
    with pytest.raises(Refused, match="bank is the first of its section already"):
        press.move_slot(on_each, KEY, "rest/1", EDITH, steps=-1)
    press.assemble(on_each, "morning")
    assert stands(on_each)["near@europe"] == ["trains", "ferry"]


def test_any_order_can_be_reached_by_moving_and_is_kept(site: Site) -> None:
    with site.database.writing() as session:
        store(session, "swifts", "opera", "wells", priority=6)
    press.assemble(site, "morning")
    assert stands(site)["rest"] == ["bank", "bridge", "opera", "swifts", "wells"]
    wanted = ["wells", "bridge", "swifts", "bank", "opera"]
    for place, story in enumerate(wanted, start=1):
        for at in range(stands(site)["rest"].index(story) + 1, place, -1):
            press.move_slot(site, KEY, f"rest/{at}", EDITH, steps=-1)
    assert stands(site)["rest"] == wanted
    press.assemble(site, "morning")
    assert stands(site)["rest"] == wanted


def test_a_move_in_the_common_version_does_not_reach_those_who_have_their_own(site: Site) -> None:
    with site.database.writing() as session:
        store(session, "monsoon", regions=("world",), priority=4)
    press.assemble(site, "morning")
    press.move_slot(site, KEY, "near/2", EDITH, steps=-1)
    assert stands(site)["near"] == ["monsoon", "olives"]
    assert stands(site)["near@europe"] == ["ferry", "trains"]
    assert board(site).unmet == ()


def test_a_swapped_story_stands_in_the_place_and_the_other_is_left_out(on_each: Site) -> None:
    updated(on_each, "swifts", priority=9)
    press.swap_slot(on_each, KEY, "rest/1", "swifts", EDITH)
    assert stands(on_each)["rest"] == ["swifts", "bridge"]
    assert [(one.story, one.by) for one in board(on_each).left_out] == [("bank", "Edith")]
    press.assemble(on_each, "morning")
    assert stands(on_each)["rest"] == ["swifts", "bridge"]
    press.undo(on_each, KEY, EDITH)
    assert stands(on_each)["rest"][:2] == ["bank", "bridge"]
    assert board(on_each).left_out == ()


def test_a_swap_in_the_common_version_leaves_the_others_theirs(site: Site) -> None:
    press.swap_slot(site, KEY, "near/1", "bank", EDITH)
    assert stands(site) == AT_FIRST | {"near": ["bank"], "rest": ["bridge", "olives"]} or stands(site)["near"] == [
        "bank"
    ]
    assert stands(site)["near@europe"] == ["ferry", "trains"]
    assert [(one.story, one.segment) for one in board(site).left_out] == [("olives", "world")]


@pytest.mark.parametrize(
    ("story", "says"),
    [("harbour", "stands there already"), ("nothing", "there is no story"), ("late", "held: release it first")],
)
def test_what_may_not_be_swapped_in_is_refused_and_changes_nothing(site: Site, story: str, says: str) -> None:
    updated(site, "late")
    with site.database.writing() as session:
        hold(session, "late", site.clock.now())
    with pytest.raises(NewsletterError, match=says):
        press.swap_slot(site, KEY, "lead/1", story, EDITH)
    assert stands(site) == AT_FIRST
    assert board(site).left_out == ()


@pytest.mark.parametrize("words", ["lead", "lead/0", "../../etc/passwd", "lead/1/2", "lead/99999999999999999999", ""])
def test_what_is_no_slot_is_refused_with_an_example(site: Site, words: str) -> None:
    with pytest.raises(Refused, match="for example lead/1"):
        press.pin_slot(site, KEY, words, EDITH)


def test_a_slot_that_is_not_there_says_how_many_there_are(site: Site) -> None:
    with pytest.raises(NotFound, match="no slot rest/7: there are 2"):
        press.pin_slot(site, KEY, "rest/7", EDITH)
    with pytest.raises(Refused, match="no section"):
        press.pin_slot(site, KEY, "sports/1", EDITH)
    with pytest.raises(Refused, match="no segment"):
        press.pin_slot(site, KEY, "rest/1", EDITH, segment="mars")


def test_a_pin_holds_a_story_in_its_place_until_it_goes_back_to_the_rules(site: Site) -> None:
    press.pin_slot(site, KEY, "rest/1", EDITH)
    updated(site, "sudden", priority=1)
    updated(site, "harbour", tags=("x",), priority=1)
    press.assemble(site, "morning")
    assert stands(site)["rest"][0] == "bank"
    assert slot(site, "rest/1").by_hand == "pin"
    press.unpin_slot(site, KEY, "rest/1", EDITH)
    assert slot(site, "rest/1").by_hand == ""
    with pytest.raises(Refused, match="by the rules already"):
        press.unpin_slot(site, KEY, "rest/1", EDITH)


def test_words_are_changed_for_this_edition_for_everyone_or_for_some(on_each: Site) -> None:
    updated(on_each, "bank", priority=4, bullets=(BulletDraft("Costs", "Ten million.", "https://news.example.org/x"),))
    press.accept(on_each, KEY, "bank", EDITH)
    own = slot(on_each, "rest/1").own
    assert own["bullets"] == "Costs: Ten million. | https://news.example.org/x"
    press.edit_slot(on_each, KEY, "rest/1", {"headline": "For all", "bullets": "Why: It *matters*.\n\n"}, EDITH)
    press.edit_slot(on_each, KEY, "rest/1", {"headline": "For Europe", "dek": own["dek"]}, EDITH, only="europe")
    found = slot(on_each, "rest/1")
    assert (found.words["headline"], found.words["bullets"]) == ("For all", "Why: It *matters*.")
    assert found.only == {"europe": {"headline": "For Europe"}}
    told = press.variants(on_each, KEY)
    assert "For Europe" in told["europe"].rendered.text
    assert "For all" not in told["europe"].rendered.text
    assert "For all" in told["world"].rendered.text
    press.assemble(on_each, "morning")
    assert slot(on_each, "rest/1").words == found.words
    press.edit_slot(on_each, KEY, "rest/1", {"headline": "", "bullets": own["bullets"]}, EDITH)
    assert slot(on_each, "rest/1").words == own


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"headline": "The <b>harbour</b>"}, "the headline has markup"),
        ({"headline": "<script>alert(1)</script>"}, "the headline has markup"),
        ({"headline": "x" * 301}, "301 characters, and 300 is the most"),
        ({"dek": "Look <!-- here"}, "the dek has markup"),
        ({"dek": "x" * 601}, "600 is the most"),
        ({"bullets": "no colon here"}, "line 1 of the bullets is none"),
        ({"bullets": "Why: [this](javascript:alert(1))"}, "leads nowhere from a mail"),
        ({"bullets": "Why: <img src=x onerror=alert(1)>"}, "raw HTML is not read"),
        ({"bullets": "Why: Because. | javascript:alert(1)"}, "wrong link"),
        ({"bullets": "<b>: Because."}, "markup in its label"),
        ({"bullets": "\n".join(f"L{n}: t" for n in range(21))}, "20 is the most"),
        ({}, "nothing was given"),
    ],
)
def test_words_are_held_to_what_an_imported_story_is_held_to(site: Site, words: dict[str, str], says: str) -> None:
    with pytest.raises(Refused, match=says):
        press.edit_slot(site, KEY, "rest/1", words, EDITH)
    assert (board(site).undoable, slot(site, "rest/1").edits) == (None, ())


def test_control_characters_are_cleaned_out_of_words_and_a_comparison_is_no_markup(site: Site) -> None:
    press.edit_slot(site, KEY, "rest/1", {"headline": "  Five\x00 \x07<\n6\x93 > 4  "}, EDITH)
    assert slot(site, "rest/1").words["headline"] == "Five < 6“ > 4"
    press.set_lines(site, KEY, EDITH, subject="A\tsubject\x1b", preheader=None)
    assert board(site).lines == {"subject": "A subject", "preheader": ""}


def test_a_newer_version_is_shown_with_what_changed_and_told_once_it_is_accepted(on_each: Site) -> None:
    updated(on_each, "bank", headline="Bank raises its rate twice", priority=4)
    found = slot(on_each, "rest/1")
    assert found.update is not None
    assert (found.update.no, found.update.at) == (2, on_each.clock.now())
    assert [one.name for one in found.update.changes] == ["headline"]
    assert "".join(p.words for p in found.update.changes[0].pieces if p.kind != "new") == "Bank"
    assert found.words["headline"] == "Bank"
    press.accept(on_each, KEY, "bank", EDITH)
    found = slot(on_each, "rest/1")
    assert (found.words["headline"], found.update) == ("Bank raises its rate twice", None)
    press.undo(on_each, KEY, EDITH)
    found = slot(on_each, "rest/1")
    assert (found.words["headline"], found.update is not None) == ("Bank", True)


def test_a_version_that_was_kept_is_told_until_a_still_newer_one_is_decided_about(site: Site) -> None:
    updated(site, "bank", headline="Second", priority=4)
    press.keep(site, KEY, "bank", EDITH)
    assert (slot(site, "rest/1").update, slot(site, "rest/1").words["headline"]) == (None, "Bank")
    press.assemble(site, "morning")
    assert slot(site, "rest/1").words["headline"] == "Bank"
    updated(site, "bank", headline="Third", priority=4)
    assert slot(site, "rest/1").update is not None
    updated(site, "late")
    with pytest.raises(Refused, match="does not stand in"):
        press.keep(site, KEY, "late", EDITH)


def test_a_newer_version_that_tells_readers_the_same_is_not_asked_about(site: Site) -> None:
    updated(site, "bank", priority=4, tags=("money",))
    assert slot(site, "rest/1").update is None


def test_a_newer_headline_leaves_the_editors_own_and_says_so(site: Site) -> None:
    press.edit_slot(site, KEY, "rest/1", {"headline": "Mine"}, EDITH)
    updated(site, "bank", headline="Theirs", priority=4)
    found = slot(site, "rest/1")
    assert found.update is not None
    assert found.update.edited == ("headline",)
    press.accept(site, KEY, "bank", EDITH)
    assert slot(site, "rest/1").words["headline"] == "Mine"


def test_a_decision_leaves_alone_what_came_in_since_the_edition_was_assembled(site: Site) -> None:
    updated(site, "sudden", priority=1)
    updated(site, "bank", headline="Bank, again", priority=4)
    press.leave_out(site, KEY, "rest/2", EDITH)
    assert stands(site) == AT_FIRST | {"rest": ["bank"]}
    assert slot(site, "rest/1").words["headline"] == "Bank"
    assert board(site).came_in == 1
    press.assemble(site, "morning")
    assert "sudden" in [*stands(site)["lead"], *stands(site)["rest"]]
    assert board(site).came_in == 0


def test_the_last_decision_is_undone_and_then_the_one_before(on_each: Site) -> None:
    press.edit_slot(on_each, KEY, "rest/1", {"headline": "One"}, EDITH)
    press.edit_slot(on_each, KEY, "rest/1", {"headline": "Two"}, EDITH)
    press.set_lines(on_each, KEY, EDITH, subject="My subject", preheader="My preheader")
    press.leave_out(on_each, KEY, "rest/2", EDITH)
    assert press.undo(on_each, KEY, EDITH).what == "bridge left out"
    assert stands(on_each) == AT_FIRST
    assert press.undo(on_each, KEY, EDITH).what == "subject and preheader"
    assert board(on_each).lines == {"subject": "", "preheader": ""}
    press.undo(on_each, KEY, EDITH)
    assert slot(on_each, "rest/1").words["headline"] == "One"
    press.undo(on_each, KEY, EDITH)
    assert slot(on_each, "rest/1").words["headline"] == "Bank"
    with pytest.raises(Refused, match="nothing was decided"):
        press.undo(on_each, KEY, EDITH)
    assert {one.undone_by for one in board(on_each).decisions} == {"Edith"}


SLOTS = st.sampled_from([("lead/1", ""), ("near/1", ""), ("near/1", "europe"), ("near/2", "europe"), ("rest/1", ""),
                         ("rest/2", ""), ("rest/3", "")])  # fmt: skip
STORIES = st.sampled_from(["harbour", "ferry", "trains", "olives", "bank", "bridge"])
ANYTHING = st.one_of(
    st.tuples(st.just("move"), SLOTS, st.sampled_from([-1, 1])),
    st.tuples(st.just("swap"), SLOTS, STORIES),
    st.tuples(st.just("add"), SLOTS, STORIES),
    st.tuples(st.sampled_from(["pin", "unpin", "leave out", "keep"]), SLOTS, st.just("")),
    st.tuples(st.just("words"), SLOTS, st.text(max_size=20)),
)


def done(site: Site, kind: str, at: tuple[str, str], what: Any) -> None:
    name, segment = at
    match kind:
        case "move":
            press.move_slot(site, KEY, name, EDITH, steps=what, segment=segment)
        case "swap":
            press.swap_slot(site, KEY, name, what, EDITH, segment=segment)
        case "add":
            press.add_story(site, KEY, name.partition("/")[0], what, EDITH, segment=segment)
        case "pin":
            press.pin_slot(site, KEY, name, EDITH, segment=segment)
        case "unpin":
            press.unpin_slot(site, KEY, name, EDITH, segment=segment)
        case "leave out":
            press.leave_out(site, KEY, name, EDITH, segment=segment)
        case "keep":
            press.keep(site, KEY, slot(site, name, segment).story, EDITH)
        case _:
            press.edit_slot(site, KEY, name, {"headline": what, "dek": what}, EDITH, segment=segment, only=segment)


@settings(max_examples=12)
@given(deeds=st.lists(ANYTHING, max_size=6))
def test_whatever_was_decided_assembling_changes_nothing_and_undoing_brings_all_back(
    site: Site, deeds: list[tuple[str, tuple[str, str], Any]]
) -> None:
    """No reader gets a story twice on the way."""
    for deed in deeds:
        with suppress(NewsletterError):  # no such slot any more, or it stands there already
            done(site, *deed)
    arranged = stands(site)
    press.assemble(site, "morning")
    assert stands(site) == arranged
    for segment in ("europe", "world"):
        near = arranged["near@europe" if segment == "europe" else "near"]
        got = [*arranged["lead"], *near, *arranged["rest"]]
        assert len(got) == len(set(got)), got
    with pytest.raises(Refused, match="nothing was decided"):
        for _ in range(len(deeds) + 1):
            press.undo(site, KEY, EDITH)
    assert stands(site) == AT_FIRST
    assert all(one.words == one.own for one in board(site).slots)
    assert board(site).left_out == ()


def test_deciding_the_same_again_is_nothing_to_undo(site: Site) -> None:
    press.edit_slot(site, KEY, "rest/1", {"headline": "One"}, EDITH)
    press.edit_slot(site, KEY, "rest/1", {"headline": "One"}, Editor("Omar"))
    assert len(board(site).decisions) == 1


Deed = Callable[[Site, Editor], object]
DEEDS: dict[str, Deed] = {
    "move": lambda site, who: press.move_slot(site, KEY, "rest/1", who, steps=1),
    "pin": lambda site, who: press.pin_slot(site, KEY, "rest/1", who),
    "unpin": lambda site, who: press.unpin_slot(site, KEY, "rest/1", who),
    "leave out": lambda site, who: press.leave_out(site, KEY, "rest/1", who),
    "swap": lambda site, who: press.swap_slot(site, KEY, "rest/1", "olives", who),
    "edit": lambda site, who: press.edit_slot(site, KEY, "rest/1", {"dek": "Another."}, who),
    "lines": lambda site, who: press.set_lines(site, KEY, who, subject="Another"),
    "accept": lambda site, who: press.accept(site, KEY, "bank", who),
    "keep": lambda site, who: press.keep(site, KEY, "bank", who),
    "undo": lambda site, who: press.undo(site, KEY, who),
    "decide": lambda site, who: press.decide(site, KEY, "exclude", "bank", who),
    "take back": lambda site, who: press.clear(site, KEY, "pin", "bank", who),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_two_editors_never_overwrite_each_other_unnoticed(site: Site, deed: Deed) -> None:
    """What somebody decides about an edition that another changed is refused, says what the other did, and does nothing."""
    seen = board(site).version
    press.pin_slot(site, KEY, "near/1", Editor("Omar", seen), segment="europe")
    before = (stands(site), board(site).version, board(site).decisions[0].id)
    with pytest.raises(Stale, match=r"Omar did this: pin of ferry\); nothing was done"):
        deed(site, Editor("Edith", seen))
    assert (stands(site), board(site).version, board(site).decisions[0].id) == before


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_every_decision_voids_an_approval_and_is_refused_once_the_edition_is_held(site: Site, deed: Deed) -> None:
    press.pin_slot(site, KEY, "rest/1", EDITH)
    press.pin_slot(site, KEY, "near/1", EDITH, segment="europe")
    press.approve(site, KEY, "Omar")
    deed(site, EDITH)
    with site.database.reading() as session:
        edition = find(session, KEY)
        assert (edition.state, edition.approved_by) in ((State.READY, None), (State.SKIPPED, None))
    press.hold(site, KEY, "Omar", "wait")
    with pytest.raises(WrongState, match="is held"):
        deed(site, EDITH)
    assert not board(site).editable


def test_too_little_is_said_and_comes_right_again(site: Site) -> None:
    press.leave_out(site, KEY, "near/1", EDITH)
    press.leave_out(site, KEY, "rest/2", EDITH)
    assert stands(site) == AT_FIRST | {"near": [], "rest": ["bank"]}
    done = press.leave_out(site, KEY, "rest/1", EDITH)
    assert "world would get 1 of at least 2 stories" in done.skipped
    assert press.undo(site, KEY, EDITH).skipped == ""
    with site.database.reading() as session:
        assert find(session, KEY).state == State.READY


def test_offers_come_in_the_order_of_the_rules_and_say_where_a_story_stands(site: Site) -> None:
    updated(site, "baltic", regions=("europe",), priority=5)
    found, more = press.offers(site, KEY, "near", "europe")
    assert [one.story for one in found] == ["ferry", "trains", "baltic", "harbour", "olives", "bank", "bridge"]
    assert [one.fits for one in found] == [True] * 3 + [False] * 4
    assert (found[0].stands, found[2].new, more) == ("near/1 for europe", True, 0)
    assert found[2].reason.startswith("section “In Europe”: region europe, priority 5")
    assert [one.story for one in press.offers(site, KEY, "near", "europe", "BALT")[0]] == ["baltic"]
    for section, segment in (("sports", ""), ("near", "mars"), ("../x", "")):
        with pytest.raises(Refused, match="no such section"):
            press.offers(site, KEY, section, segment)


def test_an_edition_that_was_never_assembled_takes_decisions_and_has_no_slots(site: Site) -> None:
    tomorrow = "morning/2026-11-24"
    press.assemble(site, "morning", site.clock.now().date() + timedelta(days=1))
    with site.database.writing() as session:
        find(session, tomorrow).assembled_at = None
        session.execute(delete(EditionDecision))
    press.decide(site, tomorrow, "exclude", "bank", EDITH)
    assert press.board(site, tomorrow).assembled_at is None
    assert isinstance(site.briefing("morning"), Briefing)
