"""A named person lets an edition go out with what a check found; it holds for what they saw, and for nothing else."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from newsletter import press
from newsletter.checks import CHECKS, CheckInput, Finding, Severity
from newsletter.database import Database
from newsletter.editions.models import FindingOverride
from newsletter.editions.overrides import set_lines, set_override
from newsletter.editions.store import find
from newsletter.errors import NotFound, Refused, WrongState
from newsletter.press import Site
from newsletter.stories.store import kill
from newsletter.testing import FixedClock
from tests.sites import make_site

KEY = "morning/2026-11-23"
WHERE = "story bank, headline"


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    """With a headline that blocks."""
    made = make_site(tmp_path / "site", database, clock)
    press.assemble(made, "morning")
    headline(made, "Ship TK")
    return made


def headline(site: Site, words: str) -> None:
    with site.database.writing() as session:
        set_override(
            session, find(session, KEY), site.briefing("morning"), "headline", "bank", clock=site.clock, text=words
        )


def override(site: Site, code: str = "tripwires", where: str | None = WHERE) -> list[Finding]:
    return press.override(site, KEY, code, "Edith", "It is the name of a ship.", where)


def words(site: Site) -> set[tuple[str, str, bool]]:
    return {(one.code, one.override.by if one.override else "", one.blocks) for one in press.check(site, KEY)}


def test_what_is_overridden_is_approved_locked_and_told_with_name_and_reason(site: Site) -> None:
    with pytest.raises(Refused, match="tripwires"):
        press.approve(site, KEY, "Edith")
    override(site)
    assert words(site) == {("tripwires", "Edith", False)}
    press.approve(site, KEY, "Edith")
    report = asyncio.run(press.send(site, KEY))
    assert report.adds_up
    (told,) = report.overridden
    assert (told.code, told.severity, told.where, told.by, told.reason) == (
        "tripwires", "block", WHERE, "Edith", "It is the name of a ship.",
    )  # fmt: skip
    assert report.as_dict()["overridden"][0]["at"] == "2026-11-23T04:00:00+00:00"


def test_the_clock_s_lock_honours_it_too(site: Site) -> None:
    with pytest.raises(Refused, match="cannot go out like this"):
        press.lock(site, KEY)
    override(site)
    press.lock(site, KEY)
    assert len(press.report(site, KEY).overridden) == 1


def test_a_finding_that_says_something_else_is_not_covered(site: Site) -> None:
    override(site)
    headline(site, "Ships TK")
    assert words(site) == {("tripwires", "", True)}
    headline(site, "Ship TK")
    assert words(site) == {("tripwires", "Edith", False)}, "the very same is"


def test_what_was_mended_before_the_lock_is_not_in_the_report(site: Site) -> None:
    override(site)
    headline(site, "Ship")
    press.lock(site, KEY)
    assert press.report(site, KEY).overridden == ()


def test_it_is_taken_back_by_name_and_kept(site: Site) -> None:
    override(site)
    assert press.take_back(site, KEY, "tripwires", "Omar", WHERE) == 1
    assert words(site) == {("tripwires", "", True)}
    with pytest.raises(NotFound, match="no overridden finding tripwires"):
        press.take_back(site, KEY, "tripwires", "Omar")
    with site.database.reading() as session:
        (row,) = session.query(FindingOverride).all()
    assert (row.by, row.taken_back_by) == ("Edith", "Omar")


def test_an_override_leaves_the_approval_alone_and_comes_before_the_lock(site: Site) -> None:
    headline(site, "Ship")
    with site.database.writing() as session:
        set_lines(
            session, find(session, KEY), {"subject": "A harbour, and nothing but a harbour, " * 3}, clock=site.clock
        )
    press.approve(site, KEY, "Edith")
    override(site, "subject", None)
    press.lock(site, KEY)
    with pytest.raises(WrongState, match="cannot be overridden"):
        override(site, "subject", None)


def test_a_story_that_may_not_go_out_cannot_be_overridden(site: Site) -> None:
    headline(site, "Ship")
    with site.database.writing() as session:
        kill(session, "bank", site.clock.now())
    with pytest.raises(Refused, match=r"story-status .* cannot be overridden: decide it where it is decided"):
        override(site, "story-status", None)


def test_a_check_that_broke_off_cannot_be_overridden(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(subject: CheckInput) -> list[Finding]:
        raise KeyError("oops")

    monkeypatch.setitem(CHECKS, "size", broken)
    with pytest.raises(Refused, match="what was not looked at is not known to be good"):
        override(site, "size", None)


def test_a_word_for_one_place_is_none_for_another(site: Site) -> None:
    with site.database.writing() as session:
        set_override(
            session, find(session, KEY), site.briefing("morning"), "dek", "bridge", clock=site.clock, text="None"
        )
    with pytest.raises(Refused, match="has 2 findings tripwires: write --where with one of story bank, headline; "):
        override(site, where=None)
    override(site)
    assert words(site) == {("tripwires", "Edith", False), ("tripwires", "", True)}


def test_what_is_not_found_cannot_be_overridden(site: Site) -> None:
    for code, where, says in (
        ("tripwire", None, "there is no check 'tripwire': there is subject, "),
        ("tripwires", "story ferry, dek", "write --where with one of story bank, headline"),
        ("size", None, "has no finding size now: see `newsletter edition check morning/2026-11-23`"),
    ):
        with pytest.raises((Refused, NotFound), match=says):
            override(site, code, where)


def test_a_word_needs_a_name_and_a_reason(site: Site) -> None:
    for by, reason in (("", "It is a ship."), ("Edith", " "), ("\n", "\t")):
        with pytest.raises(Refused, match="needs a name and a reason"):
            press.override(site, KEY, "tripwires", by, reason, WHERE)


def test_a_change_while_somebody_overrides_is_noticed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = press.check

    def meanwhile(here: Site, key: str) -> list[Finding]:
        found = looked(here, key)
        headline(here, "Ships TK")
        return found

    monkeypatch.setattr(sys.modules["newsletter.press.check"], "check", meanwhile)
    with pytest.raises(Refused, match="was changed in the meantime"):
        override(site)


def test_a_warning_may_be_overridden_as_well(site: Site) -> None:
    headline(site, "Ship, None")
    (finding,) = override(site, where=None)
    assert finding.severity == Severity.WARN
    assert words(site) == {("tripwires", "Edith", False)}
