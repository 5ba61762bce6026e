"""The story store: what is in it, what goes in, and who says whether it may go out."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, and_, case, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, contains_eager

from newsletter.errors import NotFound, Refused
from newsletter.stories.draft import StoryDraft
from newsletter.stories.models import Story, StoryStatus, StoryVersion
from newsletter.stories.slugs import candidates, slugify
from newsletter.stories.versions import digest
from newsletter.text import one_line

_HELD, _USABLE, _WITHHELD, _KILLED = StoryStatus.HELD, StoryStatus.USABLE, StoryStatus.WITHHELD, StoryStatus.KILLED

_UNDECIDED: Mapping[str, object] = MappingProxyType({"decision": None, "decided_by": None, "decided_at": None})
"""The columns of a person's decision that stands no more."""

_NEAR_MATCHES_AMONG = 5000


class Outcome(StrEnum):
    """What saving a draft did."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Saved:
    """A stored draft: what it did, the story's key, its status after it, and the number of its latest version."""

    outcome: Outcome
    story_id: int
    slug: str
    status: StoryStatus
    version: int


def save(session: Session, draft: StoryDraft, now: datetime, *, default_status: StoryStatus = _HELD) -> Saved:
    """Stores a draft in the session's transaction: a new story, a new version when the content changed, else nothing.

    A new story has the status that its source says, else ``default_status``. For a story that is known, see
    `_status_after`. Its slug stays what it was at first. Safe to run at once from several processes.
    """
    story = _locked(session, draft.external_id)
    if story is None:
        status = draft.status or default_status
        story_id = _insert_story(session, draft, status, now)
        if story_id is not None:
            _insert_version(session, story_id, 1, draft, now)
            slug = session.scalars(select(Story.slug).where(Story.id == story_id)).one()
            return Saved(Outcome.NEW, story_id, slug, status, 1)
        story = _locked(session, draft.external_id)  # somebody else was first
        if story is None:
            raise Refused(f"no free slug was found for {draft.external_id}: give it a slug of its own")
    return _save_known(session, story, draft, now)


def _save_known(session: Session, story: Story, draft: StoryDraft, now: datetime) -> Saved:
    changes: dict[str, object] = {}
    status = StoryStatus(story.status)
    if draft.status is not None and draft.status != story.source_status:
        status = _status_after(status, story.decision, draft.status)
        changes |= {"status": status.value, "source_status": draft.status.value}
        if story.decision == _USABLE and status != _USABLE:
            changes |= _UNDECIDED
    latest = session.scalars(
        select(StoryVersion.digest).where(StoryVersion.story_id == story.id, StoryVersion.no == story.latest_no)
    ).one()
    number, outcome = story.latest_no, Outcome.UNCHANGED
    if latest != digest(draft):
        number, outcome = number + 1, Outcome.UPDATED
        changes |= {"latest_no": number, "source": draft.source}
    elif status != story.status:
        outcome = Outcome.UPDATED
    if changes:
        # The row is locked since it was read; naming what it said makes a lost lock an error and not a lost update.
        moved = session.execute(
            update(Story)
            .where(Story.id == story.id, Story.latest_no == story.latest_no, Story.status == story.status)
            .values(**changes, updated_at=now)
            .execution_options(synchronize_session=False)
            .returning(Story.id)
        ).all()
        if not moved:
            raise Refused(f"{story.slug} was changed by somebody else at the same moment: import it again")
        if number != story.latest_no:
            _insert_version(session, story.id, number, draft, now)
        session.expire(story)
    return Saved(outcome, story.id, story.slug, status, number)


def _status_after(status: StoryStatus, decision: str | None, says: StoryStatus) -> StoryStatus:
    """The status once a source says something new (``decision`` is a person's that stands, None where there is none).

    Killed stays killed. Withheld and killed win at once, and held takes back what was usable, also what a person had
    released: the source knows something. Usable lifts what the source itself had held or withheld, and never what a
    person holds. What a source says again does not come here, so that a person's decision stands.
    """
    if status == _KILLED or says == _KILLED:
        return _KILLED
    if says == _USABLE:
        return _HELD if decision == _HELD else _USABLE
    if says == _HELD:
        return _HELD if status == _USABLE else status
    return says


def _locked(session: Session, external_id: str) -> Story | None:
    statement = select(Story).where(Story.external_id == external_id).with_for_update()
    return session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()


def _insert_story(session: Session, draft: StoryDraft, status: StoryStatus, now: datetime) -> int | None:
    """The new row's id, or None where the external id is there already."""
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for slug in candidates(draft.slug or slugify(draft.short_headline or draft.headline), draft.external_id):
        statement = make(Story).values(
            external_id=draft.external_id,
            slug=slug,
            status=status.value,
            source_status=draft.status.value if draft.status else None,
            source=draft.source,
            latest_no=1,
            created_at=now,
            updated_at=now,
        )
        created = session.execute(statement.on_conflict_do_nothing().returning(Story.id)).scalar_one_or_none()
        if created is not None:
            return created
        if session.scalars(select(Story.id).where(Story.external_id == draft.external_id)).one_or_none() is not None:
            return None
    return None


def _insert_version(session: Session, story_id: int, number: int, draft: StoryDraft, now: datetime) -> None:
    session.execute(
        insert(StoryVersion).values(
            story_id=story_id,
            no=number,
            digest=digest(draft),
            kicker=draft.kicker,
            headline=draft.headline,
            short_headline=draft.short_headline,
            dek=draft.dek,
            summary=draft.summary,
            body=draft.body,
            bullets=[asdict(bullet) for bullet in draft.bullets],
            byline=draft.byline,
            image=asdict(draft.image) if draft.image else None,
            section=draft.section,
            tags=list(draft.tags),
            regions=list(draft.regions),
            fence={"only": list(draft.only_to), "never": list(draft.never_to)}
            if draft.only_to or draft.never_to
            else None,
            priority=draft.priority,
            url=draft.url,
            published_at=draft.published_at,
            embargo_until=draft.embargo_until,
            expires_at=draft.expires_at,
            internal_note=draft.internal_note,
            rights=draft.rights,
            created_at=now,
        )
    )


def release(session: Session, key: str, now: datetime, by: str = "") -> Story:
    """Lets a held or withheld story go out. ``by`` names who decides it, here as below.

    It stands until the source takes the story back. Raises `NotFound`, or `Refused` for a killed one.
    """
    return _decide(session, key, _USABLE, now, by)


def hold(session: Session, key: str, now: datetime, by: str = "") -> Story:
    """Takes a story back until a person releases it: its source cannot. Raises `NotFound`, or `Refused` for a killed
    one."""
    return _decide(session, key, _HELD, now, by)


def kill(session: Session, key: str, now: datetime, by: str = "") -> Story:
    """Ends a story for good. Raises `NotFound`."""
    return _decide(session, key, _KILLED, now, by)


def _decide(session: Session, key: str, status: StoryStatus, now: datetime, by: str) -> Story:
    story = find(session, key)
    may = () if status == _KILLED else (Story.status != _KILLED.value,)
    decided = session.execute(
        update(Story)
        .where(Story.id == story.id, *may)
        .values(
            status=status.value,
            decision=status.value,
            decided_by=one_line(by) or None,
            decided_at=now,
            updated_at=case(
                (Story.status == status.value, Story.updated_at), else_=literal(now, Story.updated_at.type)
            ),
        )
        .returning(Story.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not decided:
        raise Refused(f"{story.slug} was killed, and that is for good: store it anew under another id")
    session.refresh(story)
    return story


def find(session: Session, key: str) -> Story:
    """The story with this slug, else with this external id. Raises `NotFound`, which names what is like it."""
    for column in (Story.slug, Story.external_id):
        if (story := session.scalars(select(Story).where(column == key)).one_or_none()) is not None:
            return story
    slugs = session.scalars(select(Story.slug).order_by(Story.id.desc()).limit(_NEAR_MATCHES_AMONG)).all()
    near = difflib.get_close_matches(key, slugs, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "see `newsletter stories list`"
    raise NotFound(f"there is no story {key!r}: {hint}")


def _latest() -> Select[Any]:
    return (
        select(StoryVersion)
        .join(StoryVersion.story)
        .where(StoryVersion.no == Story.latest_no)
        .options(contains_eager(StoryVersion.story))
    )


def latest(session: Session, story: Story) -> StoryVersion:
    """A story's latest version, with its story loaded."""
    found: StoryVersion = session.scalars(_latest().where(Story.id == story.id)).one()
    return found


def listing(session: Session, *, statuses: Collection[StoryStatus] = (), limit: int = 200) -> list[StoryVersion]:
    """Latest versions with their stories, the story that changed last first; of some statuses only, if given."""
    statement = _latest().order_by(Story.updated_at.desc(), Story.id.desc()).limit(limit)
    if statuses:
        statement = statement.where(Story.status.in_([status.value for status in statuses]))
    return list(session.scalars(statement))


def usable_versions(session: Session, at: datetime) -> list[StoryVersion]:
    """What may go out at an instant: the latest version of every story that is usable, whose embargo has passed and
    that has not expired, in the order in which the stories were stored. Each has its ``story`` loaded."""
    statement = _latest().where(
        and_(
            Story.status == _USABLE.value,
            or_(StoryVersion.embargo_until.is_(None), StoryVersion.embargo_until <= at),
            or_(StoryVersion.expires_at.is_(None), StoryVersion.expires_at > at),
        )
    )
    return list(session.scalars(statement.order_by(Story.id)))
