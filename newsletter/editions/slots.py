"""What an editor does to a slot: move it, give it another story, other words, or another version of its story."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.config.models import Briefing
from newsletter.editions.assembly import COMMON
from newsletter.editions.journal import deciding
from newsletter.editions.models import Edition, Override, Slot
from newsletter.editions.overrides import drop, for_whom, put
from newsletter.errors import NotFound, Refused
from newsletter.stories.store import find
from newsletter.stories.words import write_bullets

_SLOT = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)/([1-9][0-9]{0,3})")


def slot_at(edition: Edition, briefing: Briefing, words: str, segment: str = "") -> Slot:
    """The slot ``briefs/2``: of the version that the readers of ``segment`` get, of the common one unless given.

    Raises `Refused` for what is no slot, with what to write instead, and `NotFound` where nothing stands.
    """
    match = _SLOT.fullmatch(words.strip())
    if match is None:
        raise Refused(f"{words[:80]!r} is no slot: write section and place, for example {_example(briefing)}")
    section, position = match[1], int(match[2])
    rule = next((rule for rule in briefing.sections if rule.key == section), None)
    if rule is None:
        known = ", ".join(rule.key for rule in briefing.sections)
        raise Refused(f"{section!r} is no section of the briefing: write one of {known}")
    if segment and segment not in briefing.segments:
        raise Refused(f"{segment!r} is no segment of the briefing: write one of {', '.join(briefing.segments)}")
    own = segment if segment and rule.differs_for(segment) else ""
    for slot in edition.slots:
        if (slot.section, slot.segment, slot.position) == (section, own, position):
            return slot
    last = max((slot.position for slot in edition.slots if (slot.section, slot.segment) == (section, own)), default=0)
    raise NotFound(f"{edition.key} has no slot {section}/{position}{for_whom(own)}: there are {last}")


def _example(briefing: Briefing) -> str:
    return f"{briefing.sections[0].key}/1"


def scope(briefing: Briefing, section: str, segment: str) -> str:
    """Whom a decision about a slot of this version of a section (its ``segment``) is meant for, as overrides say it."""
    rule = next(rule for rule in briefing.sections if rule.key == section)
    if segment or not any(rule.differs_for(one) for one in briefing.segments):
        return segment
    return COMMON


def readers(briefing: Briefing, section: str, segment: str) -> tuple[str, ...]:
    """The segments whose readers get this version of a section; one that is empty stands for everyone."""
    if (whom := scope(briefing, section, segment)) != COMMON:
        return (whom,)
    rule = next(rule for rule in briefing.sections if rule.key == section)
    return tuple(one for one in briefing.segments if not rule.differs_for(one))


def shift(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    slot: Slot,
    steps: int,
    *,
    clock: Clock,
    by: str = "",
    seen: int | None = None,
) -> None:
    """Moves a slot up (``steps`` -1) or down (1) within its section. Raises `Refused` at its ends."""
    stories = [other for other in edition.slots if (other.section, other.segment) == (slot.section, slot.segment)]
    order = [other.story_version.story_id for other in sorted(stories, key=lambda other: other.position)]
    moved = slot.story_version.story
    at = order.index(moved.id)
    if not 0 <= at + steps < len(order):
        raise Refused(f"{moved.slug} is the {'first' if steps < 0 else 'last'} of its section already")
    order.insert(at + steps, order.pop(at))
    whom, section = scope(briefing, slot.section, slot.segment), slot.section
    by_id = {other.story_version.story_id: other.story_version.story for other in stories}
    with deciding(
        session, edition, f"{moved.slug} {'up' if steps < 0 else 'down'} in {section}", clock=clock, by=by, seen=seen
    ):
        placed = _by_hand(edition, section, whom)
        for position, story_id in enumerate(order, start=1):
            found = placed.get(story_id, ())
            if story_id != moved.id and not any(o.position not in (None, position) for o in found):
                continue  # the rules, or the decision that there is, bring it there
            kind = "pin" if any(o.kind == "pin" for o in found) else "move"
            whose = by if story_id == moved.id else found[0].by
            drop(session, edition, "move", by_id[story_id], whom)
            put(session, edition, briefing, kind, by_id[story_id], clock=clock, by=whose, segment=whom,
                section=section, position=position)  # fmt: skip


def _by_hand(edition: Edition, section: str, whom: str) -> Mapping[int, Sequence[Override]]:
    """The pins and moves that place stories in a version of a section, by story: its own ones before everyone's."""
    found: dict[int, list[Override]] = {}
    for override in sorted(edition.overrides, key=lambda o: (o.segment != whom, o.kind)):
        if override.kind in ("pin", "move") and override.section == section and override.segment in ("", whom):
            found.setdefault(override.story_id, []).append(override)
    return found


def pin_here(
    session: Session, edition: Edition, briefing: Briefing, slot: Slot, *, clock: Clock, by: str = "",
    seen: int | None = None,
) -> None:  # fmt: skip
    """Pins a slot's story where it stands, so that nothing takes its place."""
    story = slot.story_version.story
    whom, section, position = scope(briefing, slot.section, slot.segment), slot.section, slot.position
    with deciding(session, edition, f"pin of {story.slug}", clock=clock, by=by, seen=seen):
        drop(session, edition, "move", story, whom)
        put(session, edition, briefing, "pin", story, clock=clock, by=by, segment=whom, section=section,
            position=position)  # fmt: skip


def unpin(
    session: Session, edition: Edition, briefing: Briefing, slot: Slot, *, clock: Clock, by: str = "",
    seen: int | None = None,
) -> None:  # fmt: skip
    """Gives a slot's story back to the rules: its pin and its move in this section are taken back.

    Raises `Refused` where there are none of its own.
    """
    story = slot.story_version.story
    whom = scope(briefing, slot.section, slot.segment)
    with deciding(session, edition, f"{story.slug} back to the rules", clock=clock, by=by, seen=seen):
        gone = [drop(session, edition, kind, story, one) for kind in ("pin", "move") for one in {whom, ""}]
        if not any(gone):
            raise Refused(f"{story.slug} stands there by the rules already")


def leave_out(
    session: Session, edition: Edition, briefing: Briefing, slot: Slot, *, clock: Clock, by: str = "",
    only: str = "", seen: int | None = None,
) -> None:  # fmt: skip
    """Leaves a slot's story out of the edition, for everyone or for one segment (``only``)."""
    story = slot.story_version.story
    with deciding(session, edition, f"{story.slug} left out{for_whom(only)}", clock=clock, by=by, seen=seen):
        put(session, edition, briefing, "exclude", story, clock=clock, by=by, segment=only)


def _out_of_section(session: Session, edition: Edition, briefing: Briefing, slot: Slot, clock: Clock, by: str) -> None:
    """Keeps a slot's story out of its section, for its readers; out of two sections, it is left out."""
    story, section, whom = slot.story_version.story, slot.section, scope(briefing, slot.section, slot.segment)
    for override in _by_hand(edition, section, whom).get(story.id, ()):
        if override.segment == whom:
            drop(session, edition, override.kind, story, whom)
    before = {o.segment: o.section for o in edition.overrides if o.kind == "exclude" and o.story_id == story.id}
    for one in readers(briefing, section, slot.segment):
        from_all = one in before and before[one] != section
        put(session, edition, briefing, "exclude", story, clock=clock, by=by, segment=one,
            section="" if from_all else section)  # fmt: skip


def swap(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    slot: Slot,
    story: str,
    *,
    clock: Clock,
    by: str = "",
    seen: int | None = None,
) -> None:
    """Gives a slot another story (its slug): that one is pinned there.

    The one that stood there does not come back into this section; the rules may put it into another one. Raises
    `Refused` with the reason where the other may not stand there.
    """
    new, old = find(session, story), slot.story_version.story
    if new.id == old.id:
        raise Refused(f"{old.slug} stands there already: choose another story")
    section, segment, position = slot.section, slot.segment, slot.position
    with deciding(session, edition, f"{new.slug} for {old.slug} in {section}", clock=clock, by=by, seen=seen):
        _out_of_section(session, edition, briefing, slot, clock, by)
        for one in readers(briefing, section, segment):
            drop(session, edition, "exclude", new, one)
        session.expire(edition, ["overrides"])
        whom = scope(briefing, section, segment)
        drop(session, edition, "move", new, whom)
        put(session, edition, briefing, "pin", new, clock=clock, by=by, segment=whom, section=section,
            position=position)  # fmt: skip


def add(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    section: str,
    segment: str,
    story: str,
    *,
    clock: Clock,
    by: str = "",
    seen: int | None = None,
) -> None:
    """Pins a story (its slug) into a version of a section (``segment`` as a slot says it), behind what stands there.

    In a section that is full the last one gives way. Raises `Refused` with the reason where it may not stand there.
    """
    rule = next((rule for rule in briefing.sections if rule.key == section), None)
    if rule is None or (segment and segment not in briefing.segments):
        raise Refused(f"{section!r} is no section of the briefing: look at the board again")
    most = (rule.for_segment(segment) or rule).max
    about = find(session, story)
    here = [s for s in edition.slots if (s.section, s.segment) == (section, segment)]
    if any(s.story_version.story_id == about.id for s in here):
        raise Refused(f"{about.slug} stands there already: choose another story")
    whom = scope(briefing, section, segment)
    with deciding(session, edition, f"{about.slug} added to {section}", clock=clock, by=by, seen=seen):
        for one in readers(briefing, section, segment):
            drop(session, edition, "exclude", about, one)
        session.expire(edition, ["overrides"])
        drop(session, edition, "move", about, whom)
        put(session, edition, briefing, "pin", about, clock=clock, by=by, segment=whom, section=section,
            position=min(len(here) + 1, most))  # fmt: skip


def edit(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    slot: Slot,
    words: Mapping[str, str],
    *,
    clock: Clock,
    by: str = "",
    segment: str = "",
    seen: int | None = None,
) -> None:
    """Gives a slot's story other words in this edition: ``headline``, ``dek`` and ``bullets`` as far as they are given.

    What is empty, or what they would get anyway, takes an earlier edit back. ``segment`` empty means everyone. Raises
    `Refused`.
    """
    version = slot.story_version
    story = version.story
    usual = {"headline": version.headline, "dek": version.dek, "bullets": write_bullets(version.bullets)}
    with deciding(session, edition, f"{', '.join(words)} of {story.slug}", clock=clock, by=by, seen=seen):
        if segment:
            usual |= edited(edition, story.id, "")
        for kind, text in words.items():
            if not text.strip() or text.strip() == usual[kind]:
                drop(session, edition, kind, story, segment)
            else:
                put(session, edition, briefing, kind, story, clock=clock, by=by, segment=segment, text=text)


def edited(edition: Edition, story_id: int, segment: str) -> dict[str, str]:
    """The words that editors gave a story for a segment (empty: for everyone), as they write them."""
    return {
        o.kind: write_bullets(json.loads(o.text)) if o.kind == "bullets" else o.text
        for o in edition.overrides
        if o.story_id == story_id and o.segment == segment and o.text is not None
    }


def tell(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    story: str,
    *,
    newest: bool,
    clock: Clock,
    by: str = "",
    seen: int | None = None,
) -> None:
    """Decides which version of a story this edition tells: its ``newest``, or the one that it tells now.

    Assembling again keeps to it, until a still newer one is decided about. Raises `Refused` for a story that does not
    stand in the edition.
    """
    about = find(session, story)
    now = next((s.story_version.no for s in edition.slots if s.story_version.story_id == about.id), None)
    if now is None:
        raise Refused(f"{about.slug} does not stand in {edition.key}: pin it")
    number = about.latest_no if newest else now
    what = f"version {number} of {about.slug} {'accepted' if newest else 'kept'}"
    with deciding(session, edition, what, clock=clock, by=by, seen=seen):
        put(session, edition, briefing, "version", about, clock=clock, by=by, version_no=number,
            seen_no=about.latest_no)  # fmt: skip
