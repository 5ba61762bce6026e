"""Which stories stand where, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config.models import Briefing
from newsletter.editions.assembly import COMMON, Assembly, Candidate, Carried, Decision, Placed, assemble, segment_of

DUE = datetime(2026, 11, 23, 6, tzinfo=UTC)


def briefing(*sections: dict[str, Any], min_stories: int = 1, segments: tuple[str, ...] = ("everyone",)) -> Briefing:
    return Briefing.model_validate(
        {
            "name": "Morning Briefing",
            "sender": {"name": "The Courier", "address": "morning@courier.example.org"},
            "segments": segments,
            "sections": sections,
            "min_stories": min_stories,
        }
    )


def story(slug: str, no: int = 0, **more: Any) -> Candidate:
    number = no or sum(ord(letter) * 131**place for place, letter in enumerate(slug))
    known: dict[str, Any] = {"section": "world", "published_at": DUE - timedelta(hours=1)}
    return Candidate(story_id=number, version_id=number * 10, slug=slug, **(known | more))


def slugs(assembly: Assembly, *stories: Candidate, section: str | None = None, segment: str | None = None) -> list[str]:
    names = {story.story_id: story.slug for story in stories}
    return [
        names[slot.story_id]
        for slot in assembly.slots
        if section in (None, slot.section) and segment in (None, slot.segment)
    ]


WORLD = {"key": "world", "title": "World", "layout": "brief", "select": {"sections": ["world"]}, "max": 3}
ALSO = {"key": "also", "title": "Also today", "layout": "list", "max": 5}


def test_the_urgent_come_first_then_the_newer_then_by_slug() -> None:
    old, new = DUE - timedelta(hours=9), DUE - timedelta(hours=2)
    stories = [
        story("d-undated", published_at=None),
        story("c-old", published_at=old),
        story("b-new", published_at=new),
        story("a-new", published_at=new),
        story("z-urgent", priority=1, published_at=old),
    ]
    assert slugs(assemble(briefing(ALSO), stories, at=DUE), *stories) == [
        "z-urgent", "a-new", "b-new", "c-old", "d-undated",
    ]  # fmt: skip


def test_sections_take_in_their_order_and_never_the_same_story_twice() -> None:
    stories = [story(f"s-{no}", priority=no) for no in range(1, 6)]
    result = assemble(briefing(WORLD, ALSO), stories, at=DUE)
    assert slugs(result, *stories, section="world") == ["s-1", "s-2", "s-3"]
    assert slugs(result, *stories, section="also") == ["s-4", "s-5"]


@pytest.mark.parametrize(
    ("select", "taken"),
    [
        ({"sections": ["World"]}, True),
        ({"sections": ["sport"]}, False),
        ({"sections": ["sport", "world"]}, True),
        ({"tags": ["harbour"]}, True),
        ({"tags": ["trains"]}, False),
        ({"not_tags": ["harbour"]}, False),
        ({"not_tags": ["trains"]}, True),
        ({"regions": ["europe"]}, True),
        ({"regions": ["asia"]}, False),
        ({"sections": ["world"], "regions": ["asia"]}, False),
        ({"priority": 3}, True),
        ({"priority": 2}, False),
        ({"max_age": "2h"}, True),
        ({"max_age": "1h"}, True),
        ({"max_age": "59m"}, False),
    ],
)
def test_a_rule_takes_what_fits_every_line(select: dict[str, Any], taken: bool) -> None:
    one = story("one", tags=("Harbour",), regions=("europe",), priority=3)
    result = assemble(briefing({"key": "x", "layout": "list", "select": select}), [one], at=DUE)
    assert bool(result.slots) == taken


def test_a_story_of_unknown_age_is_not_fresh() -> None:
    rule = briefing({"key": "x", "layout": "list", "select": {"max_age": "1d"}})
    assert assemble(rule, [story("one", published_at=None)], at=DUE).slots == ()


def test_a_story_that_is_published_after_the_send_is_not_chosen() -> None:
    assert assemble(briefing(ALSO), [story("one", published_at=DUE + timedelta(minutes=1))], at=DUE).slots == ()


def test_every_slot_says_why_it_was_chosen() -> None:
    rule = {"key": "eu", "title": "Europe", "layout": "brief", "select": {"regions": ["europe"], "tags": ["vote", "x"]}}
    stories = [
        story("a", priority=2, regions=("europe",), tags=("vote",), published_at=datetime(2026, 11, 23, 4, 12, tzinfo=UTC)),
        story("b", priority=2, regions=("europe",), tags=("vote",), published_at=datetime(2026, 11, 22, 20, tzinfo=UTC)),
    ]  # fmt: skip
    reasons = [slot.reason for slot in assemble(briefing(rule), stories, at=DUE, zone="Europe/Berlin").slots]
    assert reasons == [
        "section “Europe”: tag vote, region europe, priority 2, published 05:12, rank 1 of 2",
        "section “Europe”: tag vote, region europe, priority 2, published Sunday 21:00, rank 2 of 2",
    ]


def test_a_section_without_enough_is_left_out_and_its_stories_are_free_again() -> None:
    stories = [story("one"), story("two")]
    result = assemble(briefing({**WORLD, "min": 3}, ALSO), stories, at=DUE)
    assert slugs(result, *stories, section="world") == []
    assert slugs(result, *stories, section="also") == ["one", "two"]
    assert result.skip == ""


def test_backfill_fills_up_to_its_number_and_says_so() -> None:
    section = {**WORLD, "min": 1, "backfill": {"sections": ["science"], "up_to": 2}}
    stories = [story("one"), story("moon", section="science"), story("mars", section="science")]
    result = assemble(briefing(section), stories, at=DUE)
    assert slugs(result, *stories) == ["one", "mars"]
    assert result.slots[1].reason == (
        "section “World”: backfill, section science, priority 5, published 05:00, rank 1 of 2"
    )


def test_backfill_never_fills_beyond_the_maximum() -> None:
    stories = [story(f"s-{no}") for no in range(6)]
    assert len(assemble(briefing({**WORLD, "backfill": {"up_to": 5}}), stories, at=DUE).slots) == 3


def test_backfill_without_a_number_fills_to_the_minimum() -> None:
    section = {**WORLD, "min": 2, "backfill": {}}
    stories = [story(f"s-{no}", section="science") for no in range(4)]
    assert len(assemble(briefing(section), stories, at=DUE).slots) == 2


def test_a_required_section_without_stories_skips_the_edition_in_words() -> None:
    result = assemble(briefing({**WORLD, "required": True}, ALSO), [story("moon", section="science")], at=DUE)
    assert result.skip == "section “World” is required and has 0 of at least 1 story"
    assert len(result.slots) == 1, "what was found stays, so that an editor can go on"


def test_too_few_stories_for_one_segment_skip_the_edition_and_name_the_segment() -> None:
    section = {**ALSO, "segments": {"asia": {"select": {"regions": ["asia"]}}}}
    rules = briefing(section, segments=("europe", "asia"), min_stories=2)
    result = assemble(rules, [story("one", regions=("asia",)), story("two")], at=DUE)
    assert result.skip == "asia would get 1 of at least 2 stories"


def test_what_an_earlier_edition_carried_is_not_carried_again() -> None:
    stories = [story("one"), story("two")]
    carried = {stories[0].story_id: Carried(date(2026, 11, 20), changed=False)}
    assert slugs(assemble(briefing(ALSO), stories, at=DUE, carried=carried), *stories) == ["two"]


@pytest.mark.parametrize(
    ("on", "words"),
    [(date(2026, 11, 20), "updated since Friday"), (date(2026, 11, 3), "updated since 3 November 2026")],
)
def test_what_changed_materially_since_may_come_again_and_says_so(on: date, words: str) -> None:
    one = story("one")
    result = assemble(briefing(ALSO), [one], at=DUE, carried={one.story_id: Carried(on, changed=True)})
    assert result.slots[0].reason.endswith(words)


# Segments

REGIONAL = {
    "key": "regional",
    "title": "Your region",
    "layout": "brief",
    "select": {"regions": ["everywhere"]},
    "max": 2,
    "segments": {
        "europe": {"select": {"regions": ["europe"]}},
        "asia": {"select": {"regions": ["asia"]}, "max": 1},
    },
}
SEGMENTS = ("europe", "asia", "everyone")


def test_a_section_with_rules_of_a_segment_has_slots_for_it_and_common_ones_for_the_rest() -> None:
    stories = [
        story("both", regions=("europe", "asia")),
        story("europe", regions=("europe",)),
        story("wide", regions=("everywhere",)),
    ]
    result = assemble(briefing(REGIONAL, segments=SEGMENTS), stories, at=DUE)
    assert slugs(result, *stories, segment="europe") == ["both", "europe"]
    assert slugs(result, *stories, segment="asia") == ["both"], "two segments may share a story"
    assert slugs(result, *stories, segment="") == ["wide"]


def test_a_common_section_leaves_out_what_any_of_its_readers_has() -> None:
    stories = [story("e", regions=("europe",)), story("w", regions=("everywhere",)), story("free")]
    result = assemble(briefing(REGIONAL, ALSO, segments=SEGMENTS), stories, at=DUE)
    assert slugs(result, *stories, section="also") == ["free"]


def test_a_segment_leaves_out_what_the_common_sections_before_it_took() -> None:
    stories = [story("e", regions=("europe",)), story("late", regions=("europe",), priority=9)]
    result = assemble(briefing({**ALSO, "max": 1}, REGIONAL, segments=SEGMENTS), stories, at=DUE)
    assert slugs(result, *stories, section="regional", segment="europe") == ["late"]


def test_a_section_that_is_hidden_from_a_segment_has_no_slots_for_it() -> None:
    section = {**ALSO, "segments": {"asia": {"hide": True}}}
    rules = briefing(section, WORLD, segments=("asia", "everyone"))
    one = story("one")
    result = assemble(rules, [one], at=DUE)
    assert segment_of(rules, "also", "asia") == "asia"
    assert [(slot.section, slot.segment) for slot in result.slots] == [("also", "")]
    assert result.skip == "asia would get 0 of at least 1 story"


# What editors decide


def pin(one: Candidate, section: str, position: int | None = None, **more: Any) -> Decision:
    return Decision("pin", one.story_id, section=section, position=position, by="Edith", **more)


def test_a_pinned_story_stands_where_it_was_pinned_and_no_earlier_section_takes_it() -> None:
    stories = [story("star", priority=1), story("one"), story("two")]
    result = assemble(briefing(WORLD, ALSO), stories, at=DUE, decisions=[pin(stories[0], "also", 1)])
    assert slugs(result, *stories, section="world") == ["one", "two"]
    assert slugs(result, *stories, section="also") == ["star"]
    assert result.slots[-1].reason == "section “Also today”: pinned by Edith"


def test_pins_stand_at_their_positions_and_the_rest_flows_around_them() -> None:
    stories = [story(f"s-{no}", priority=no) for no in range(1, 6)]
    decisions = [pin(stories[4], "also", 2), pin(stories[3], "also", 4)]
    result = assemble(briefing(ALSO), stories, at=DUE, decisions=decisions)
    assert slugs(result, *stories) == ["s-1", "s-5", "s-2", "s-4", "s-3"]


def test_a_position_beyond_the_end_is_the_end_and_none_is_the_front() -> None:
    stories = [story("a"), story("b"), story("c")]
    decisions = [pin(stories[0], "also", 99), pin(stories[2], "also")]
    assert slugs(assemble(briefing(ALSO), stories, at=DUE, decisions=decisions), *stories) == ["c", "b", "a"]


def test_two_pins_at_one_position_stand_in_their_order() -> None:
    stories = [story("a", priority=1), story("b", priority=2), story("c"), story("d")]
    decisions = [pin(stories[0], "also", 2), pin(stories[1], "also", 2)]
    assert slugs(assemble(briefing(ALSO), stories, at=DUE, decisions=decisions), *stories) == ["c", "a", "b", "d"]


def test_what_is_meant_for_a_segment_goes_before_what_is_meant_for_everyone() -> None:
    one = story("one")
    decisions = [pin(one, "also"), replace(pin(one, "regional", 9, segment="europe"), kind="move")]
    result = assemble(briefing(REGIONAL, ALSO, segments=SEGMENTS), [one], at=DUE, decisions=decisions)
    assert [(slot.section, slot.segment) for slot in result.slots] == [("regional", "europe")]
    assert result.notes == ("pin of one by Edith cannot be followed: europe has it in another section",)


def test_the_maximum_counts_pins_and_a_pin_too_many_is_noted() -> None:
    stories = [story(f"s-{no}", no) for no in range(1, 6)]
    decisions = [pin(one, "world") for one in stories[1:]]
    result = assemble(briefing(WORLD), stories, at=DUE, decisions=decisions)
    assert slugs(result, *stories) == ["s-2", "s-3", "s-4"]
    assert result.notes == ("pin of s-5 by Edith cannot be followed: section “World” is full with 3",)


@pytest.mark.parametrize("why", ["killed", "embargoed until 2026-11-23 09:00 UTC"])
def test_a_pin_of_a_story_that_may_not_go_out_is_noted_with_the_reason(why: str) -> None:
    one = story("one", unusable=why)
    result = assemble(briefing(ALSO), [one], at=DUE, decisions=[pin(one, "also")])
    assert result.slots == ()
    assert result.notes == (f"pin of one by Edith cannot be followed: {why}",)


def test_a_pin_of_a_story_that_is_gone_is_noted() -> None:
    result = assemble(briefing(ALSO), [], at=DUE, decisions=[Decision("pin", 7, section="also")])
    assert result.notes == ("pin of story 7 cannot be followed: it may not go out",)


def test_a_pin_for_one_segment_goes_into_its_version_only() -> None:
    stories = [story("star"), story("e", regions=("europe",))]
    result = assemble(
        briefing(REGIONAL, segments=SEGMENTS),
        stories,
        at=DUE,
        decisions=[pin(stories[0], "regional", segment="europe")],
    )
    assert slugs(result, *stories, segment="europe") == ["star", "e"]
    assert slugs(result, *stories, segment="asia") == slugs(result, *stories, segment="") == []


def test_a_pin_for_a_segment_without_a_version_of_its_own_is_noted() -> None:
    one = story("one", priority=2)
    result = assemble(
        briefing(WORLD, segments=SEGMENTS), [one], at=DUE, decisions=[pin(one, "world", segment="everyone")]
    )
    assert result.notes == ("pin of one by Edith cannot be followed: section 'world' has no version for everyone",)


def test_a_pin_brings_back_an_old_story_and_a_move_does_not() -> None:
    one = story("one")
    carried = {one.story_id: Carried(date(2026, 11, 20), changed=False)}
    pinned = assemble(briefing(ALSO), [one], at=DUE, carried=carried, decisions=[pin(one, "also")])
    moved = assemble(briefing(ALSO), [one], at=DUE, carried=carried, decisions=[replace(pin(one, "also"), kind="move")])
    assert len(pinned.slots) == 1
    assert moved.slots == ()
    assert moved.notes == ("move of one by Edith cannot be followed: the edition of 2026-11-20 had it: pin it instead",)


def test_a_move_says_where_a_pinned_story_stands() -> None:
    one = story("one")
    decisions = [pin(one, "world"), replace(pin(one, "also"), kind="move")]
    result = assemble(briefing(WORLD, ALSO), [one], at=DUE, decisions=decisions)
    assert [(slot.section, slot.reason) for slot in result.slots] == [("also", "section “Also today”: moved by Edith")]


def test_a_story_that_is_excluded_from_a_section_may_stand_in_another() -> None:
    one = story("one")
    decisions = [Decision("exclude", one.story_id, section="world")]
    result = assemble(briefing(WORLD, ALSO), [one], at=DUE, decisions=decisions)
    assert [slot.section for slot in result.slots] == ["also"]


def test_a_pin_of_the_common_version_leaves_the_versions_of_segments_alone() -> None:
    one = story("one")
    decisions = [replace(pin(one, "regional"), segment=COMMON)]
    result = assemble(briefing(REGIONAL, segments=SEGMENTS), [one], at=DUE, decisions=decisions)
    assert [(slot.section, slot.segment) for slot in result.slots] == [("regional", "")]


def test_an_excluded_story_is_out_and_the_next_one_in() -> None:
    stories = [story(f"s-{no}", priority=no) for no in range(1, 5)]
    decisions = [Decision("exclude", stories[0].story_id)]
    assert slugs(assemble(briefing(WORLD), stories, at=DUE, decisions=decisions), *stories) == ["s-2", "s-3", "s-4"]


def test_an_exclusion_for_a_segment_leaves_the_others_alone() -> None:
    stories = [story("both", regions=("europe", "asia"))]
    decisions = [Decision("exclude", stories[0].story_id, segment="europe")]
    result = assemble(briefing(REGIONAL, segments=SEGMENTS), stories, at=DUE, decisions=decisions)
    assert [slot.segment for slot in result.slots] == ["asia"]


def test_an_exclusion_for_a_segment_counts_against_its_minimum() -> None:
    one = story("one")
    decisions = [Decision("exclude", one.story_id, segment="asia")]
    result = assemble(briefing(WORLD, segments=("europe", "asia")), [one], at=DUE, decisions=decisions)
    assert len(result.slots) == 1
    assert result.skip == "asia would get 0 of at least 1 story"


def test_a_section_with_a_pinned_story_stays_even_below_its_minimum() -> None:
    one = story("one")
    assert len(assemble(briefing({**WORLD, "min": 2}), [one], at=DUE, decisions=[pin(one, "world")]).slots) == 1


# Properties

REGIONS = ("europe", "asia", "everywhere")
candidates = st.lists(
    st.builds(
        story,
        st.just("s"),
        section=st.sampled_from(["world", "science"]),
        regions=st.lists(st.sampled_from(REGIONS), max_size=2).map(tuple),
        priority=st.integers(1, 9),
        published_at=st.none() | st.integers(-60, 60 * 48).map(lambda minutes: DUE - timedelta(minutes=minutes)),
        unusable=st.sampled_from(["", "", "", "killed", "embargoed"]),
    ),
    max_size=14,
).map(lambda found: [replace(one, story_id=no, version_id=no * 10, slug=f"s-{no}") for no, one in enumerate(found)])
decisions = st.lists(
    st.builds(
        Decision,
        kind=st.sampled_from(["pin", "exclude", "move"]),
        story_id=st.integers(0, 15),
        segment=st.sampled_from(["", "", *SEGMENTS]),
        section=st.sampled_from(["world", "regional", "also", "gone"]),
        position=st.none() | st.integers(1, 6),
    ),
    max_size=6,
    unique_by=lambda decision: (decision.kind, decision.story_id, decision.segment),
)
carriages = st.dictionaries(
    st.integers(0, 15), st.builds(Carried, on=st.just(date(2026, 11, 20)), changed=st.booleans()), max_size=4
)
RULES = briefing(
    {**WORLD, "min": 2, "backfill": {"up_to": 3}},
    REGIONAL,
    {**ALSO, "select": {"max_age": "1d"}},
    segments=SEGMENTS,
    min_stories=2,
)


def read_by(segment: str, slots: tuple[Placed, ...]) -> list[Placed]:
    return [slot for slot in slots if slot.segment == segment_of(RULES, slot.section, segment)]


@given(candidates, decisions, carriages, st.randoms(use_true_random=False))
def test_the_order_of_what_goes_in_makes_no_difference(
    found: list[Candidate], decided: list[Decision], carried: dict[int, Carried], random: Any
) -> None:
    first = assemble(RULES, found, at=DUE, decisions=decided, carried=carried)
    random.shuffle(found)
    random.shuffle(decided)
    assert assemble(RULES, found, at=DUE, decisions=decided, carried=carried) == first


@given(candidates, decisions, carriages)
def test_whatever_goes_in_the_rules_hold(
    found: list[Candidate], decided: list[Decision], carried: dict[int, Carried]
) -> None:
    """No reader gets a story twice, no section more than its maximum, nobody what may not go out, what was excluded, or
    (unless pinned) what an earlier edition had."""
    result = assemble(RULES, found, at=DUE, decisions=decided, carried=carried)
    stories = {one.story_id: one for one in found}
    for segment in SEGMENTS:
        read = [slot.story_id for slot in read_by(segment, result.slots)]
        assert len(read) == len(set(read))
    places: dict[tuple[str, str], list[int]] = {}
    for slot in result.slots:
        assert not stories[slot.story_id].unusable
        assert slot.version_id == slot.story_id * 10
        places.setdefault((slot.section, slot.segment), []).append(slot.position)
        kinds = {d.kind for d in decided if d.story_id == slot.story_id}
        before = carried.get(slot.story_id)
        assert before is None or before.changed or "pin" in kinds
        out = [d for d in decided if d.kind == "exclude" and d.story_id == slot.story_id and not d.segment]
        assert not any(d.section in ("", slot.section) for d in out)
    for (key, segment), positions in places.items():
        rule = next(section for section in RULES.sections if section.key == key)
        own = rule.for_segment(segment) if segment else rule
        assert own is not None
        assert positions == list(range(1, len(positions) + 1))
        assert len(positions) <= own.max


@given(candidates, st.integers(0, 13), st.sampled_from(["world", "also"]), st.none() | st.integers(1, 3))
def test_a_lone_pin_of_a_usable_story_is_always_followed(
    found: list[Candidate], which: int, section: str, position: int | None
) -> None:
    one = next((one for one in found if one.story_id == which and not one.unusable), None)
    if one is None:
        return
    result = assemble(RULES, found, at=DUE, decisions=[pin(one, section, position)])
    at = [(slot.section, slot.position) for slot in result.slots if slot.story_id == which]
    total = sum(slot.section == section for slot in result.slots)
    assert at == [(section, min(position or 1, total))]
    assert result.notes == ()


@given(candidates, candidates, st.integers(0, 13), st.booleans())
def test_what_an_editor_decided_holds_whatever_comes_and_goes_around_it(
    before: list[Candidate], after: list[Candidate], which: int, out: bool
) -> None:
    one = replace(story("chosen", regions=("everywhere",)), story_id=99, version_id=990)
    decision = Decision("exclude", 99) if out else pin(one, "also", 1)
    gone = [other for other in before if other.story_id != which]
    for pool in (before, gone, after):
        result = assemble(RULES, [*pool, one], at=DUE, decisions=[decision])
        where = [(slot.section, slot.position) for slot in result.slots if slot.story_id == 99]
        assert where == ([] if out else [("also", 1)])
