"""What the checks look at comes out of the database as it is now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from newsletter.checks import CheckedVariant, CheckInput, run
from newsletter.checks.gather import gather
from newsletter.config.models import Briefing
from newsletter.database import Database
from newsletter.editions.models import Edition, Variant
from newsletter.editions.overrides import set_override
from newsletter.editions.states import LOCKABLE, State, move
from newsletter.editions.store import assemble_edition, ensure
from newsletter.stories.store import kill
from newsletter.testing import FixedClock
from newsletter.testing.samples import ordinary
from newsletter.testing.stories import store
from tests import mails

DUE = datetime(2026, 11, 23, 6, tzinfo=UTC)
BRIEFING = Briefing.model_validate(
    {
        "name": "Morning Briefing",
        "sender": {"name": "The Courier", "address": "morning@courier.example.org"},
        "segments": ["europe"],
        "sections": [{"key": "lead", "layout": "lead", "max": 1}, {"key": "rest", "layout": "list"}],
        "min_stories": 1,
    }
)


def checked(session: Session, edition: Edition) -> CheckInput:
    variant = CheckedVariant(ordinary(), mails.rendered("ordinary"))
    return gather(session, edition, ordinary().publication, {"europe": variant}, at=edition.due_at, messages={})


@pytest.fixture
def edition(database: Database, clock: FixedClock) -> int:
    with database.writing() as session:
        store(session, "harbour", priority=1)
        store(session, "alps", "opera")
        made = ensure(session, "morning", date(2026, 11, 23), DUE, clock)
        assemble_edition(session, made, BRIEFING, clock)
        return made.id


def test_the_stories_are_those_of_the_slots_in_order(database: Database, edition: int) -> None:
    with database.reading() as session:
        subject = checked(session, session.get_one(Edition, edition))
    assert [(fact.section, fact.slug, fact.status) for fact in subject.stories] == [
        ("lead", "harbour", "usable"),
        ("rest", "alps", "usable"),
        ("rest", "opera", "usable"),
    ]
    assert (subject.key, subject.state, subject.at) == ("morning/2026-11-23", "ready", DUE)
    assert run(subject) == []


def test_a_story_that_was_killed_after_it_was_chosen_blocks(
    database: Database, edition: int, clock: FixedClock
) -> None:
    with database.writing() as session:
        kill(session, "alps", clock.now())
        (finding,) = run(checked(session, session.get_one(Edition, edition)))
    assert (finding.code, finding.where) == ("story-status", "section rest, story alps")
    assert finding.message == "“Alps” may not go out: killed"


def test_an_embargo_that_a_newer_version_brings_holds_the_older_one_too(database: Database, edition: int) -> None:
    with database.writing() as session:
        store(session, "alps", embargo_until=DUE + timedelta(hours=3))
        (finding,) = run(checked(session, session.get_one(Edition, edition)))
    assert finding.message == "“Alps” may not go out: embargoed until 2026-11-23 09:00 UTC"


def test_a_pin_that_is_not_followed_is_found(database: Database, edition: int, clock: FixedClock) -> None:
    with database.writing() as session:
        loaded = session.get_one(Edition, edition)
        set_override(session, loaded, BRIEFING, "pin", "opera", section="lead", clock=clock)
        (finding,) = run(checked(session, loaded))
        assert finding.message.endswith(
            "pin of opera to lead: it does not stand there as the edition was last assembled"
        )
        assemble_edition(session, loaded, BRIEFING, clock)
        assert run(checked(session, loaded)) == []
        kill(session, "opera", clock.now())
        assemble_edition(session, loaded, BRIEFING, clock)
        (finding,) = run(checked(session, loaded))
    assert (finding.code, finding.message) == (
        "decisions",
        "an editor's decision is not followed: pin of opera to lead: killed",
    )


def test_the_subject_is_compared_with_the_last_edition_that_went_out(
    database: Database, edition: int, clock: FixedClock
) -> None:
    same = mails.rendered("ordinary").subject
    with database.writing() as session:
        for day, subject in ((19, same), (20, "Friday Briefing: Snow")):
            before = ensure(session, "morning", date(2026, 11, day), DUE - timedelta(days=23 - day), clock)
            move(session, before.id, State.READY, leaving=State.DRAFT, clock=clock)
            move(session, before.id, State.LOCKED, leaving=LOCKABLE, clock=clock, locked_at=clock.now())
            session.add(frozen(before, subject))
        session.flush()
        subject_input = checked(session, session.get_one(Edition, edition))
        assert subject_input.last is not None
        assert subject_input.last.subjects == {"Friday Briefing: Snow"}
        assert run(subject_input) == []
        session.add(frozen(before, same, "asia"))
        session.flush()
        (finding,) = run(checked(session, session.get_one(Edition, edition)))
    assert finding.code == "subject"


def frozen(edition: Edition, subject: str, segment: str = "europe") -> Variant:
    return Variant(
        edition_id=edition.id, segment=segment, no=0, backends=["outbox"], due_at=edition.due_at, subject=subject,
        preheader="", html="", text="", slots=[], nonce="0" * 12, digest="0" * 64, stories=[], frozen_at=edition.due_at,
    )  # fmt: skip


def test_what_the_last_edition_told_is_known_by_segment(database: Database, edition: int, clock: FixedClock) -> None:
    with database.writing() as session:
        before = ensure(session, "morning", date(2026, 11, 20), DUE - timedelta(days=3), clock)
        move(session, before.id, State.READY, leaving=State.DRAFT, clock=clock)
        move(session, before.id, State.LOCKED, leaving=LOCKABLE, clock=clock, locked_at=clock.now())
        (version,) = store(session, "snow")
        variant = frozen(before, "Friday Briefing: Snow")
        variant.stories, variant.preheader = [version.id, version.id + 99], "Snow."
        session.add(variant)
        session.flush()
        last = checked(session, session.get_one(Edition, edition)).last
    assert last is not None
    assert (last.date, last.preheaders, last.stories) == (
        date(2026, 11, 20), frozenset({"Snow."}), {"europe": frozenset({"snow"})},
    )  # fmt: skip
