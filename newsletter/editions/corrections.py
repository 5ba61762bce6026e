"""What was wrong with an edition that readers have, said where they can find it: nothing of it is ever rewritten."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.editions.models import Correction, Edition
from newsletter.editions.states import State, note, wrong_state
from newsletter.errors import NotFound, Refused
from newsletter.text import clean, one_line, without_bidi_controls

LONGEST = 2_000
"""Characters."""
_READ = frozenset({State.SENDING, State.PAUSED, State.HELD, State.SENT, State.ABORTED})


class Kind(StrEnum):
    """What a correction is."""

    CORRECTION = "correction"
    """Something was wrong."""
    CLARIFICATION = "clarification"
    """Something could be misread."""
    RETRACTION = "retraction"
    """Something should not have been said at all."""


def add(session: Session, edition: Edition, words: str, kind: str, *, by: str, clock: Clock) -> Correction:
    """Corrects an edition that has begun to leave, in the caller's write transaction. ``words`` are plain text.

    Raises `Refused` for what is no correction, `WrongState` for an edition that nobody has.
    """
    if edition.state not in _READ or edition.dated_at is None:
        raise wrong_state(edition, "corrected: nobody has it")
    words = without_bidi_controls(clean(words)).strip()
    if not one_line(by):
        raise Refused("a correction needs the name of who makes it: write --by NAME")
    if not words or len(words) > LONGEST:
        raise Refused(f"a correction has 1 to {LONGEST:,} characters, and this one {len(words):,}")
    if kind not in set(Kind):
        raise Refused(f"{kind!r} is no kind of correction: write {', '.join(Kind)}")
    made = Correction(edition_id=edition.id, kind=str(kind), words=words, by=one_line(by), at=clock.now())
    session.add(made)
    session.flush()
    note(session, edition, clock=clock, by=made.by, reason=f"{kind} {made.id}: {one_line(words)}")
    return made


def take_back(session: Session, edition: Edition, number: int, *, by: str, clock: Clock) -> None:
    """Takes a correction from the edition's page, in the caller's write transaction; it stays in its history.

    Raises `NotFound` where it has no such correction that stands, `Refused` without a name.
    """
    if not one_line(by):
        raise Refused("taking a correction back needs a name: write --by NAME")
    taken = session.execute(
        update(Correction)
        .where(Correction.id == number, Correction.edition_id == edition.id, Correction.taken_back_at.is_(None))
        .values(taken_back_by=one_line(by), taken_back_at=clock.now())
        .returning(Correction.kind)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if taken is None:
        raise NotFound(f"{edition.key} has no correction {number} that stands")
    note(session, edition, clock=clock, by=one_line(by), reason=f"{taken.kind} {number} taken back")


def of(session: Session, editions: Collection[int]) -> dict[int, list[Correction]]:
    """Every correction of some editions by the edition's number, the oldest first; those taken back too."""
    rows = session.scalars(select(Correction).where(Correction.edition_id.in_(editions)).order_by(Correction.id))
    found: dict[int, list[Correction]] = {}
    for row in rows:
        found.setdefault(row.edition_id, []).append(row)
    return found
