"""Editions in the database: made once, assembled again and again, changed by editors, laid out by segment."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.config.models import Briefing
from newsletter.database import Database
from newsletter.editions.models import Edition, EditionEvent, Slot
from newsletter.editions.overrides import clear_override, set_lines, set_override, unmet
from newsletter.editions.states import State, move
from newsletter.editions.store import assemble_edition, ensure, find, listing, variant_slots
from newsletter.errors import NotFound, Refused, WrongState
from newsletter.stories.models import StoryVersion
from newsletter.stories.store import hold, kill, release
from newsletter.testing import FixedClock
from newsletter.testing.stories import draft, store

DAY = date(2026, 11, 23)
DUE = datetime(2026, 11, 23, 6, tzinfo=UTC)


def make_briefing(*sections: dict[str, Any], min_stories: int = 2) -> Briefing:
    return Briefing.model_validate(
        {
            "name": "Morning Briefing",
            "sender": {"name": "The Courier", "address": "morning@courier.example.org"},
            "segments": ["europe", "everyone"],
            "sections": sections or (LEAD, REGION, REST),
            "min_stories": min_stories,
        }
    )


LEAD = {"key": "lead", "layout": "lead", "select": {"tags": ["lead"]}, "max": 1, "backfill": {"up_to": 1}}
REGION = {
    "key": "region",
    "title": "Your region",
    "layout": "brief",
    "select": {"regions": ["world"]},
    "max": 2,
    "segments": {"europe": {"title": "Europe", "select": {"regions": ["europe"]}}},
}
REST = {"key": "rest", "title": "Also today", "layout": "list", "max": 5}
BRIEFING = make_briefing()


@pytest.fixture
def filled(database: Database, clock: FixedClock) -> Database:
    with database.writing() as session:
        store(session, "harbour", tags=("lead",), priority=1)
        store(session, "alps", "baltic", regions=("europe",))
        store(session, "monsoon", regions=("world",))
        store(session, "swifts", "opera", section="culture", priority=7)
        ensure(session, "morning", DAY, DUE, clock)
    return database


def morning(session: Session) -> Edition:
    return find(session, "morning/2026-11-23")


def assembled(session: Session, clock: FixedClock, briefing: Briefing = BRIEFING) -> Edition:
    edition = morning(session)
    assemble_edition(session, edition, briefing, clock)
    return edition


def layout(session: Session, edition: Edition, segment: str, briefing: Briefing = BRIEFING) -> dict[str, list[str]]:
    return {
        found.section.key: [place.version.story.slug for place in found.stories]
        for found in variant_slots(session, edition, briefing, segment)
    }


def history(session: Session) -> list[tuple[str, str]]:
    return [(e.from_state, e.to_state) for e in session.scalars(select(EditionEvent).order_by(EditionEvent.id))]


def test_an_edition_is_made_once(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        first = ensure(session, "morning", DAY, DUE, clock)
        assert first.key == "morning/2026-11-23"
        assert first.state == "draft"
    with filled.reading() as session:
        assert len(listing(session)) == 1
        assert history(session) == [("", "draft")]


def test_two_threads_that_make_the_same_edition_get_one(database: Database, clock: FixedClock) -> None:
    keys, barrier = [], threading.Barrier(4, timeout=60)

    def make() -> None:
        barrier.wait()
        with database.writing() as session:
            keys.append(ensure(session, "morning", DAY, DUE, clock).id)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(keys) == 4
    assert len(set(keys)) == 1


def test_the_due_time_follows_the_schedule_until_the_lock(filled: Database, clock: FixedClock) -> None:
    later = DUE + timedelta(hours=1)
    with filled.writing() as session:
        assert ensure(session, "morning", DAY, later, clock).due_at == later
        edition = assembled(session, clock)
        move(session, edition.id, State.LOCKED, leaving=State.READY, clock=clock, locked_at=clock.now())
        assert ensure(session, "morning", DAY, DUE, clock).due_at == later


@pytest.mark.parametrize(
    "key", ["morning", "morning/", "morning/2026-13-01", "Morning/2026-11-23", "morning/23.11.2026"]
)
def test_what_is_no_key_is_refused_with_an_example(database: Database, key: str) -> None:
    with database.reading() as session, pytest.raises(Refused, match="for example morning/2026-11-23"):
        find(session, key)


def test_an_edition_that_is_not_there_names_the_last_one(filled: Database) -> None:
    with filled.reading() as session:
        with pytest.raises(
            NotFound, match=r"no edition morning/2026-11-24: the last one of morning is morning/2026-11-23"
        ):
            find(session, "morning/2026-11-24")
        with pytest.raises(NotFound, match="there is none of evening yet"):
            find(session, "evening/2026-11-23")


def test_assembling_lays_out_each_segment_and_makes_the_edition_ready(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        assembled(session, clock)
    with filled.reading() as session:
        edition = morning(session)
        assert edition.state == "ready"
        assert edition.assembled_at == clock.now()
        assert edition.version == 1
        assert history(session) == [("", "draft"), ("draft", "ready")]
        assert layout(session, edition, "europe") == {
            "lead": ["harbour"], "region": ["alps", "baltic"], "rest": ["opera", "swifts"],
        }  # fmt: skip
        assert layout(session, edition, "everyone") == {
            "lead": ["harbour"], "region": ["monsoon"], "rest": ["opera", "swifts"],
        }  # fmt: skip
        titles = [found.section.title for found in variant_slots(session, edition, BRIEFING, "europe")]
        assert titles == ["", "Europe", "Also today"]


def test_assembling_again_gives_the_same(filled: Database, clock: FixedClock) -> None:
    def rows(session: Session) -> list[tuple[Any, ...]]:
        columns = (Slot.section, Slot.section_no, Slot.segment, Slot.position, Slot.story_version_id, Slot.reason)
        return [tuple(row) for row in session.execute(select(*columns).order_by(*columns))]

    with filled.writing() as session:
        assembled(session, clock)
        first = rows(session)
        clock.advance(60)
        assert assembled(session, clock).version == 2
        assert rows(session) == first


def test_a_story_that_is_held_or_embargoed_past_the_send_is_not_taken(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        hold(session, "harbour", clock.now())
        store(session, "secret", priority=1, embargo_until=DUE + timedelta(minutes=1))
        store(session, "just-in-time", priority=2, embargo_until=DUE)
        found = layout(session, assembled(session, clock), "everyone")
        assert "secret" not in found["rest"]
        assert found["lead"] == ["just-in-time"]


def test_too_little_is_skipped_with_the_reason_and_can_come_back(filled: Database, clock: FixedClock) -> None:
    strict = make_briefing({**LEAD, "required": True, "backfill": None}, REST)
    with filled.writing() as session:
        hold(session, "harbour", clock.now())
        edition = assembled(session, clock, strict)
        assert (edition.state, edition.reason) == (
            "skipped",
            "section “lead” is required and has 0 of at least 1 story",
        )
        release(session, "harbour", clock.now())
        edition = assembled(session, clock, strict)
        assert (edition.state, edition.reason) == ("ready", "")


def go_out(session: Session, edition: Edition, clock: FixedClock, *, to: State = State.SENT) -> None:
    move(session, edition.id, State.LOCKED, leaving=State.READY, clock=clock, locked_at=clock.now())
    if to in (State.SENDING, State.SENT, State.ABORTED):
        move(session, edition.id, State.SENDING, leaving=State.LOCKED, clock=clock)
    if to not in (State.LOCKED, State.SENDING):
        leaving = State.LOCKED if to == State.HELD else State.SENDING
        move(session, edition.id, to, leaving=leaving, clock=clock)


@pytest.mark.parametrize("state", [State.LOCKED, State.SENDING, State.SENT, State.HELD, State.ABORTED])
def test_what_an_earlier_edition_took_out_is_not_taken_again(filled: Database, clock: FixedClock, state: State) -> None:
    with filled.writing() as session:
        friday = ensure(session, "morning", date(2026, 11, 20), DUE - timedelta(days=3), clock)
        set_override(session, friday, BRIEFING, "pin", "alps", section="lead", clock=clock)
        assemble_edition(session, friday, make_briefing(LEAD, min_stories=1), clock)
        go_out(session, friday, clock, to=state)
        found = layout(session, assembled(session, clock), "europe")
        assert found["region"] == ["baltic"]
        assert "alps" not in found["rest"]


@pytest.mark.parametrize("state", ["draft", "ready", "skipped"])
def test_what_an_edition_that_never_left_had_is_free(filled: Database, clock: FixedClock, state: str) -> None:
    with filled.writing() as session:
        friday = ensure(session, "morning", date(2026, 11, 20), DUE - timedelta(days=3), clock)
        set_override(session, friday, BRIEFING, "pin", "alps", section="lead", clock=clock)
        assemble_edition(session, friday, make_briefing(LEAD, min_stories=1), clock)
        session.execute(update(Edition).where(Edition.id == friday.id).values(state=state))
        assert layout(session, assembled(session, clock), "europe")["region"] == ["alps", "baltic"]


def test_another_briefing_may_carry_the_same_stories(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        evening = ensure(session, "evening", date(2026, 11, 22), DUE, clock)
        assemble_edition(session, evening, BRIEFING, clock)
        go_out(session, evening, clock)
        assert layout(session, assembled(session, clock), "europe")["region"] == ["alps", "baltic"]


def test_a_story_that_changed_since_comes_again_and_says_since_when(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        friday = ensure(session, "morning", date(2026, 11, 20), DUE - timedelta(days=3), clock)
        set_override(session, friday, BRIEFING, "pin", "alps", section="lead", clock=clock)
        assemble_edition(session, friday, make_briefing(LEAD, min_stories=1), clock)
        go_out(session, friday, clock)
        store(session, "alps", regions=("europe",), headline="Snow closes every pass of the Alps")
        edition = assembled(session, clock)
        reasons = {place.version.story.slug: place.reason
                   for found in variant_slots(session, edition, BRIEFING, "europe") for place in found.stories}  # fmt: skip
        assert reasons["alps"] == (
            "section “Europe”: region europe, priority 5, published 04:00, rank 1 of 2, updated since Friday"
        )


@pytest.mark.parametrize("state", [State.LOCKED, State.SENDING, State.SENT])
def test_nothing_is_assembled_or_changed_after_the_lock(filled: Database, clock: FixedClock, state: State) -> None:
    with filled.writing() as session:
        go_out(session, assembled(session, clock), clock, to=state)
    for deed in (
        lambda session: assembled(session, clock),
        lambda session: set_override(session, morning(session), BRIEFING, "exclude", "alps", clock=clock),
        lambda session: set_lines(session, morning(session), {"subject": "Late"}, clock=clock),
    ):
        with pytest.raises(WrongState, match=f"morning/2026-11-23 is {state}"), filled.writing() as session:
            deed(session)
    with filled.reading() as session:
        assert morning(session).version == 1
        assert layout(session, morning(session), "europe")["lead"] == ["harbour"]


# What editors decide


def test_overrides_survive_assembling_again(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        edition = assembled(session, clock)
        set_override(session, edition, BRIEFING, "pin", "opera", section="lead", position=1, clock=clock, by="Edith")
        set_override(session, edition, BRIEFING, "exclude", "swifts", clock=clock, by="Edith")
        set_override(session, edition, BRIEFING, "headline", "alps", text="  Snow,\n again ", clock=clock, by="Edith")
        for _ in range(2):
            edition = assembled(session, clock)
            found = variant_slots(session, edition, BRIEFING, "europe")
            assert [(p.version.story.slug, p.reason) for p in found[0].stories] == [
                ("opera", "section “lead”: pinned by Edith")
            ]
            assert {p.version.story.slug: p.headline for p in found[1].stories} == {
                "alps": "Snow, again", "baltic": "Baltic",
            }  # fmt: skip
            assert layout(session, edition, "europe")["rest"] == ["harbour"]


def test_words_for_a_segment_win_over_words_for_everyone(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        edition = assembled(session, clock)
        set_override(session, edition, BRIEFING, "dek", "harbour", text="For you", segment="europe", clock=clock)
        set_override(session, edition, BRIEFING, "dek", "harbour", text="For all", clock=clock)
        lead = {s: variant_slots(session, edition, BRIEFING, s)[0].stories[0].dek for s in BRIEFING.segments}
        assert lead == {"europe": "For you", "everyone": "For all"}


def test_an_exclusion_for_a_segment_takes_a_common_story_from_its_readers_only(
    filled: Database, clock: FixedClock
) -> None:
    with filled.writing() as session:
        set_override(session, morning(session), BRIEFING, "exclude", "opera", segment="europe", clock=clock)
        edition = assembled(session, clock)
        assert layout(session, edition, "europe")["rest"] == ["swifts"]
        assert layout(session, edition, "everyone")["rest"] == ["opera", "swifts"]


def test_a_pin_and_an_exclusion_undo_each_other(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        edition = morning(session)
        set_override(session, edition, BRIEFING, "exclude", "opera", clock=clock)
        set_override(session, edition, BRIEFING, "pin", "opera", section="lead", clock=clock)
        assert layout(session, assembled(session, clock), "europe")["lead"] == ["opera"]
        set_override(session, edition, BRIEFING, "exclude", "opera", clock=clock)
        assert layout(session, assembled(session, clock), "europe")["lead"] == ["harbour"]
        assert [override.kind for override in morning(session).overrides] == ["exclude"]


def test_a_decision_that_is_taken_back_is_gone(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        edition = morning(session)
        set_override(session, edition, BRIEFING, "exclude", "harbour", clock=clock)
        clear_override(session, edition, "exclude", "harbour", clock=clock)
        assert layout(session, assembled(session, clock), "europe")["lead"] == ["harbour"]
        with pytest.raises(NotFound, match="has no exclude of harbour"):
            clear_override(session, edition, "exclude", "harbour", clock=clock)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "praise"}, "write one of pin, exclude, move, headline, dek"),
        ({"section": "sport"}, "write one of lead, region, rest"),
        ({"segment": "mars"}, "write one of europe, everyone"),
        ({"segment": "europe"}, "is the same for europe as for others"),
        ({"position": 0}, "write 1 for the first"),
        ({"kind": "headline", "text": " \n"}, "the headline is empty"),
        ({"story": "killed"}, "killed may not go out with morning/2026-11-23, so no pin: killed"),
        ({"story": "held"}, "held: release it first"),
        ({"story": "secret"}, "embargoed until 2026-11-23 09:00 UTC"),
        ({"story": "gone"}, "expired at 2026-11-23 05:00 UTC"),
    ],
)
def test_a_decision_that_cannot_be_followed_is_refused_with_the_reason(
    filled: Database, clock: FixedClock, change: dict[str, Any], words: str
) -> None:
    with filled.writing() as session:
        store(session, "killed", "held")
        kill(session, "killed", clock.now())
        hold(session, "held", clock.now())
        store(session, "secret", embargo_until=datetime(2026, 11, 23, 9, tzinfo=UTC))
        store(session, "gone", expires_at=datetime(2026, 11, 23, 5, tzinfo=UTC))
    known: dict[str, Any] = {"kind": "pin", "story": "opera", "section": "lead", "clock": clock}
    with pytest.raises(Refused, match=words), filled.writing() as session:
        set_override(session, morning(session), BRIEFING, **(known | change))
    with filled.reading() as session:
        assert morning(session).overrides == []
        assert morning(session).version == 0


def test_a_pin_whose_story_was_killed_since_is_left_out_and_named(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        set_override(session, morning(session), BRIEFING, "pin", "opera", section="lead", clock=clock, by="Edith")
        kill(session, "opera", clock.now())
        edition = assembled(session, clock)
        assert layout(session, edition, "europe")["lead"] == ["harbour"]
        assert unmet(session, edition) == ("pin of opera to lead: killed",)


def test_pins_that_are_followed_are_not_named(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        set_override(session, morning(session), BRIEFING, "pin", "opera", section="lead", clock=clock)
        assert unmet(session, assembled(session, clock)) == ()
        set_override(session, morning(session), BRIEFING, "move", "opera", section="rest", position=1, clock=clock)
        assert unmet(session, assembled(session, clock)) == (), "the move says where a pinned story stands"


def approved(session: Session, clock: FixedClock) -> Edition:
    edition = assembled(session, clock)
    move(session, edition.id, State.APPROVED, leaving=State.READY, clock=clock, by="Edith",
         approved_by="Edith", approved_at=clock.now(), approved_digest="d" * 64)  # fmt: skip
    return edition


def test_assembling_to_the_same_result_keeps_the_approval(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        approved(session, clock)
        edition = assembled(session, clock)
        assert (edition.state, edition.approved_by) == ("approved", "Edith")


def test_a_newer_version_of_a_story_voids_the_approval_when_it_is_taken(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        approved(session, clock)
        store(session, "harbour", tags=("lead",), priority=1, dek="New words.")
        edition = assembled(session, clock)
        assert (edition.state, edition.approved_by, edition.approved_digest) == ("ready", None, None)


def test_any_change_of_an_editor_voids_the_approval_and_says_what(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        edition = approved(session, clock)
        set_lines(session, edition, {"subject": " A subject\tof my own "}, clock=clock, by="Edith")
        assert edition.state == "ready"
        assert edition.reason == "changed after it was approved: subject"
        assert edition.subject == "A subject of my own"
        assert edition.approved_digest is None
        set_lines(session, edition, {"preheader": "And a preheader"}, clock=clock)
        set_lines(session, edition, {"subject": ""}, clock=clock)
        assert (edition.subject, edition.preheader) == (None, "And a preheader")


def test_a_slot_keeps_the_version_that_it_was_given(filled: Database, clock: FixedClock) -> None:
    """A newer version is not taken until somebody assembles again."""
    with filled.writing() as session:
        edition = assembled(session, clock)
        store(session, "harbour", tags=("lead",), priority=1, headline="Something else")
        assert variant_slots(session, edition, BRIEFING, "europe")[0].stories[0].headline == "Harbour"
        edition = assembled(session, clock)
        assert variant_slots(session, edition, BRIEFING, "europe")[0].stories[0].headline == "Something else"


def test_sections_that_changed_since_are_refused_not_dropped(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        edition = assembled(session, clock)
        with pytest.raises(Refused, match=r"section 'region' changed since: assemble it again"):
            variant_slots(session, edition, make_briefing(LEAD, REST), "europe")
        without = {key: value for key, value in REGION.items() if key != "segments"}
        with pytest.raises(Refused, match="assemble it again"):
            variant_slots(session, edition, make_briefing(LEAD, without, REST), "everyone")


def test_the_factory_makes_stories_that_differ(database: Database) -> None:
    with database.writing() as session:
        one, two = store(session, "one", "two")
        assert one.digest != two.digest
        assert draft("one").headline == "One"
        assert session.scalars(select(StoryVersion.story_id)).all() == [one.story_id, two.story_id]


def test_editions_are_listed_newest_first(filled: Database, clock: FixedClock) -> None:
    with filled.writing() as session:
        ensure(session, "morning", date(2026, 11, 24), DUE + timedelta(days=1), clock)
        ensure(session, "evening", DAY, DUE, clock)
        assert [e.key for e in listing(session)] == ["morning/2026-11-24", "evening/2026-11-23", "morning/2026-11-23"]
        assert [e.key for e in listing(session, briefing="morning", limit=1)] == ["morning/2026-11-24"]
