"""The story store, on both engines."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.database import Database
from newsletter.errors import NotFound, Refused
from newsletter.stories import store
from newsletter.stories.draft import BulletDraft, ImageDraft, StoryDraft
from newsletter.stories.models import Story, StoryStatus, StoryVersion
from newsletter.stories.store import Outcome, Saved

HELD, USABLE, WITHHELD, KILLED = StoryStatus.HELD, StoryStatus.USABLE, StoryStatus.WITHHELD, StoryStatus.KILLED
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def draft(external_id: str = "x", **content: Any) -> StoryDraft:
    return StoryDraft(**({"external_id": external_id, "headline": "Voters back the plan", "source": "note"} | content))


def save(database: Database, story: StoryDraft, now: datetime = NOW, **more: Any) -> Saved:
    with database.writing() as session:
        return store.save(session, story, now, **more)


Deed = Callable[[Session, str, datetime, str], Story]


def decide(database: Database, what: Deed, key: str = "voters-back-the-plan", by: str = "") -> str:
    with database.writing() as session:
        return what(session, key, NOW + HOUR, by).status


def decision(database: Database, key: str = "voters-back-the-plan") -> tuple[str | None, str | None, datetime | None]:
    with database.reading() as session:
        story = store.find(session, key)
        return story.decision, story.decided_by, story.decided_at


def count(database: Database, model: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def usable(database: Database, at: datetime = NOW) -> list[str]:
    with database.reading() as session:
        return [f"{version.story.slug}/{version.no}" for version in store.usable_versions(session, at)]


def test_every_field_comes_back_as_it_was(database: Database) -> None:
    story = draft(
        slug="harbour",
        kicker="Port",
        short_headline="Short",
        dek="Dek",
        summary="“Summary” — …",
        body="Body\n\n*two*",
        bullets=(BulletDraft("Costs", "Now 640 million", "https://news.example.org/"),),
        byline="Edith",
        image=ImageDraft("https://images.example.org/a.jpg?a=1&b=2", "Alt", "Caption", "Credit", 1200, 800),
        section="city",
        tags=("a", "ü"),
        regions=("europe",),
        priority=1,
        url="https://news.example.org/harbour?a=1&b=2",
        published_at=NOW,
        embargo_until=NOW + HOUR,
        expires_at=NOW + 2 * HOUR,
        status=USABLE,
        internal_note="Note",
        rights="All",
    )
    assert save(database, story) == Saved(Outcome.NEW, 1, "harbour", USABLE, 1)
    with database.reading() as session:
        version = store.latest(session, store.find(session, "harbour"))
        assert version.story.external_id == "x"
        assert (version.story.status, version.story.source_status, version.story.source) == ("usable", "usable", "note")
        for name in ("kicker", "headline", "short_headline", "dek", "summary", "body", "byline", "section", "priority"):
            assert getattr(version, name) == getattr(story, name)
        for name in ("url", "published_at", "embargo_until", "expires_at", "internal_note", "rights"):
            assert getattr(version, name) == getattr(story, name)
        assert (version.tags, version.regions) == (["a", "ü"], ["europe"])
        assert version.bullets == [{"label": "Costs", "text": "Now 640 million", "link": "https://news.example.org/"}]
        assert version.image == dataclasses.asdict(story.image)  # type: ignore[arg-type]


def test_saving_the_same_again_changes_nothing(database: Database) -> None:
    first = save(database, draft(status=USABLE))
    again = save(database, draft(status=USABLE), NOW + HOUR)
    assert again == dataclasses.replace(first, outcome=Outcome.UNCHANGED)
    assert count(database, StoryVersion) == 1
    with database.reading() as session:
        assert store.find(session, first.slug).updated_at == NOW


def test_a_changed_story_gets_one_new_version_and_the_old_one_stays(database: Database) -> None:
    save(database, draft(body="One"))
    changed = save(database, draft(body="Two", headline="Another"), NOW + HOUR)
    assert (changed.outcome, changed.version, changed.slug) == (Outcome.UPDATED, 2, "voters-back-the-plan")
    assert save(database, draft(body="Two", headline="Another")).outcome is Outcome.UNCHANGED
    with database.reading() as session:
        story = store.find(session, "x")
        assert [(version.no, version.body) for version in story.versions] == [(1, "One"), (2, "Two")]
        assert (story.latest_no, story.updated_at, story.created_at) == (2, NOW + HOUR, NOW)


def test_going_back_to_an_older_text_is_a_new_version(database: Database) -> None:
    for body in ("One", "Two", "One"):
        save(database, draft(body=body))
    assert count(database, StoryVersion) == 3


def test_two_stories_of_one_headline_have_two_slugs_whatever_their_order(database: Database) -> None:
    first, second = save(database, draft("a")), save(database, draft("b"))
    assert first.slug == "voters-back-the-plan"
    assert second.slug.startswith("voters-back-the-plan-")
    assert save(database, draft("b", body="New")).slug == second.slug
    assert save(database, draft("c", headline="Голосование")).slug.startswith("story-")


def test_a_story_arrives_held_unless_its_source_or_the_caller_says_otherwise(database: Database) -> None:
    assert save(database, draft("a")).status == HELD
    assert save(database, draft("b", status=USABLE)).status == USABLE
    assert save(database, draft("c"), default_status=USABLE).status == USABLE
    assert save(database, draft("d", status=WITHHELD), default_status=USABLE).status == WITHHELD
    assert save(database, draft("a"), default_status=USABLE).status == HELD


@pytest.mark.parametrize(
    ("said", "decision", "says", "then"),
    [
        # The source says the same again, or nothing: a person's decision stands.
        (USABLE, store.hold, USABLE, HELD),
        (HELD, store.release, HELD, USABLE),
        (WITHHELD, store.release, WITHHELD, USABLE),
        (None, store.release, None, USABLE),
        (USABLE, store.hold, None, HELD),
        # The source takes it back: at once.
        (USABLE, None, WITHHELD, WITHHELD),
        (USABLE, None, KILLED, KILLED),
        (None, store.release, WITHHELD, WITHHELD),
        (None, store.release, KILLED, KILLED),
        (HELD, store.release, WITHHELD, WITHHELD),
        (HELD, None, KILLED, KILLED),
        (USABLE, None, HELD, HELD),
        (USABLE, store.release, HELD, HELD),
        # The source gives it free: what it had held or withheld itself, and not what a person holds.
        (HELD, None, USABLE, USABLE),
        (None, None, USABLE, USABLE),
        (WITHHELD, None, USABLE, USABLE),
        (HELD, store.hold, USABLE, HELD),
        (None, store.hold, USABLE, HELD),
        (WITHHELD, store.hold, USABLE, HELD),
        (USABLE, store.hold, WITHHELD, WITHHELD),
        (HELD, store.release, USABLE, USABLE),
        (WITHHELD, None, HELD, WITHHELD),
        # Killed is for good.
        (USABLE, store.kill, USABLE, KILLED),
        (USABLE, store.kill, HELD, KILLED),
        (USABLE, store.kill, WITHHELD, KILLED),
        (KILLED, None, USABLE, KILLED),
        (None, store.kill, USABLE, KILLED),
    ],
)
def test_what_a_source_says_meets_what_a_person_decided(
    database: Database,
    said: StoryStatus | None,
    decision: Deed | None,
    says: StoryStatus | None,
    then: StoryStatus,
) -> None:
    """The source said; a person decided; the source says, with and without other words: then the status is this."""
    save(database, draft(status=said))
    if decision:
        decide(database, decision)
    assert save(database, draft(status=says)).status == then
    assert save(database, draft(status=says, body="New")).status == then
    assert save(database, draft(status=says)).status == then


def test_a_source_that_withholds_and_relents_is_followed(database: Database) -> None:
    for status in (USABLE, WITHHELD, USABLE):
        assert save(database, draft(status=status)).status == status


def test_a_persons_hold_outlives_a_source_that_withholds_and_relents(database: Database) -> None:
    save(database, draft(status=USABLE))
    decide(database, store.hold)
    assert save(database, draft(status=WITHHELD)).status == WITHHELD
    assert save(database, draft(status=USABLE)).status == HELD
    assert decide(database, store.release) == USABLE


def test_a_release_ends_when_the_source_takes_the_story_back(database: Database) -> None:
    """The next time the source gives it free, it is the source that decides."""
    save(database, draft(status=HELD))
    decide(database, store.release, by="Edith")
    assert save(database, draft(status=WITHHELD)).status == WITHHELD
    assert decision(database) == (None, None, None)
    assert save(database, draft(status=USABLE)).status == USABLE


def test_who_decided_is_kept_with_the_instant(database: Database) -> None:
    """Also of a decision that changes no status, and the last one counts."""
    save(database, draft(status=HELD))
    assert decision(database) == (None, None, None)
    decide(database, store.hold, by="  Edith ")
    assert decision(database) == (HELD, "Edith", NOW + HOUR)
    save(database, draft(status=USABLE, body="New"))
    assert decision(database) == (HELD, "Edith", NOW + HOUR)
    decide(database, store.kill)
    assert decision(database) == (KILLED, None, NOW + HOUR)


def test_decisions_are_taken_and_taken_again(database: Database) -> None:
    save(database, draft())
    assert decide(database, store.release) == USABLE
    assert decide(database, store.release) == USABLE
    assert decide(database, store.hold) == HELD
    assert decide(database, store.kill) == KILLED
    assert decide(database, store.kill) == KILLED
    for what in (store.release, store.hold):
        with pytest.raises(Refused, match="was killed, and that is for good"):
            decide(database, what)


def test_a_decision_that_changes_nothing_leaves_the_time(database: Database) -> None:
    save(database, draft())
    decide(database, store.hold)
    with database.reading() as session:
        assert store.find(session, "x").updated_at == NOW


def test_a_story_is_found_by_slug_and_by_external_id(database: Database) -> None:
    save(database, draft("https://news.example.org/1", slug="harbour"))
    with database.reading() as session:
        assert store.find(session, "harbour").id == store.find(session, "https://news.example.org/1").id
        with pytest.raises(NotFound, match=r"there is no story 'harbor': did you mean harbour\?"):
            store.find(session, "harbor")
        with pytest.raises(NotFound, match="stories list"):
            store.find(session, "zzz")


def test_the_listing_has_the_latest_versions_newest_first(database: Database) -> None:
    for number, name in enumerate(("a", "b", "c")):
        save(database, draft(name, slug=name), NOW + number * HOUR)
    save(database, draft("a", slug="a", body="New", status=USABLE), NOW + 5 * HOUR)
    with database.reading() as session:
        assert [f"{version.story.slug}{version.no}" for version in store.listing(session)] == ["a2", "c1", "b1"]
        assert [version.story.slug for version in store.listing(session, statuses=[HELD])] == ["c", "b"]
        assert [version.story.slug for version in store.listing(session, limit=1)] == ["a"]


def test_only_what_may_go_out_is_usable(database: Database) -> None:
    for status in StoryStatus:
        save(database, draft(status, slug=status, status=status))
    assert usable(database) == ["usable/1"]


def test_embargo_and_expiry_are_held_to_the_instant(database: Database) -> None:
    save(database, draft(slug="a", status=USABLE, embargo_until=NOW, expires_at=NOW + HOUR))
    moment = timedelta(milliseconds=1)
    assert usable(database, NOW - moment) == []
    assert usable(database, NOW) == ["a/1"]
    assert usable(database, NOW + HOUR - moment) == ["a/1"]
    assert usable(database, NOW + HOUR) == []


def test_only_the_latest_version_counts(database: Database) -> None:
    """A new version under embargo does not let the old one go out."""
    save(database, draft(slug="a", status=USABLE, body="One"))
    save(database, draft(slug="a", status=USABLE, body="Two", embargo_until=NOW + HOUR))
    assert usable(database) == []
    assert usable(database, NOW + HOUR) == ["a/2"]


def test_a_save_that_is_rolled_back_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.writing() as session:
        store.save(session, draft(), NOW)
        raise RuntimeError
    assert count(database, Story) == count(database, StoryVersion) == 0


def test_many_who_save_at_once_make_one_story_and_one_version_of_each_text(database: Database) -> None:
    """Twelve threads: four texts of one story, each three times, and another story of the same headline."""
    start = threading.Barrier(12, timeout=60)
    failed: list[BaseException] = []

    def run(number: int) -> None:
        start.wait()
        try:
            save(database, draft("same", body=f"Text {number % 4}"))
            save(database, draft(f"other-{number}"))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    with database.reading() as session:
        story = store.find(session, "same")
        numbers = [version.no for version in story.versions]
        assert numbers == list(range(1, story.latest_no + 1))
        digests = [version.digest for version in story.versions]
        assert all(one != two for one, two in itertools.pairwise(digests))
    assert count(database, Story) == 13


def test_a_kill_and_an_import_at_once_end_in_killed(database: Database) -> None:
    save(database, draft())
    start = threading.Barrier(2, timeout=60)

    def imports() -> None:
        start.wait()
        for number in range(10):
            save(database, draft(status=USABLE if number % 2 else HELD, body=str(number)))

    thread = threading.Thread(target=imports)
    thread.start()
    start.wait()
    decide(database, store.kill)
    thread.join(60)
    with database.reading() as session:
        assert store.find(session, "x").status == KILLED
