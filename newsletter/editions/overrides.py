"""What editors decide about one edition: kept beside the slots, followed by every assembly after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.config.models import Briefing
from newsletter.editions.assembly import COMMON
from newsletter.editions.candidates import latest_of, shut_out, why_unusable
from newsletter.editions.journal import deciding
from newsletter.editions.models import Edition, Override, Slot
from newsletter.errors import NotFound, Refused
from newsletter.stories.models import Story, StoryVersion
from newsletter.stories.store import find, latest
from newsletter.stories.words import plain_line, read_bullets

KINDS = ("pin", "exclude", "move", "headline", "dek", "bullets", "version")
WORDS = ("headline", "dek", "bullets")
_PLACES = ("pin", "move")
_LIKE = {"subject": "headline", "preheader": "dek"}
"""The field of a story whose limit counts for a line of an edition."""


def for_whom(segment: str) -> str:
    """The readers whom a decision is meant for, as words that follow others: `` for europe``, empty for everyone."""
    if segment == COMMON:
        return " for those without a version of their own"
    return f" for {segment}" if segment else ""


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
    seen: int | None = None,
) -> None:
    """Decides something about a story (its slug) in this edition, in the caller's write transaction.

    ``kind`` pin and move want a ``section`` and may have a ``position`` (1 is the first); headline, dek and bullets
    (lines that read ``Label: sentence``) want a ``text``; exclude wants nothing. ``segment`` empty means everyone. An
    earlier decision of the same kind is replaced, and a pin and an exclusion undo each other. An approval is void at
    once; slots change when the edition is settled or assembled again. ``seen`` is the version of the edition that was
    looked at. Raises `Refused` with the reason, `NotFound`, `WrongState`, or `Stale`.
    """
    _check_kind(kind, KINDS[:-1])
    about = find(session, story)
    with deciding(session, edition, f"{kind} of {about.slug}", clock=clock, by=by, seen=seen):
        put(session, edition, briefing, kind, about, clock=clock, by=by, segment=segment, section=section,
            position=position, text=text)  # fmt: skip


def put(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    kind: str,
    about: Story,
    *,
    clock: Clock,
    by: str,
    segment: str = "",
    section: str = "",
    position: int | None = None,
    text: str = "",
    version_no: int | None = None,
    seen_no: int | None = None,
) -> None:
    """Writes one decision, within `deciding`. What `set_override` says of its arguments counts here too."""
    if segment and segment not in briefing.segments and not (segment == COMMON and kind in _PLACES):
        raise Refused(f"{segment!r} is no segment of the briefing: write one of {', '.join(briefing.segments)}")
    if kind in _PLACES:
        _check_place(session, edition, briefing, about, kind, segment, section, position)
    elif kind in WORDS:
        text = _checked_words(kind, text)
    for other in {"exclude": () if section else _PLACES, "pin": ("exclude",)}.get(kind, ()):
        drop(session, edition, other, about, None if kind == "exclude" and not segment else segment)
    drop(session, edition, kind, about, segment)
    # Not as an object: the one that it replaces may still be known to the session, under the same number.
    session.execute(
        insert(Override).values(
            edition_id=edition.id,
            kind=kind,
            story_id=about.id,
            segment=segment,
            section=section or None,
            position=position if kind in _PLACES else None,
            text=text if kind in WORDS else None,
            version_no=version_no,
            seen_no=seen_no,
            by=by,
            at=clock.now(),
        )
    )


def _checked_words(kind: str, text: str) -> str:
    """Edited words as they are kept: a line, or bullets as JSON. Raises `Refused`."""
    words = json.dumps(read_bullets(text), ensure_ascii=False) if kind == "bullets" else plain_line(kind, text)
    if not text.strip():
        raise Refused(f"the {kind} is empty: write one, or clear the override to have the story's own again")
    return words


def clear_override(
    session: Session,
    edition: Edition,
    kind: str,
    story: str,
    *,
    clock: Clock,
    by: str = "",
    segment: str = "",
    seen: int | None = None,
) -> None:
    """Takes a decision back. Raises `NotFound` when there is none, `Refused` for no such kind, or as `set_override`."""
    _check_kind(kind, KINDS)
    about = find(session, story)
    with deciding(session, edition, f"{kind} of {about.slug} taken back", clock=clock, by=by, seen=seen):
        if not drop(session, edition, kind, about, segment):
            raise NotFound(f"{edition.key} has no {kind} of {about.slug}{for_whom(segment)}")


def set_lines(
    session: Session,
    edition: Edition,
    lines: Mapping[str, str | None],
    *,
    clock: Clock,
    by: str = "",
    seen: int | None = None,
) -> None:
    """An editor's own ``subject`` and ``preheader``, to the letter, as far as they are given, as one decision.

    None or nothing brings the briefing's pattern back. Raises what `set_override` raises.
    """
    words = {name: plain_line(name, line or "", like=_LIKE[name]) or None for name, line in lines.items()}
    with deciding(session, edition, " and ".join(words), clock=clock, by=by, seen=seen):
        session.execute(
            update(Edition).where(Edition.id == edition.id).values(words).execution_options(synchronize_session=False)
        )


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
        if any((wish.story_id, wish.section) == (s, k) and wish.segment in ("", g or COMMON) for s, k, g in shown):
            continue
        version = versions[wish.story_id]
        why = why_unusable(version.story.status, version.embargo_until, version.expires_at, edition.due_at)
        found.append(
            f"{wish.kind} of {version.story.slug}{for_whom(wish.segment)} to {wish.section}: "
            f"{why or 'it does not stand there as the edition was last assembled'}"
        )
    return tuple(found)


def _check_kind(kind: str, kinds: Sequence[str]) -> None:
    if kind not in kinds:
        raise Refused(f"{kind!r} is nothing that can be decided like this: write one of {', '.join(kinds)}")


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
    if segment == COMMON:
        if all(rule.differs_for(one) for one in briefing.segments):
            raise Refused(f"section {section!r} has a version for every segment: name one of them")
    elif segment and rule.for_segment(segment) is None:
        raise Refused(f"section {section!r} is hidden from {segment}: choose another section")
    elif segment and not rule.differs_for(segment):
        raise Refused(
            f"section {section!r} is the same for {segment} as for others: leave the segment out, or give the section "
            f"rules of its own for {segment}"
        )
    if position is not None and position < 1:
        raise Refused(f"position {position} is no place: write 1 for the first")
    version = latest(session, story)
    if why := why_unusable(story.status, version.embargo_until, version.expires_at, edition.due_at):
        raise Refused(f"{story.slug} may not go out with {edition.key}, so no {kind}: {why}")
    if segment not in ("", COMMON) and shut_out(version.fence, segment):
        raise Refused(f"{story.slug} says itself that {segment} never gets it, so no {kind}")
    if segment and any(
        o.kind == "exclude" and o.story_id == story.id and not o.segment and o.section in (None, section)
        for o in edition.overrides
    ):
        raise Refused(f"{story.slug} is excluded for everyone: take that back first")


def drop(session: Session, edition: Edition, kind: str, story: Story, segment: str | None) -> bool:
    """Deletes decisions of a kind about a story, for a segment or (None) for any. Whether there was one."""
    statement = delete(Override).where(
        Override.edition_id == edition.id, Override.kind == kind, Override.story_id == story.id
    )
    if segment is not None:
        statement = statement.where(Override.segment == segment)
    gone = session.execute(statement.returning(Override.id).execution_options(synchronize_session=False)).all()
    return bool(gone)
