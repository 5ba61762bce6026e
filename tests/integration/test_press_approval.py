"""Approvals: bound to what was looked at, void by any later change, and able to tell which."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from newsletter import press
from newsletter.database import Database
from newsletter.editions import approvals
from newsletter.editions.overrides import set_lines, set_override
from newsletter.editions.store import find
from newsletter.errors import Refused, WrongState
from newsletter.press import Site
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from tests.sites import CONFIG, make_site

KEY = "morning/2026-11-23"


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    made = make_site(tmp_path / "site", database, clock)
    press.assemble(made, "morning")
    return made


def differences(site: Site) -> dict[str, tuple[str, ...]]:
    approved = press.departure(site, KEY).approved
    assert approved is not None
    return {one.words: one.segments for one in approved.changed}


def decide(site: Site, kind: str, story: str, **wish: str | int) -> None:
    with site.database.writing() as session:
        edition, briefing = find(session, KEY), site.briefing("morning")
        set_override(session, edition, briefing, kind, story, clock=site.clock, by="Omar", **wish)  # type: ignore[arg-type]


def test_what_will_happen_is_told_by_segment(site: Site) -> None:
    found = press.departure(site, KEY)
    assert [(wave.title, wave.readers, wave.backends, f"{wave.due_at:%H:%M}", wave.zone) for wave in found.waves] == [
        ("Europe", 2, ("outbox",), "05:00", "Europe/Berlin"),
        ("World", 2, ("outbox",), "05:00", "Europe/Berlin"),
    ]
    assert (found.approved, found.audience.total if found.audience else 0) == (None, 4)
    press.lock(site, KEY)
    after = press.departure(site, KEY)
    assert [(wave.title, wave.readers) for wave in after.waves] == [("Europe", 2), ("World", 2)]
    assert after.audience is None


def test_an_approval_stands_until_something_changes_and_then_tells_what(site: Site) -> None:
    press.approve(site, KEY, "Edith")
    approved = press.departure(site, KEY).approved
    assert approved is not None
    assert (approved.by, approved.stands, approved.readers, approved.changed) == ("Edith", True, 4, ())
    decide(site, "headline", "ferry", text="The ferry is back")
    approved = press.departure(site, KEY).approved
    assert approved is not None
    assert (approved.stands, approved.ended_by) == (False, "Omar")
    assert approved.ended_why == "changed after it was approved: headline of ferry"
    [(words, segments)] = differences(site).items()
    assert words.startswith("the headline of ferry is “The ferry is back”, and was “")
    assert segments == ("europe",)
    press.approve(site, KEY, "Edith")
    assert differences(site) == {}
    with site.database.reading() as session:
        assert len(approvals.all_of(session, find(session, KEY))) == 2


def test_every_kind_of_change_is_named(site: Site, tmp_path: Path) -> None:
    """Another subject, a story gone, one that came, a newer version, another order, another rule, backend, sender, hour."""
    press.approve(site, KEY, "Edith")
    with site.database.writing() as session:
        set_lines(session, find(session, KEY), {"subject": "Something else"}, clock=site.clock, by="Omar")
        now = site.clock.now()
        store(session, "harbour", headline="The harbour opens again", now=now, priority=1)
        store(session, "late", now=now, priority=4)
    decide(site, "exclude", "bank")
    decide(site, "pin", "bridge", section="rest", position=1)
    press.assemble(site, "morning")
    rules = site.settings.segments_file
    rules.write_text(
        "europe: {backend: spare, rule: {country: [DE]}}\nworld: {backend: outbox, rule: {everyone: true}}"
    )
    config = CONFIG.replace('"06:00"', '"06:30"').replace("name: The Courier,", "name: The Evening Courier,")
    other = make_site(
        tmp_path / "other",
        site.database,
        site.clock,
        config=config.replace("briefings:", "  spare: {type: outbox, path: spare}\nbriefings:"),
        readers="",
    )
    (other.root / "subscribers" / "segments.yaml").write_text(rules.read_text(encoding="utf-8"), encoding="utf-8")
    found = differences(Site(other.settings, site.database, site.clock))
    both = ("europe", "world")
    for words, segments in {
        "from The Evening Courier <morning@courier.example.org> instead of The Courier": both,
        "the subject is “Something else”, and was “": both,
        "” (bank) is not in it any more": both,
        "” (late) came in, in rest": both,
        "harbour is version 2, and was version 1": both,
        "the headline of harbour is “The harbour opens again”, and was “": both,
        "the rule that says who these readers are is another one": ("europe",),
        "it goes through spare, and not outbox": ("europe",),
        "it leaves Mon 23 Nov at 06:30 CET, and not Mon 23 Nov at 06:00 CET": both,
    }.items():
        assert [told for says, told in found.items() if words in says] == [segments], (words, found)


def test_an_approved_edition_that_differs_by_its_rules_alone_is_approved_anew_in_one_step(site: Site) -> None:
    press.approve(site, KEY, "Edith")
    rules = site.settings.segments_file
    rules.write_text(rules.read_text(encoding="utf-8").replace("[DE, FR]", "[DE]"), encoding="utf-8")
    fresh = Site(site.settings, site.database, site.clock)
    standing = press.standing(fresh, KEY)
    assert (standing.state, standing.changed, standing.next) == ("approved", True, "approve")
    with pytest.raises(Refused, match=r"not what was approved any more .the rule that says who"):
        press.lock(fresh, KEY)
    press.approve(fresh, KEY, "Omar")
    assert press.standing(fresh, KEY).approved_by == "Omar"
    press.lock(fresh, KEY)


def test_an_approval_is_of_what_the_person_had_before_them(site: Site) -> None:
    looked_at = press.departure(site, KEY).digest
    decide(site, "headline", "harbour", text="Another one")
    with pytest.raises(Refused, match="changed while you looked at it"):
        press.approve(site, KEY, "Edith", looked_at=looked_at)
    assert press.approve(site, KEY, "Edith", looked_at=press.departure(site, KEY).digest)


def test_an_approval_can_be_withdrawn_and_a_hold_ends_it_too(site: Site) -> None:
    press.approve(site, KEY, "Edith")
    press.withdraw_approval(site, KEY, "Omar")
    approved = press.departure(site, KEY).approved
    assert approved is not None
    assert (approved.stands, approved.ended_by, approved.ended_why) == (False, "Omar", "the approval was withdrawn")
    with pytest.raises(WrongState):
        press.withdraw_approval(site, KEY, "Omar")
    press.approve(site, KEY, "Edith")
    assert press.hold(site, KEY, "Omar", "wait") == 0
    press.release(site, KEY, "Omar")
    standing = press.standing(site, KEY)
    assert (standing.state, standing.approved_by) == ("ready", "")


def test_a_number_far_from_the_usual_one_has_to_be_written_and_then_does_not_hold_the_edition(
    site: Site, tmp_path: Path, clock: FixedClock
) -> None:
    asyncio.run(press.send(site, KEY))
    clock.advance(86400)
    more = "email,country\n" + "".join(f"r{n}@example.org,DE\n" for n in range(200))
    site = make_site(tmp_path / "other", site.database, clock, readers=more)
    with site.database.writing() as session:
        for number in range(3):
            store(session, f"new-{number}", now=clock.now())
    key = "morning/2026-11-24"
    press.assemble(site, "morning")
    for wrong in (None, 40, 190):
        with pytest.raises(press.Unusual, match=r"would go to 204 readers.*, where 4 are usual") as refused:
            press.approve(site, key, "Edith", readers=wrong)
        assert refused.value.readers == 204
    press.approve(site, key, "Edith", readers=202)
    assert asyncio.run(press.send(site, key)).counts.accepted == 204


def test_a_number_that_was_written_says_nothing_of_one_that_is_far_from_it(
    site: Site, tmp_path: Path, clock: FixedClock
) -> None:
    asyncio.run(press.send(site, KEY))
    clock.advance(86400)
    with site.database.writing() as session:
        for number in range(3):
            store(session, f"new-{number}", now=clock.now())
    readers = ["email,country\n" + "".join(f"{x}{n}@example.org,DE\n" for n in range(20)) for x in "ab"]
    site = make_site(tmp_path / "other", site.database, clock, readers=readers[0])
    press.assemble(site, "morning")
    key = "morning/2026-11-24"
    press.approve(site, key, "Edith", readers=24)
    make_site(tmp_path / "other", site.database, clock, readers=readers[1])
    with pytest.raises(Refused, match="44 readers, where 4 are usual"):
        asyncio.run(press.send(site, key))
