"""The send: whatever steps an edition has still before it, up to the last reader. Run again, it goes on."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from sqlalchemy import func, select, update

from newsletter import failpoints
from newsletter.backends.base import Backend
from newsletter.clock import format_duration
from newsletter.delivery.breaker import Breaker
from newsletter.delivery.closing import withdraw
from newsletter.delivery.figures import Report
from newsletter.delivery.models import BatchState, batch
from newsletter.delivery.pump import Delivered, Pump, Rules
from newsletter.delivery.reader import forget_erased
from newsletter.delivery.report import report
from newsletter.delivery.resend import reopened_at
from newsletter.editions import counting, store
from newsletter.editions.candidates import why_unusable
from newsletter.editions.models import Edition, Variant
from newsletter.editions.states import State, move
from newsletter.errors import Refused, WrongState
from newsletter.press import bounces, times
from newsletter.press.assemble import assemble
from newsletter.press.clicks import as_counted
from newsletter.press.crew import work_together
from newsletter.press.lock import lock
from newsletter.press.messages import MessageBuilder, compiled_for, frozen, headers
from newsletter.press.site import Site
from newsletter.press.spared import spared
from newsletter.stories.models import StoryVersion

_log = logging.getLogger(__name__)

_LARGE = 50_000
"""Readers from which on a process of its own writes the ledger: for fewer its start takes longer than it saves."""


async def send(
    site: Site,
    key: str,
    *,
    wait: timedelta | None = None,
    stop: asyncio.Event | None = None,
    now: bool = True,
    breakers: dict[str, Breaker] | None = None,
) -> Report:
    """Takes an edition as far as it goes: assembles, locks, freezes its readers, delivers what is due.

    With ``now`` its waves do not wait for their hour. ``wait`` is how long it stays for messages to be tried again.
    ``stop`` drains. Nobody is mailed twice, however often and from however many processes it is called. Raises
    `Refused` when the edition must not go out, and says why.
    """
    edition = await asyncio.to_thread(begin, site, key, now=now)
    if edition.state == State.SENDING:
        if (number := await asyncio.to_thread(_workers, site, edition)) > 1:
            command = site.worker_command("--edition", key, *(("--wait", format_duration(wait)) if wait else ()))
            await work_together(command, number, stop or asyncio.Event())
            wait = None
        # Alone, or after the others: what they could not do, and the edition's end.
        await go_on(site, key, wait=wait, stop=stop, breakers=breakers)
    elif edition.state == State.ABORTED:
        await asyncio.to_thread(withdraw, site.database, edition.id, site.clock)
    return await asyncio.to_thread(report, site.database, edition.id)


async def go_on(
    site: Site,
    key: str,
    *,
    wait: timedelta | None = None,
    stop: asyncio.Event | None = None,
    breakers: dict[str, Breaker] | None = None,
) -> None:
    """Delivers what is due of an edition that is sending, in this process, and ends it when nothing is left.

    Does nothing in any other state. Raises `NotFound`, and `Refused` for a segment without its backend.
    """
    edition = await asyncio.to_thread(_find, site, key)
    if edition.state == State.SENDING:
        delivered = await _deliver(site, edition, wait, stop, breakers)
        if delivered.done or delivered.settled.get("rejected"):
            # Before the edition's end is written: whoever dies here begins again here.
            await asyncio.to_thread(bounces.count, site, edition.id, key)
        await asyncio.to_thread(_finish, site, edition.id, key, delivered)


def _workers(site: Site, edition: Edition) -> int:
    """How many processes are worth it: no more than there are batches that are due."""
    if site.settings.workers == 1 or site.config is None:
        return 1
    free = batch.c.edition_id == edition.id, batch.c.state == BatchState.OPEN, batch.c.due_at <= site.clock.now()
    with site.database.read_connection() as connection:
        due = connection.execute(select(func.count()).select_from(batch).where(*free)).scalar_one()
    return min(site.settings.workers, max(1, due))


def _find(site: Site, key: str) -> Edition:
    with site.database.reading() as session:
        return store.find(session, key)


def begin(site: Site, key: str, *, now: bool = True, by: str = "") -> Edition:
    """Takes an edition as far as it goes without a message leaving, at best until it is sending; returns it.

    ``by`` is who wants it, nobody where the clock does. Raises `Refused` when it must not go out.
    """
    briefing, day = store.parse_key(key)
    with site.database.reading() as session:
        there = session.scalar(select(Edition.state).where(Edition.briefing == briefing, Edition.edition_date == day))
    if there in (None, State.DRAFT):
        assemble(site, briefing, day)
    edition = _find(site, key)
    if edition.state in (State.HELD, State.SKIPPED):
        ways = "release it, or abort it" if edition.state == State.HELD else "assemble it again when there is more"
        raise Refused(f"{key} is {edition.state}: {edition.reason}; {ways}")
    if edition.state == State.PAUSED:
        why = f": {edition.reason}" if edition.reason else ""
        raise Refused(f"{key} is paused{why}; `newsletter edition resume {key} --by NAME` lets it go on")
    if edition.state in (State.READY, State.APPROVED, State.LOCKED):
        lock(site, key, now=now, by=by)
        edition = _find(site, key)
        if edition.state == State.HELD:
            raise Refused(f"{key} is held: {edition.reason}; `newsletter edition release {key} --by NAME` lets it go")
    if edition.state == State.LOCKED:
        _start(site, key, now, by)
        edition = _find(site, key)
    return edition


def _start(site: Site, key: str, now: bool, by: str) -> None:
    """Locked to sending, once, whoever comes first. The Date header of every message is this instant."""
    instant = site.clock.now()
    with site.database.writing() as session:
        edition = store.find(session, key)
        if edition.state != State.LOCKED or not edition.snapshot_done:
            return
        if failpoints.armed:
            failpoints.reach("send.before_state")
        if not now and edition.due_at > instant:
            raise WrongState(f"{key} is not due before {edition.due_at:%Y-%m-%d %H:%M} UTC")
        if now:
            early = batch.c.edition_id == edition.id, batch.c.state == BatchState.OPEN, batch.c.due_at > instant
            session.execute(update(batch).where(*early).values(due_at=instant))
        move(
            session,
            edition.id,
            State.SENDING,
            leaving=State.LOCKED,
            clock=site.clock,
            by=by,
            dated_at=edition.dated_at or instant,
        )
    if failpoints.armed:
        failpoints.reach("send.after_state")
    _log.info("sending", extra={"action": "send", "edition": key})


async def _deliver(
    site: Site,
    edition: Edition,
    wait: timedelta | None,
    stop: asyncio.Event | None,
    breakers: dict[str, Breaker] | None,
) -> Delivered:
    assert edition.dated_at is not None
    with site.database.reading() as session:
        rows = session.scalars(select(Variant).where(Variant.edition_id == edition.id).order_by(Variant.no)).all()
        begins = [edition.dated_at, *(row.due_at for row in rows)]
        if (reopened := reopened_at(session, edition.id)) is not None:
            begins.append(reopened)
        codes = counting.codes(session, edition.id)
    builders = {}
    for row in rows:
        head = headers(site, edition, row.segment, edition.dated_at)
        goes_out = as_counted(site, frozen(row), codes)
        builders[row.id] = MessageBuilder(site, edition, compiled_for(site, edition, goes_out, head))
    stories = {row.id: list(row.stories) for row in rows}
    backends: dict[str, Backend] = {}
    for row in rows:
        for name in row.backends:
            if name not in backends:
                backends[name] = site.backend(name)
    pump = Pump(
        site.database,
        edition.id,
        builders,
        backends,
        spared(site, edition.briefing, edition.edition_date),
        Rules(
            max(begins) + times.deadline(site.settings, edition.briefing),
            site.briefing(edition.briefing).in_doubt,
        ),
        site.clock,
        blocked=lambda variant: unusable_story(site, stories[variant]),
        stop=stop,
        breakers=breakers,
        in_process=edition.recipients >= _LARGE,
        limits={name: site.settings.backends[name].limits for name in backends},
    )
    try:
        return await pump.run(wait)
    finally:
        for backend in backends.values():
            await backend.close()


def unusable_story(site: Site, version_ids: list[int]) -> str:
    """Why one of these story versions must not go out any more, now; empty when all may."""
    now = site.clock.now()
    with site.database.reading() as session:
        for version in session.scalars(select(StoryVersion).where(StoryVersion.id.in_(version_ids))):
            if why := why_unusable(version.story.status, version.embargo_until, version.expires_at, now):
                return f"the story {version.story.slug} {why}"
    return ""


def _finish(site: Site, edition_id: int, key: str, delivered: Delivered) -> None:
    with site.database.writing() as session:
        # Under the lock nobody can put readers back to be sent.
        state = session.scalar(select(Edition.state).where(Edition.id == edition_id).with_for_update())
        if state != State.SENDING:
            return
        undone = select(batch.c.id).where(batch.c.edition_id == edition_id, batch.c.state != BatchState.DONE).limit(1)
        if delivered.done and session.scalar(undone) is None:
            if failpoints.armed:
                failpoints.reach("send.before_end")
            at = site.clock.now()
            forget_erased(session, edition_id)
            move(session, edition_id, State.SENT, leaving=State.SENDING, clock=site.clock, finished_at=at)
        elif delivered.stopped.startswith("the story "):
            why = delivered.stopped
            move(session, edition_id, State.HELD, leaving=State.SENDING, clock=site.clock, reason=why)
            _log.error("held", extra={"action": "send", "edition": key, "reason": why})
