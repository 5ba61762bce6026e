"""What editors decide about one edition: kept beside the slots, followed by every assembly after it."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.config.models import Briefing
from newsletter.editions.candidates import latest_of, why_unusable
from newsletter.editions.models import Edition, Override, Slot
from newsletter.editions.states import State, move
from newsletter.editions.store import UNAPPROVED, touch
from newsletter.errors import NotFound, Refused
from newsletter.stories.models import Story, StoryVersion
from newsletter.stories.store import find, latest
from newsletter.text import one_line

KINDS = ("pin", "exclude", "move", "headline", "dek")
_PLACES = ("pin", "move")
_WORDS = ("headline", "dek")


def set_override(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    kind: str,
    story: str,
    *,
    clock: Clock,
    by: str = "",
    segment: str = "",
    section: str = "",
    position: int | None = None,
    text: str = "",
) -> None:
    """Decides something about a story (its slug) in this edition, in the caller's write transaction.

    ``kind`` pin and move want a ``section`` and may have a ``position`` (1 is the first); headline and dek want a
    ``text``; exclude wants nothing. ``segment`` empty means everyone. An earlier decision of the same kind is replaced,
    and a pin and an exclusion undo each other. Slots change when the edition is assembled again; an approval is void at
    once. Raises `Refused` with the reason, `NotFound`, or `WrongState`.
    """
    _check_kind(kind)
    if segment and segment not in briefing.segments:
        raise Refused(f"{segment!r} is no segment of the briefing: write one of {', '.join(briefing.segments)}")
    state = touch(session, edition, "changed")
    about = find(session, story)
    words = one_line(text)
    if kind in _PLACES:
        _check_place(session, edition, briefing, about, kind, segment, section, position)
    elif kind in _WORDS and not words:
        raise Refused(f"the {kind} is empty: write one, or clear the override to have the story's own again")
    for other, everywhere in {"exclude": (("pin", True), ("move", True)), "pin": (("exclude", False),)}.get(kind, ()):
        _delete(session, edition, other, about, None if everywhere and not segment else segment)
    _delete(session, edition, kind, about, segment)
    session.add(
        Override(
            edition_id=edition.id,
            kind=kind,
            story_id=about.id,
            segment=segment,
            section=section if kind in _PLACES else None,
            position=position if kind in _PLACES else None,
            text=words if kind in _WORDS else None,
            by=by,
            at=clock.now(),
        )
    )
    _changed(session, edition, state, clock, by, f"{kind} of {about.slug}")


def clear_override(
    session: Session, edition: Edition, kind: str, story: str, *, clock: Clock, by: str = "", segment: str = ""
) -> None:
    """Takes a decision back. Raises `NotFound` when there is none, `Refused` for no such kind, or `WrongState`."""
    _check_kind(kind)
    state = touch(session, edition, "changed")
    about = find(session, story)
    if not _delete(session, edition, kind, about, segment):
        raise NotFound(f"{edition.key} has no {kind} of {about.slug}{f' for {segment}' if segment else ''}")
    _changed(session, edition, state, clock, by, f"{kind} of {about.slug} taken back")


def set_subject(session: Session, edition: Edition, words: str | None, *, clock: Clock, by: str = "") -> None:
    """An editor's own subject, to the letter; None or nothing brings the briefing's pattern back."""
    _set_line(session, edition, "subject", words, clock, by)


def set_preheader(session: Session, edition: Edition, words: str | None, *, clock: Clock, by: str = "") -> None:
    """An editor's own preheader, to the letter; None or nothing brings the briefing's pattern back."""
    _set_line(session, edition, "preheader", words, clock, by)


def unmet(session: Session, edition: Edition) -> tuple[str, ...]:
    """Pins and moves that the edition does not show, in words with the reason: what an editor wants to know."""
    wanted = session.scalars(
        select(Override).where(Override.edition_id == edition.id, Override.kind.in_(_PLACES)).order_by(Override.id)
    ).all()
    shown = {
        (story_id, section, segment)
        for story_id, section, segment in session.execute(
            select(StoryVersion.story_id, Slot.section, Slot.segment)
            .join(Slot.story_version)
            .where(Slot.edition_id == edition.id)
        )
    }
    moved = {(wish.story_id, wish.segment) for wish in wanted if wish.kind == "move"}
    versions = {version.story_id: version for version in latest_of(session, {wish.story_id for wish in wanted})}
    found = []
    for wish in wanted:
        if wish.kind == "pin" and (wish.story_id, wish.segment) in moved:
            continue  # the move says where it stands
        if any((wish.story_id, wish.section) == (s, section) and wish.segment in ("", g) for s, section, g in shown):
            continue
        version = versions[wish.story_id]
        why = why_unusable(version.story.status, version.embargo_until, version.expires_at, edition.due_at)
        found.append(
            f"{wish.kind} of {version.story.slug}{f' for {wish.segment}' if wish.segment else ''} to {wish.section}: "
            f"{why or 'it does not stand there as the edition was last assembled'}"
        )
    return tuple(found)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise Refused(f"{kind!r} is nothing that can be decided: write one of {', '.join(KINDS)}")


def _check_place(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    story: Story,
    kind: str,
    segment: str,
    section: str,
    position: int | None,
) -> None:
    keys = [rule.key for rule in briefing.sections]
    if section not in keys:
        raise Refused(f"{section!r} is no section of the briefing: write one of {', '.join(keys)}")
    rule = briefing.sections[keys.index(section)]
    if segment and rule.for_segment(segment) is None:
        raise Refused(f"section {section!r} is hidden from {segment}: choose another section")
    if segment and not rule.differs_for(segment):
        raise Refused(
            f"section {section!r} is the same for {segment} as for others: leave the segment out, or give the section "
            f"rules of its own for {segment}"
        )
    if position is not None and position < 1:
        raise Refused(f"position {position} is no place: write 1 for the first")
    version = latest(session, story)
    if why := why_unusable(story.status, version.embargo_until, version.expires_at, edition.due_at):
        raise Refused(f"{story.slug} may not go out with {edition.key}, so no {kind}: {why}")
    if segment and any(o.kind == "exclude" and o.story_id == story.id and not o.segment for o in edition.overrides):
        raise Refused(f"{story.slug} is excluded for everyone: take that back first")


def _delete(session: Session, edition: Edition, kind: str, story: Story, segment: str | None) -> bool:
    """Deletes decisions of a kind about a story, for a segment or (None) for any. Whether there was one."""
    statement = delete(Override).where(
        Override.edition_id == edition.id, Override.kind == kind, Override.story_id == story.id
    )
    if segment is not None:
        statement = statement.where(Override.segment == segment)
    gone = session.execute(statement.returning(Override.id).execution_options(synchronize_session=False)).all()
    return bool(gone)


def _set_line(session: Session, edition: Edition, name: str, words: str | None, clock: Clock, by: str) -> None:
    state = touch(session, edition, "changed")
    session.execute(
        update(Edition)
        .where(Edition.id == edition.id)
        .values({name: one_line(words or "") or None})
        .execution_options(synchronize_session=False)
    )
    _changed(session, edition, state, clock, by, name)


def _changed(session: Session, edition: Edition, state: State, clock: Clock, by: str, what: str) -> None:
    session.flush()
    if state == State.APPROVED:
        move(
            session,
            edition.id,
            State.READY,
            leaving=state,
            clock=clock,
            by=by,
            reason=f"changed after it was approved: {what}",
            **UNAPPROVED,
        )
    session.expire(edition)
