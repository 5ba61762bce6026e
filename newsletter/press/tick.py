"""What the clock does each time it wakes: steps that look at the rows, do what is due, and may be repeated at will.

The unique key of an edition and conditional updates of its state decide who does a thing, so every machine may run the
clock. Dates are local ones of the briefing's zone; the first wave is that of the segment whose zone is first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter import press
from newsletter.clock import format_duration, local_date, local_instant
from newsletter.config.models import DAYS, Schedule, Settings
from newsletter.delivery.models import BatchState, batch
from newsletter.editions import store
from newsletter.editions.models import Edition, EditionEvent, Variant
from newsletter.editions.states import LOCKABLE, State, move
from newsletter.errors import NewsletterError, Refused, WrongState
from newsletter.press.site import Site

_log = logging.getLogger(__name__)

BY = "the clock"
"""Who did it, in an edition's history."""
_BACK, _AHEAD = 3, 3
"""Days around today that are looked at: the longest durations of a schedule are two days, and zones differ by one."""
_OVERDUE = timedelta(minutes=5)
_WAITING = frozenset({State.DRAFT, State.READY, State.APPROVED, State.LOCKED})
"""Not out yet, and nobody said that it shall not go out."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One date of a briefing's schedule, and its UTC instants."""

    briefing: str
    day: date
    due_at: datetime
    """When the first wave leaves."""
    assemble_at: datetime
    lock_at: datetime
    closes_at: datetime
    """What has not started by then is held."""

    @property
    def key(self) -> str:
        """``morning/2026-11-23``"""
        return f"{self.briefing}/{self.day.isoformat()}"


def turn_of(settings: Settings, briefing: str, day: date) -> Turn | None:
    """A briefing's turn on a local date; None where its schedule leaves that weekday out, or it has none."""
    rule = settings.briefings[briefing]
    schedule = rule.schedule
    if schedule is None or DAYS[day.weekday()] not in schedule.days:
        return None
    due = min(local_instant(day, schedule.time, settings.zone(briefing, segment)) for segment in rule.segments)
    return Turn(briefing, day, due, due - schedule.assemble, due - schedule.lock, due + schedule.send_within)


def turns(settings: Settings, now: datetime) -> Iterator[Turn]:
    """The turns of the last three days, and those to come whose time to assemble has come."""
    for briefing in settings.briefings:
        today = local_date(now, settings.zone(briefing))
        for days in range(-_BACK, _AHEAD + 1):
            turn = turn_of(settings, briefing, today + timedelta(days=days))
            if turn is not None and turn.assemble_at <= now:
                yield turn


def assemble_due(site: Site) -> list[str]:
    """Assembles, once, every edition whose time has come; returns their keys. What an editor has assembled is left."""
    now = site.clock.now()
    done = []
    for turn in turns(site.settings, now):
        if now >= turn.closes_at:
            continue
        with site.database.reading() as session:
            edition = _edition(session, turn)
            if edition is not None and edition.state != State.DRAFT:
                continue
        if _assemble(site, turn):
            done.append(turn.key)
    return done


def lock_due(site: Site) -> list[str]:
    """Locks every edition whose time has come and that may go; returns their keys.

    One that needs no approval is assembled once more right before. One that needs it waits for it. One that the press
    refuses to lock is tried again until it is due, so that an editor can mend it; then it is held with the refusal.
    """
    now = site.clock.now()
    done = []
    for turn in turns(site.settings, now):
        if now < turn.lock_at:
            continue
        approval = site.settings.briefings[turn.briefing].approval == "required"
        with site.database.reading() as session:
            edition = _edition(session, turn)
            if edition is None or now >= _closes(session, edition, turn):
                continue
            state = State(edition.state)
            stale = edition.assembled_at is not None and edition.assembled_at < turn.lock_at
        if stale and (state == State.SKIPPED or (state == State.READY and not approval)):
            if not _assemble(site, turn):
                continue
            with site.database.reading() as session:
                state = State(store.find(session, turn.key).state)
        if state not in LOCKABLE or (approval and state != State.APPROVED):
            continue
        if _lock(site, turn, now):
            done.append(turn.key)
    return done


def hold_late(site: Site) -> list[str]:
    """Holds, with the reason, what could not start within the schedule's time; returns their keys. Nothing is made up
    for. A date on which no clock ran gets its edition so that it can be seen, unless it is older than the briefing."""
    now = site.clock.now()
    done = []
    for turn in turns(site.settings, now):
        if now < turn.closes_at:
            continue
        try:
            if _hold_late(site, turn, now):
                done.append(turn.key)
        except WrongState as error:  # it started, or somebody decided, at this very moment
            _log.info("not held", extra={"action": "hold", "edition": turn.key, "why": str(error)})
    return done


def due_for_release(site: Site) -> list[str]:
    """The keys of locked editions whose first wave is due, and of those under way that have work due now."""
    now = site.clock.now()
    work = (
        select(func.min(func.coalesce(batch.c.lease_until, batch.c.due_at), type_=batch.c.due_at.type))
        .where(batch.c.edition_id == Edition.id, batch.c.state != BatchState.DONE)
        .scalar_subquery()
    )
    last_wave = select(func.max(Variant.due_at)).where(Variant.edition_id == Edition.id).scalar_subquery()
    found = []
    with site.database.reading() as session:
        rows = session.execute(
            select(Edition, work, last_wave)
            .where(or_(Edition.state == State.LOCKED, Edition.state == State.SENDING), Edition.due_at <= now)
            .order_by(Edition.due_at, Edition.id)
        ).all()
        for edition, work_at, wave_at in rows:
            schedule = _schedule(site, edition.briefing)
            if schedule is None:
                continue
            if edition.state == State.LOCKED:
                ready = now < max(_closes_at(session, edition, schedule), edition.locked_at + schedule.send_within)
            else:
                deadline = (wave_at or edition.due_at) + schedule.deadline
                ready = work_at is None or work_at <= now or now >= deadline
            if ready:
                found.append(edition.key)
    return found


async def release(site: Site, key: str, stop: asyncio.Event) -> None:
    """Sends what is due of one edition, or goes on with it. ``stop`` drains it. Raises what `press.send` does, but for
    a state that somebody else has changed in the meantime."""
    try:
        await press.send(site, key, wait=None, stop=stop)
    except WrongState as error:
        _log.info("not sent", extra={"action": "release", "edition": key, "why": str(error)})


async def release_due(site: Site, stop: asyncio.Event) -> list[str]:
    """Releases everything that is due, side by side; returns the keys. One that fails does not keep the others."""
    keys = await asyncio.to_thread(due_for_release, site)
    for key, result in zip(
        keys, await asyncio.gather(*(release(site, key, stop) for key in keys), return_exceptions=True), strict=True
    ):
        if isinstance(result, BaseException):
            failed("release", result, key)
    return keys


def watch(site: Site) -> list[str]:
    """Logs a warning for every edition that should have gone out and has not, and returns their keys."""
    now = site.clock.now()
    overdue = []
    for turn in turns(site.settings, now):
        if now < turn.due_at + _OVERDUE:
            continue
        with site.database.reading() as session:
            edition = _edition(session, turn)
            if edition is None and not _older(session, turn):
                continue
        state = edition.state if edition else "missing"
        if edition is None or state == State.HELD or state in _WAITING:
            extra = {
                "action": "overdue",
                "edition": turn.key,
                "state": state,
                "reason": edition.reason if edition else "",
            }
            _log.warning("%s should have gone out and is %s", turn.key, state, extra=extra)
            overdue.append(turn.key)
    return overdue


def failed(action: str, error: BaseException, key: str = "") -> None:
    """Logs a step that failed: a refusal in its own words, anything else with its traceback."""
    extra = {"action": action, "edition": key, "error": type(error).__name__}
    if isinstance(error, NewsletterError):
        _log.warning("%s failed: %s", action, error, extra=extra)
    else:
        _log.error("%s failed", action, exc_info=error, extra=extra)


def _edition(session: Session, turn: Turn) -> Edition | None:
    return session.scalars(
        select(Edition).where(Edition.briefing == turn.briefing, Edition.edition_date == turn.day)
    ).one_or_none()


def _older(session: Session, turn: Turn) -> bool:
    """Whether the briefing ran before this turn: on a new site nobody missed yesterday's edition."""
    statement = select(exists().where(Edition.briefing == turn.briefing, Edition.edition_date < turn.day))
    return bool(session.execute(statement).scalar_one())


def _schedule(site: Site, briefing: str) -> Schedule | None:
    rule = site.settings.briefings.get(briefing)
    return None if rule is None else rule.schedule


def _released_at(session: Session, edition: Edition) -> datetime | None:
    """When somebody last let it go on after a hold: from then on its time counts anew."""
    return session.execute(
        select(func.max(EditionEvent.at)).where(
            EditionEvent.edition_id == edition.id, EditionEvent.from_state == State.HELD.value
        )
    ).scalar_one()


def _closes_at(session: Session, edition: Edition, schedule: Schedule) -> datetime:
    return max(edition.due_at, _released_at(session, edition) or edition.due_at) + schedule.send_within


def _closes(session: Session, edition: Edition, turn: Turn) -> datetime:
    released = _released_at(session, edition)
    return turn.closes_at if released is None else max(turn.closes_at, released + (turn.closes_at - turn.due_at))


def _assemble(site: Site, turn: Turn) -> bool:
    try:
        edition = press.assemble(site, turn.briefing, turn.day, by=BY)
    except WrongState as error:
        _log.info("not assembled", extra={"action": "assemble", "edition": turn.key, "why": str(error)})
        return False
    except NewsletterError as error:
        failed("assemble", error, turn.key)
        return False
    _log.info("assembled", extra={"action": "assemble", "edition": turn.key, "state": edition.state})
    return True


def _lock(site: Site, turn: Turn, now: datetime) -> bool:
    try:
        press.lock(site, turn.key)
    except WrongState as error:
        _log.info("not locked", extra={"action": "lock", "edition": turn.key, "why": str(error)})
        return False
    except Refused as error:
        failed("lock", error, turn.key)
        if now >= turn.due_at:
            press.hold(site, turn.key, BY, str(error))
        return False
    _log.info("locked", extra={"action": "lock", "edition": turn.key})
    return True


def _hold_late(site: Site, turn: Turn, now: datetime) -> bool:
    within = turn.closes_at - turn.due_at
    with site.database.reading() as session:
        edition = _edition(session, turn)
        if edition is None and not _older(session, turn):
            return False
        if edition is not None:
            if edition.state not in _WAITING:
                return False
            # The clock begins nothing after closing time: whoever did is at it now, and gets the same time.
            later = [edition.created_at, edition.assembled_at, edition.locked_at, _released_at(session, edition)]
            if any(at is not None and at >= turn.closes_at and now < at + within for at in later):
                return False
    with site.database.writing() as session:
        if edition is None:
            edition = store.ensure(session, turn.briefing, turn.day, turn.due_at, site.clock)
        reason = _late_reason(site, turn, State(edition.state))
        move(session, edition.id, State.HELD, leaving=State(edition.state), clock=site.clock, by=BY, reason=reason)
    extra = {"action": "hold", "edition": turn.key, "reason": reason}
    _log.warning("%s is held: %s", turn.key, reason, extra=extra)
    return True


def _late_reason(site: Site, turn: Turn, state: State) -> str:
    zone = site.settings.zone(turn.briefing)
    local = turn.due_at.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    within = format_duration(turn.closes_at - turn.due_at)
    if state == State.READY and site.settings.briefings[turn.briefing].approval == "required":
        return f"nobody approved it within {within} of {local} ({zone})"
    return f"it was due at {local} ({zone}) and could not start within {within}"
