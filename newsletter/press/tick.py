"""What the clock wakes: steps that look at the rows, do what is due, and may run on every machine at once.

Nothing here remembers anything. What is due follows from the configuration and the instant; what was done stands in the
database, whose unique keys and conditional updates see to it that it is done once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from newsletter.config import Schedule
from newsletter.delivery.breaker import Breaker
from newsletter.delivery.models import BatchState, batch
from newsletter.editions import store
from newsletter.editions.models import Edition, EditionEvent, Variant
from newsletter.editions.states import SENDABLE, State, move
from newsletter.errors import NewsletterError, NotFound, Refused, WrongState
from newsletter.press import times
from newsletter.press.assemble import assemble
from newsletter.press.lock import lock
from newsletter.press.send import begin, send
from newsletter.press.site import Site

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Slot:
    """One edition of the calendar that could want something done now."""

    briefing: str
    day: date
    schedule: Schedule
    due_at: datetime

    @property
    def key(self) -> str:
        return f"{self.briefing}/{self.day.isoformat()}"


def _calendar(site: Site) -> Iterator[_Slot]:
    """The editions of yesterday to the day after tomorrow: `assemble` and `send_within` are at most two days."""
    now = site.clock.now()
    for key, briefing in site.settings.briefings.items():
        if briefing.schedule is None:
            continue
        today = times.today(site.settings, key, now)
        for number in range(-2, 4):
            day = today + timedelta(days=number)
            if times.is_published_on(site.settings, key, day):
                yield _Slot(key, day, briefing.schedule, times.first_due(site.settings, key, day))


def _edition(site: Site, key: str) -> Edition | None:
    with site.database.reading() as session:
        try:
            return store.find(session, key)
        except NotFound:
            return None


def assemble_due(site: Site) -> list[str]:
    """Assembles what comes into its time: once at that time, and once more when the lock is near. Returns the keys.

    An edition that somebody approved, or whose send could only be too late, is left alone.
    """
    now, done = site.clock.now(), []
    for slot in _calendar(site):
        begins, locks = slot.due_at - slot.schedule.assemble, slot.due_at - slot.schedule.lock
        if not begins <= now <= slot.due_at + slot.schedule.send_within:
            continue
        edition = _edition(site, slot.key)
        fresh = edition is None or edition.state == State.DRAFT
        again = (
            edition is not None
            and edition.state in (State.READY, State.SKIPPED)
            and edition.assembled_at is not None
            and edition.assembled_at < locks <= now
            and site.briefing(slot.briefing).approval == "none"
        )
        if not (fresh or again):
            continue
        try:
            made = assemble(site, slot.briefing, slot.day)
        except WrongState:
            continue  # another process was faster
        done.append(slot.key)
        level = logging.WARNING if made.state == State.SKIPPED else logging.INFO
        _log.log(level, "assembled", extra={"action": "assemble", "edition": slot.key, "state": made.state})
    return done


def lock_due(site: Site) -> list[str]:
    """Locks what has come to its lock. What cannot be locked is tried again until `hold_late` holds it."""
    now, done = site.clock.now(), []
    for slot in _calendar(site):
        if not slot.due_at - slot.schedule.lock <= now <= slot.due_at + slot.schedule.send_within:
            continue
        edition = _edition(site, slot.key)
        if edition is None or edition.state not in (State.READY, State.APPROVED):
            continue
        try:
            lock(site, slot.key)
            done.append(slot.key)
        except NewsletterError as error:
            _log.warning("not locked", extra={"action": "lock", "edition": slot.key, "reason": str(error)})
    return done


def hold_late(site: Site) -> list[str]:
    """Holds, with the reason, what should have begun longer than `send_within` ago. Never made up for."""
    now, done = site.clock.now(), []
    for slot in _calendar(site):
        if now <= slot.due_at + slot.schedule.send_within:
            continue
        edition = _edition(site, slot.key)
        waiting = (State.DRAFT, State.READY, State.APPROVED, State.LOCKED)
        if edition is not None and edition.state not in waiting:
            continue
        if edition is None and not _was_running(site, slot):
            continue  # a briefing that is new: nobody waits for this one
        if edition is not None and _in_hand(site, edition, slot.due_at + slot.schedule.send_within):
            continue
        if edition is not None and edition.state == State.READY and _wants_approval(site, slot.briefing):
            reason = "nobody approved it in time"
        else:
            reason = f"its send could not begin by {slot.due_at + slot.schedule.send_within:%Y-%m-%d %H:%M} UTC"
        try:
            with site.database.writing() as session:
                row = store.ensure(session, slot.briefing, slot.day, slot.due_at, site.clock)
                move(session, row.id, State.HELD, leaving=frozenset(waiting), clock=site.clock, reason=reason)
        except WrongState:
            continue
        done.append(slot.key)
        _log.error("held", extra={"action": "hold", "edition": slot.key, "reason": reason})
    return done


def _in_hand(site: Site, edition: Edition, limit: datetime) -> bool:
    """Whether a person has seen to an edition after its limit: released it, or assembled or locked it by hand."""
    if any(at is not None and at > limit for at in (edition.assembled_at, edition.locked_at)):
        return True
    released = select(EditionEvent.id).where(
        EditionEvent.edition_id == edition.id, EditionEvent.from_state == State.HELD.value, EditionEvent.at > limit
    )
    with site.database.reading() as session:
        return session.scalar(released.limit(1)) is not None


def _was_running(site: Site, slot: _Slot) -> bool:
    """Whether the briefing has had an edition before this one."""
    earlier = Edition.briefing == slot.briefing, Edition.edition_date < slot.day
    with site.database.reading() as session:
        return session.scalar(select(Edition.id).where(*earlier).limit(1)) is not None


def _wants_approval(site: Site, briefing: str) -> bool:
    return site.briefing(briefing).approval == "required"


async def release_due(
    site: Site, stop: asyncio.Event | None = None, breakers: dict[str, Breaker] | None = None
) -> list[str]:
    """Sends what is locked and due, and goes on with what is being sent. Returns the keys."""
    done = []
    for key in await asyncio.to_thread(sendable, site):
        if stop is not None and stop.is_set():
            break
        try:
            await send(site, key, now=False, stop=stop, breakers=breakers)
            done.append(key)
        except Refused as error:
            _log.warning("not sent", extra={"action": "send", "edition": key, "reason": str(error)})
        except Exception:
            # One edition's trouble keeps no other from going out.
            _log.exception("the send broke off; the next tick tries again", extra={"action": "send", "edition": key})
    return done


def begin_due(site: Site) -> list[str]:
    """Lets what is locked and due be sent, by workers: begins it, and delivers nothing. Returns the keys."""
    done = []
    for key in sendable(site, (State.LOCKED,)):
        try:
            begin(site, key, now=False)
            done.append(key)
        except Refused as error:
            _log.warning("not sent", extra={"action": "send", "edition": key, "reason": str(error)})
    return done


def sendable(site: Site, states: Collection[State] = SENDABLE) -> list[str]:
    """The keys of the editions in one of these states for which something can be done now, the earliest due first."""
    now = site.clock.now()
    with site.database.reading() as session:
        rows = session.scalars(
            select(Edition).where(Edition.state.in_([state.value for state in states])).order_by(Edition.due_at)
        ).all()
        keys = []
        for edition in rows:
            briefing = site.settings.briefings.get(edition.briefing)
            if briefing is None:
                continue
            if edition.state == State.SENDING:
                if _has_work(session, edition, now):
                    keys.append(edition.key)
                continue
            first = session.scalar(
                select(Variant.due_at).where(Variant.edition_id == edition.id).order_by(Variant.due_at).limit(1)
            )
            late = briefing.schedule.send_within if briefing.schedule else timedelta(days=2)
            limit = edition.due_at + late
            if first is not None and first <= now and (now <= limit or _in_hand(site, edition, limit)):
                keys.append(edition.key)
    return keys


def _has_work(session: Session, edition: Edition, now: datetime) -> bool:
    """Whether a batch is due and free, or all are done and the edition has only to be closed."""
    undone = select(batch.c.id).where(batch.c.edition_id == edition.id, batch.c.state != BatchState.DONE)
    free = or_(
        and_(batch.c.state == BatchState.OPEN, batch.c.due_at <= now),
        and_(batch.c.state == BatchState.LEASED, batch.c.lease_until < now),
    )
    return session.scalar(undone.where(free).limit(1)) is not None or session.scalar(undone.limit(1)) is None


def watch(site: Site) -> list[str]:
    """Says which editions should be out and are not: what an operator wants to be woken for."""
    now, late = site.clock.now(), []
    for slot in _calendar(site):
        if not slot.due_at + timedelta(minutes=5) <= now <= slot.due_at + timedelta(days=1):
            continue
        edition = _edition(site, slot.key)
        if edition is None or edition.state not in (State.SENDING, State.SENT, State.SKIPPED, State.ABORTED):
            late.append(slot.key)
            state = edition.state if edition else "missing"
            _log.warning("not out", extra={"action": "watch", "edition": slot.key, "state": state})
    return late
