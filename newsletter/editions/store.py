"""Editions in the database: found, assembled, and laid out as each segment gets them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from newsletter.clock import Clock
from newsletter.config.models import Briefing, Section
from newsletter.editions import assembly
from newsletter.editions.assembly import Assembly, Decision, segment_of
from newsletter.editions.candidates import candidate, carried, latest_of, numbered, shut_out
from newsletter.editions.models import Edition, EditionDecision, EditionEvent, Override, Slot
from newsletter.editions.states import EDITABLE, State, move, wrong_state
from newsletter.errors import NotFound, Refused, Stale
from newsletter.stories.models import StoryVersion
from newsletter.stories.store import usable_versions

_KEY = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)/(\d{4}-\d{2}-\d{2})")
UNAPPROVED: Mapping[str, Any] = {"approved_at": None, "approved_by": None, "approved_digest": None}
"""The columns of an approval that is void."""
_PLACING = ("pin", "exclude", "move")
"""The kinds of decisions that assembly looks at."""


def parse_key(key: str) -> tuple[str, date]:
    """The briefing and the edition date of ``morning/2026-11-23``. Raises `Refused` with what to write instead."""
    if match := _KEY.fullmatch(key.strip()):
        try:
            return match[1], date.fromisoformat(match[2])
        except ValueError:
            pass
    raise Refused(f"{key!r} is no key of an edition: write the briefing and the date, for example morning/2026-11-23")


def ensure(session: Session, briefing: str, day: date, due_at: datetime, clock: Clock) -> Edition:
    """The edition of a briefing (its key) on an edition date; made as a draft where there is none yet.

    ``due_at`` is when its first wave is to leave; an edition that can still be edited takes it over. Safe when several
    processes do it at once. Belongs in a write transaction.
    """
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    new = session.execute(
        make(Edition)
        .values(briefing=briefing, edition_date=day, state=State.DRAFT.value, due_at=due_at, created_at=clock.now())
        .on_conflict_do_nothing(index_elements=["briefing", "edition_date"])
        .returning(Edition.id)
    ).scalar_one_or_none()
    this = (Edition.briefing == briefing, Edition.edition_date == day)
    if new is not None:
        session.add(EditionEvent(edition_id=new, at=clock.now(), from_state="", to_state=State.DRAFT.value))
        session.flush()
    else:
        session.execute(
            update(Edition)
            .where(*this, Edition.state.in_([state.value for state in EDITABLE]), Edition.due_at != due_at)
            .values(due_at=due_at)
            .execution_options(synchronize_session=False)
        )
    return session.scalars(select(Edition).where(*this), execution_options={"populate_existing": True}).one()


def find(session: Session, key: str) -> Edition:
    """The edition ``morning/2026-11-23``. Raises `Refused` for what is no key, `NotFound` with what to write."""
    briefing, day = parse_key(key)
    found = session.scalars(
        select(Edition).where(Edition.briefing == briefing, Edition.edition_date == day)
    ).one_or_none()
    if found is None:
        last = listing(session, briefing=briefing, limit=1)
        hint = f"the last one of {briefing} is {last[0].key}" if last else f"there is none of {briefing} yet"
        raise NotFound(f"there is no edition {key.strip()}: {hint}; `newsletter edition assemble` makes one")
    return found


def listing(session: Session, *, briefing: str | None = None, limit: int = 30) -> list[Edition]:
    """Editions, the newest date first; of one briefing (its key) only, if given."""
    statement = select(Edition).order_by(Edition.edition_date.desc(), Edition.briefing).limit(limit)
    if briefing is not None:
        statement = statement.where(Edition.briefing == briefing)
    return list(session.scalars(statement))


def touch(session: Session, edition: Edition, deed: str, *, seen: int | None = None) -> State:
    """Counts one editorial change, and keeps others from making one before this transaction ends.

    Returns the state that the edition is in. Raises `WrongState` when it cannot be edited: it cannot be ``deed`` now;
    and `Stale` when its version is not the one that was ``seen``.
    """
    same = () if seen is None else (Edition.version == seen,)
    state = session.execute(
        update(Edition)
        .where(Edition.id == edition.id, Edition.state.in_([state.value for state in EDITABLE]), *same)
        .values(version=Edition.version + 1)
        .returning(Edition.state)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    session.refresh(edition)
    session.expire(edition, ["slots", "overrides"])
    if state is None:
        if edition.state in EDITABLE:
            refuse_stale(session, edition, seen)
        raise wrong_state(edition, deed)
    return State(state)


def refuse_stale(session: Session, edition: Edition, seen: int | None) -> None:
    """Raises `Stale`, with what was done since and by whom, unless the edition's version is the one that was seen."""
    if seen is None or seen == edition.version:
        return
    since = session.scalars(
        select(EditionDecision)
        .where(EditionDecision.edition_id == edition.id, EditionDecision.version > seen)
        .order_by(EditionDecision.id.desc())
    ).all()
    what = f"{since[0].by or 'somebody'} did this: {since[0].what}" if since else "it was assembled again, or undone"
    more = f", and {len(since) - 1} more" if len(since) > 1 else ""
    raise Stale(f"{edition.key} has changed since you opened it ({what}{more}); nothing was done: look at it again")


def assemble_edition(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    clock: Clock,
    *,
    zone: str = "UTC",
    at: datetime | None = None,
    seen: int | None = None,
) -> Assembly:
    """Chooses the stories anew, in the caller's write transaction; every override stays and is followed.

    The edition becomes ready, or skipped with the reason. An approved one stays approved when the very same story
    versions stand in the same places, else the approval is void. ``zone`` is the IANA zone in which reasons name times;
    ``at`` the instant by which stories are judged, the one at which the edition is due unless given.
    Raises `WrongState` when the edition cannot be edited any more, and `Stale` when its version is not the one that was
    ``seen``; then nothing was changed.
    """
    state = touch(session, edition, "assembled", seen=seen)
    result, same = _chosen(session, edition, briefing, at or edition.due_at, zone, _usable(session, edition, at))
    fields: dict[str, Any] = {"assembled_at": clock.now(), **UNAPPROVED}
    if result.skip:
        move(session, edition.id, State.SKIPPED, leaving=state, clock=clock, reason=result.skip, **fields)
    elif state == State.APPROVED and same:
        edition.assembled_at = clock.now()
        session.flush()
    else:
        why = "assembled again after it was approved" if state == State.APPROVED else ""
        move(session, edition.id, State.READY, leaving=state, clock=clock, reason=why, **fields)
    session.expire(edition)
    return result


def settle(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    clock: Clock,
    *,
    zone: str = "UTC",
    at: datetime | None = None,
    told: Mapping[int, int] | None = None,
) -> None:
    """Lets the slots follow what has just been decided, and nothing else: in the transaction of that decision.

    The edition goes on telling the story versions that it tells (``told`` names others, by story id), and leaves alone
    what came in since it was assembled, unless an editor placed it. One that was never assembled stays as it is.
    """
    if edition.assembled_at is None:
        return
    at = at or edition.due_at
    state = State(edition.state)
    slots = {slot.story_version.story_id: slot.story_version.no for slot in placed(session, edition)}
    by_hand = {o.story_id for o in edition.overrides if o.kind in _PLACING}
    versions = {
        story: version
        for story, version in _usable(session, edition, at, {**slots, **(told or {})}).items()
        if story in slots or story in by_hand or version.story.created_at <= edition.assembled_at
    }
    result, _ = _chosen(session, edition, briefing, at, zone, versions)
    if result.skip and (state, edition.reason) != (State.SKIPPED, result.skip):
        move(session, edition.id, State.SKIPPED, leaving=state, clock=clock, reason=result.skip)
    elif not result.skip and state == State.SKIPPED:
        move(session, edition.id, State.READY, leaving=state, clock=clock)
    session.expire(edition)


def _usable(
    session: Session, edition: Edition, at: datetime | None, told: Mapping[int, int] | None = None
) -> dict[int, StoryVersion]:
    """What may go out, by story: the latest version, or the one ``told``, or before both the one an editor chose."""
    versions = {version.story_id: version for version in usable_versions(session, at or edition.due_at)}
    chosen = {o.story_id: o.version_no for o in edition.overrides if o.kind == "version" and o.version_no}
    others = {
        story: number
        for story, number in {**(told or {}), **chosen}.items()
        if story in versions and versions[story].no != number
    }
    for version in numbered(session, others):
        versions[version.story_id] = version
    return versions


def _chosen(
    session: Session,
    edition: Edition,
    briefing: Briefing,
    at: datetime,
    zone: str,
    versions: Mapping[int, StoryVersion],
) -> tuple[Assembly, bool]:
    """Assembles out of ``versions``, and whether the same stands in the same places as before."""
    decided = [override for override in edition.overrides if override.kind in _PLACING]
    unusable = latest_of(session, {override.story_id for override in decided} - versions.keys())
    result = assembly.assemble(
        briefing,
        [candidate(version, at) for version in (*versions.values(), *unusable)],
        at=at,
        decisions=[
            Decision(o.kind, o.story_id, o.segment, o.section or "", o.position, o.by or "an editor") for o in decided
        ],
        carried=carried(session, edition, versions),
        zone=zone,
    )
    return result, _replace_slots(session, edition, result)


def _replace_slots(session: Session, edition: Edition, result: Assembly) -> bool:
    """Whether the same versions stand in the same places as before."""
    before = {(slot.section, slot.segment, slot.position, slot.story_version_id) for slot in edition.slots}
    after = {(slot.section, slot.segment, slot.position, slot.version_id) for slot in result.slots}
    session.execute(delete(Slot).where(Slot.edition_id == edition.id).execution_options(synchronize_session=False))
    session.expire(edition, ["slots"])
    rows = [
        {
            "edition_id": edition.id,
            "section": slot.section,
            "section_no": slot.section_no,
            "segment": slot.segment,
            "position": slot.position,
            "story_version_id": slot.version_id,
            "reason": slot.reason,
        }
        for slot in result.slots
    ]
    if rows:
        session.execute(insert(Slot), rows)
    return before == after


@dataclass(frozen=True, slots=True)
class StoryInPlace:
    """A slot as one segment gets it: the pinned version, and an editor's words in place of its own where there are."""

    version: StoryVersion
    """With its ``story`` loaded."""
    headline: str
    dek: str
    bullets: Sequence[Mapping[str, Any]]
    reason: str


@dataclass(frozen=True, slots=True)
class SectionInPlace:
    """A section as one segment gets it, with at least one story."""

    section: Section
    stories: tuple[StoryInPlace, ...]


def placed(session: Session, edition: Edition) -> Sequence[Slot]:
    """The slots of an edition in the order of their places, with what they tell loaded at once."""
    return session.scalars(
        select(Slot)
        .where(Slot.edition_id == edition.id)
        .order_by(Slot.position)
        .options(joinedload(Slot.story_version).joinedload(StoryVersion.story))
    ).all()


def variant_slots(session: Session, edition: Edition, briefing: Briefing, segment: str) -> tuple[SectionInPlace, ...]:
    """The edition as the readers of ``segment`` get it: sections in order, empty ones left out.

    Raises `Refused` when the briefing's sections are not those that the edition was assembled by.
    """
    slots = placed(session, edition)
    overrides = session.scalars(
        # What is meant for the segment comes last, and so wins over what is meant for everyone.
        select(Override)
        .where(Override.edition_id == edition.id, Override.segment.in_(["", segment]))
        .order_by(Override.segment)
    ).all()
    words = {(o.kind, o.story_id): o.text for o in overrides if o.text is not None}
    excluded = {(o.story_id, o.section) for o in overrides if o.kind == "exclude"}
    sections = {section.key: section for section in briefing.sections}
    for slot in slots:
        rule = sections.get(slot.section)
        if rule is None or (slot.segment and not rule.differs_for(slot.segment)):
            raise Refused(
                f"{edition.key} was assembled by other rules, section {slot.section!r} changed since: assemble it again"
            )
    found = []
    for rule in briefing.sections:
        own = rule.for_segment(segment)
        stories = tuple(
            StoryInPlace(
                version=slot.story_version,
                headline=words.get(("headline", slot.story_version.story_id), slot.story_version.headline),
                dek=words.get(("dek", slot.story_version.story_id), slot.story_version.dek),
                bullets=json.loads(words["bullets", slot.story_version.story_id])
                if ("bullets", slot.story_version.story_id) in words
                else slot.story_version.bullets,
                reason=slot.reason,
            )
            for slot in slots
            if slot.section == rule.key
            and slot.segment == segment_of(briefing, rule.key, segment)
            and not shut_out(slot.story_version.fence, segment)
            and not {(slot.story_version.story_id, None), (slot.story_version.story_id, rule.key)} & excluded
        )
        if own is not None and stories:
            found.append(SectionInPlace(own, stories))
    return tuple(found)
