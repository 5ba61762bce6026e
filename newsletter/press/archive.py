"""The editions that are over, or on their way, and what happened to each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from newsletter.editions import store
from newsletter.editions.models import Edition, EditionEvent, Override, Variant
from newsletter.editions.states import State
from newsletter.press.changes import Change, decided, moved
from newsletter.press.site import Site

PAGE = 30
"""Editions on one page."""
_ENDED = (State.SKIPPED.value, State.ABORTED.value)


@dataclass(frozen=True, slots=True)
class Past:
    """An edition as it was locked, or as it ended without that."""

    key: str
    name: str
    """What the briefing is called; its key, where the configuration has it no more."""
    date: date
    state: str
    reason: str
    subject: str
    """Of the first segment; empty where nothing was frozen."""
    readers: int
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Archive:
    """A page of them, the newest first."""

    listed: tuple[Past, ...]
    more: bool
    """Whether there are older ones."""


def archive(site: Site, *, briefing: str = "", page: int = 0) -> Archive:
    """Every edition that was locked, skipped or aborted; of one ``briefing`` if given. ``page`` counts from 0."""
    wanted = select(Edition).where(or_(Edition.locked_at.is_not(None), Edition.state.in_(_ENDED)))
    if briefing:
        wanted = wanted.where(Edition.briefing == briefing)
    order = Edition.edition_date.desc(), Edition.briefing
    with site.database.reading() as session:
        rows = session.scalars(wanted.order_by(*order).offset(page * PAGE).limit(PAGE + 1)).all()
        subjects = _subjects(session, [row.id for row in rows])
    return Archive(tuple(_past(site, row, subjects.get(row.id, "")) for row in rows[:PAGE]), more=len(rows) > PAGE)


def _subjects(session: Session, editions: list[int]) -> dict[int, str]:
    rows = session.execute(
        select(Variant.edition_id, Variant.subject).where(Variant.edition_id.in_(editions)).order_by(Variant.no.desc())
    )
    return {row.edition_id: row.subject for row in rows}


def _past(site: Site, edition: Edition, subject: str) -> Past:
    known = site.settings.briefings.get(edition.briefing)
    return Past(
        key=edition.key,
        name=known.name if known else edition.briefing,
        date=edition.edition_date,
        state=edition.state,
        reason=edition.reason,
        subject=subject,
        readers=edition.recipients,
        finished_at=edition.finished_at,
    )


def life(site: Site, key: str) -> list[Change]:
    """What happened to an edition, and who did it, the oldest first. Raises `NotFound`."""
    with site.database.reading() as session:
        edition = store.find(session, key)
        decisions = session.scalars(
            select(Override)
            .where(Override.edition_id == edition.id)
            .options(joinedload(Override.edition), joinedload(Override.story))
        )
        # Before the events, so that of one instant the decision stands before what came of it.
        told = [decided(row) for row in decisions]
        events = session.scalars(
            select(EditionEvent).where(EditionEvent.edition_id == edition.id).order_by(EditionEvent.id)
        )
        told += [Change(event.at, "edition", edition.key, edition.key, moved(event), event.by) for event in events]
    return sorted(told, key=lambda one: one.at)
