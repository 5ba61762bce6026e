"""Editors' decisions in their order, each with what it changed, so that the last one can be undone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.editions.models import Edition, EditionDecision, Override, Slot
from newsletter.editions.states import State, move
from newsletter.editions.store import UNAPPROVED, touch
from newsletter.errors import Refused
from newsletter.stories.models import StoryVersion

_LINES = ("subject", "preheader")
_COLUMNS = ("kind", "story_id", "segment", "section", "position", "text", "version_no", "seen_no", "by", "at")
_WHOSE = ("by", "at")
"""What tells who decided a thing and when, and not what."""


@contextmanager
def deciding(
    session: Session, edition: Edition, what: str, *, clock: Clock, by: str = "", seen: int | None = None
) -> Iterator[None]:
    """Around one decision of an editor, in the caller's write transaction: it counts, it can be undone, and an
    approval is void after it.

    ``what`` says it in words; ``seen`` is the version of the edition that the editor looked at, if it matters. Raises
    `WrongState` when the edition cannot be edited, and `Stale` when somebody else was faster; then nothing was changed.
    """
    state = touch(session, edition, "changed", seen=seen)
    before, lines = _decided(session, edition), {name: getattr(edition, name) for name in _LINES}
    yield
    session.flush()
    session.refresh(edition)
    after = _decided(session, edition)
    removed = [row for key, row in before.items() if row != after.get(key)]
    added = [row for key, row in after.items() if row != before.get(key)]
    changed = {name: words for name, words in lines.items() if words != getattr(edition, name)}
    if changed or _bare(removed) != _bare(added):
        about = {row["story_id"] for row in (*removed, *added) if row["kind"] == "version"}
        session.add(
            EditionDecision(
                edition_id=edition.id,
                version=edition.version,
                what=what,
                change={
                    "removed": [_stored(row) for row in removed],
                    "added": [_stored(row) for row in added],
                    "lines": changed,
                    "told": {str(story): number for story, number in told(session, edition).items() if story in about},
                },
                by=by,
                at=clock.now(),
            )
        )
    _void(session, edition, state, clock, by, what)


def undo(session: Session, edition: Edition, *, clock: Clock, by: str = "", seen: int | None = None) -> EditionDecision:
    """Takes the last decision back that was not taken back yet, and returns it; again, and it is the one before.

    Its ``change["told"]`` says which version of a story the edition told before, by the story's id. Raises `Refused`
    when there is none, and what `deciding` raises.
    """
    state = touch(session, edition, "changed", seen=seen)
    last = last_of(session, edition)
    if last is None:
        raise Refused(f"nothing was decided of {edition.key} that could be undone")
    session.execute(
        update(EditionDecision)
        .where(EditionDecision.id == last.id, EditionDecision.undone_at.is_(None))
        .values(undone_at=clock.now(), undone_by=by)
        .execution_options(synchronize_session=False)
    )
    for row in last.change["added"]:
        session.execute(
            delete(Override)
            .where(
                Override.edition_id == edition.id,
                Override.kind == row["kind"],
                Override.story_id == row["story_id"],
                Override.segment == row["segment"],
            )
            .execution_options(synchronize_session=False)
        )
    if removed := last.change["removed"]:
        session.execute(
            insert(Override),
            [row | {"edition_id": edition.id, "at": datetime.fromisoformat(row["at"])} for row in removed],
        )
    if lines := last.change["lines"]:
        session.execute(
            update(Edition).where(Edition.id == edition.id).values(**lines).execution_options(synchronize_session=False)
        )
    _void(session, edition, state, clock, by, f"{last.what} undone")
    return last


def last_of(session: Session, edition: Edition) -> EditionDecision | None:
    """The decision that would be undone next."""
    return session.scalars(
        select(EditionDecision)
        .where(EditionDecision.edition_id == edition.id, EditionDecision.undone_at.is_(None))
        .order_by(EditionDecision.id.desc())
        .limit(1)
    ).one_or_none()


def latest(session: Session, edition: Edition, most: int) -> list[EditionDecision]:
    """The last decisions, those that were undone too, the newest first."""
    return list(
        session.scalars(
            select(EditionDecision)
            .where(EditionDecision.edition_id == edition.id)
            .order_by(EditionDecision.id.desc())
            .limit(most)
        )
    )


def told(session: Session, edition: Edition) -> dict[int, int]:
    """The number of the version that the edition tells of each of its stories, by the story's id."""
    rows = session.execute(
        select(StoryVersion.story_id, StoryVersion.no)
        .join(Slot, Slot.story_version_id == StoryVersion.id)
        .where(Slot.edition_id == edition.id)
    )
    return {row.story_id: row.no for row in rows}


def _decided(session: Session, edition: Edition) -> dict[tuple[str, int, str], dict[str, Any]]:
    rows = session.execute(
        select(*(getattr(Override, name) for name in _COLUMNS)).where(Override.edition_id == edition.id)
    )
    return {(row.kind, row.story_id, row.segment): dict(row._mapping) for row in rows}


def _bare(rows: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    bare = [{name: value for name, value in row.items() if name not in _WHOSE} for row in rows]
    return sorted(bare, key=lambda row: (row["kind"], row["story_id"], row["segment"]))


def _stored(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "at": row["at"].isoformat(timespec="milliseconds")}


def _void(session: Session, edition: Edition, state: State, clock: Clock, by: str, what: str) -> None:
    if state == State.APPROVED:
        reason = f"changed after it was approved: {what}"
        move(session, edition.id, State.READY, leaving=state, clock=clock, by=by, reason=reason, **UNAPPROVED)
    session.expire(edition)
