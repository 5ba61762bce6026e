"""Findings of the checks that a named person overrode for one edition: kept for good, each bound to what was seen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.editions.models import Edition, FindingOverride
from newsletter.editions.states import note
from newsletter.editions.store import touch
from newsletter.errors import NotFound


class Seen(Protocol):
    """A finding as somebody saw it."""

    @property
    def code(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def segments(self) -> tuple[str, ...]: ...
    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Used:
    """A finding with which an edition was locked, on a person's word."""

    code: str
    severity: str
    where: str
    message: str
    segments: tuple[str, ...]
    by: str
    reason: str
    at: datetime


def override(session: Session, edition: Edition, seen: Seen, *, by: str, reason: str, clock: Clock) -> None:
    """Lets an edition go out with a finding, in the caller's write transaction; an earlier word on it is replaced.

    What goes out is not changed by it, so an approval stands. Raises `WrongState` when the edition is locked.
    """
    touch(session, edition, "overridden")
    _end(session, edition, FindingOverride.fingerprint == seen.fingerprint, by, clock)
    session.add(
        FindingOverride(
            edition_id=edition.id,
            fingerprint=seen.fingerprint,
            code=seen.code,
            severity=str(seen.severity),
            place=seen.where,
            message=seen.message,
            segments=list(seen.segments),
            by=by,
            reason=reason,
            at=clock.now(),
        )
    )
    note(session, edition, clock=clock, by=by, reason=f"{seen.code} overridden ({seen.where}): {reason}")


def take_back(session: Session, edition: Edition, code: str, where: str | None, *, by: str, clock: Clock) -> int:
    """Takes back what was overridden of a check, at one place if given, in the caller's write transaction.

    Returns how many. Raises `NotFound` when there is none, `WrongState` when the edition is locked.
    """
    touch(session, edition, "changed")
    which = FindingOverride.code == code
    count = _end(session, edition, which if where is None else which & (FindingOverride.place == where), by, clock)
    if not count:
        raise NotFound(f"{edition.key} has no overridden finding {code}{f' at {where}' if where else ''}")
    note(session, edition, clock=clock, by=by, reason=f"override of {code} taken back")
    return count


def standing(session: Session, edition: Edition) -> dict[str, FindingOverride]:
    """What is overridden now, by fingerprint."""
    rows = session.scalars(select(FindingOverride).where(*_stands(edition)).order_by(FindingOverride.id))
    return {row.fingerprint: row for row in rows}


def use(session: Session, edition: Edition, fingerprints: Collection[str], clock: Clock) -> None:
    """Writes down that an edition is locked with these findings overridden, in the transaction of the lock."""
    session.execute(
        update(FindingOverride)
        .where(*_stands(edition), FindingOverride.fingerprint.in_(fingerprints))
        .values(used_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def used(session: Session, edition_id: int) -> tuple[Used, ...]:
    """The overrides that an edition was locked with, in the order in which they were given."""
    mine = FindingOverride.edition_id == edition_id, FindingOverride.used_at.is_not(None)
    return tuple(
        Used(o.code, o.severity, o.place, o.message, tuple(o.segments), o.by, o.reason, o.at)
        for o in session.scalars(select(FindingOverride).where(*mine).order_by(FindingOverride.id))
    )


def _stands(edition: Edition) -> tuple[ColumnElement[bool], ...]:
    return FindingOverride.edition_id == edition.id, FindingOverride.taken_back_at.is_(None)


def _end(session: Session, edition: Edition, which: ColumnElement[bool], by: str, clock: Clock) -> int:
    ended = session.execute(
        update(FindingOverride)
        .where(*_stands(edition), which)
        .values(taken_back_by=by, taken_back_at=clock.now())
        .returning(FindingOverride.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())
