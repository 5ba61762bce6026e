"""Stored stories as assembly sees them, and why one may not go out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, contains_eager

from newsletter.editions.assembly import Candidate, Carried
from newsletter.editions.models import Edition, EditionEvent, Slot
from newsletter.editions.states import OUT, State
from newsletter.stories.models import Story, StoryStatus, StoryVersion
from newsletter.stories.versions import materially_changed

_AT_ONCE = 500
"""How many ids go into one IN (…)."""

_STATUS = {
    StoryStatus.HELD: "held: release it first",
    StoryStatus.WITHHELD: "withheld by its source",
    StoryStatus.KILLED: "killed",
}


def why_unusable(status: str, embargo_until: datetime | None, expires_at: datetime | None, at: datetime) -> str:
    """Why a story may not go out at the instant ``at``, in words; empty when it may."""
    if words := _STATUS.get(StoryStatus(status)):
        return words
    if embargo_until and embargo_until > at:
        return f"embargoed until {_moment(embargo_until)}"
    if expires_at and expires_at <= at:
        return f"expired at {_moment(expires_at)}"
    return ""


def _moment(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def shut_out(fence: Mapping[str, Sequence[str]] | None, segment: str) -> bool:
    """Whether the fence of a story version keeps it from the readers of a segment."""
    if fence is None:
        return False
    return segment in fence["never"] or bool(fence["only"] and segment not in fence["only"])


def candidate(version: StoryVersion, at: datetime) -> Candidate:
    """A version, with its ``story`` loaded, as a candidate for an edition that is due at the instant ``at``."""
    return Candidate(
        story_id=version.story_id,
        version_id=version.id,
        slug=version.story.slug,
        section=version.section,
        tags=tuple(version.tags),
        regions=tuple(version.regions),
        only_to=tuple(version.fence["only"]) if version.fence else (),
        never_to=tuple(version.fence["never"]) if version.fence else (),
        priority=version.priority,
        published_at=version.published_at,
        unusable=why_unusable(version.story.status, version.embargo_until, version.expires_at, at),
    )


def latest_of(session: Session, story_ids: Collection[int]) -> list[StoryVersion]:
    """The latest versions of some stories, usable or not, each with its ``story`` loaded."""
    found: list[StoryVersion] = []
    for ids in _some(story_ids):
        found += session.scalars(
            select(StoryVersion)
            .join(StoryVersion.story)
            .where(StoryVersion.no == Story.latest_no, Story.id.in_(ids))
            .options(contains_eager(StoryVersion.story))
        )
    return found


def numbered(session: Session, numbers: Mapping[int, int]) -> list[StoryVersion]:
    """The versions with these numbers (by story id) as far as there are such, each with its ``story`` loaded."""
    found: list[StoryVersion] = []
    for ids in _some(numbers):
        versions = session.scalars(
            select(StoryVersion)
            .join(StoryVersion.story)
            .where(StoryVersion.story_id.in_(ids))
            .options(contains_eager(StoryVersion.story))
        )
        found += [version for version in versions if version.no == numbers[version.story_id]]
    return found


def carried(session: Session, edition: Edition, versions: Mapping[int, StoryVersion]) -> dict[int, Carried]:
    """Which of ``versions`` (by story id) an earlier edition of the briefing took to its readers, or is about to.

    An edition that was stopped after it had begun to send counts: somebody has read it.
    """
    began = exists().where(EditionEvent.edition_id == Edition.id, EditionEvent.from_state == State.SENDING)
    went_out = or_(
        Edition.state.in_([state.value for state in OUT]),
        and_(Edition.state == State.HELD, Edition.locked_at.is_not(None)),
        and_(Edition.state == State.ABORTED, began),
    )
    rows = session.execute(
        select(StoryVersion.story_id, StoryVersion.id, Edition.edition_date)
        .join(Slot, Slot.story_version_id == StoryVersion.id)
        .join(Edition, Edition.id == Slot.edition_id)
        .where(Edition.briefing == edition.briefing, Edition.edition_date < edition.edition_date, went_out)
        .order_by(Edition.edition_date, StoryVersion.no)
    )
    last = {story_id: (version_id, day) for story_id, version_id, day in rows if story_id in versions}
    told = {
        version.id: version
        for ids in _some({version_id for version_id, _ in last.values()})
        for version in session.scalars(select(StoryVersion).where(StoryVersion.id.in_(ids)))
    }
    return {
        story_id: Carried(day, materially_changed(told[version_id], versions[story_id]))
        for story_id, (version_id, day) in last.items()
    }


def _some(ids: Collection[int]) -> Iterable[list[int]]:
    ordered = sorted(ids)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))
