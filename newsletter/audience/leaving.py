"""Readers who leave, come back, and take a break: what they decide of their own mail, each decision logged.

Every function returns whether anything changed; the same again changes nothing and is not logged again. What counts for
a send is written here and nowhere else: `suppressed_clause` is looked at as recipients are frozen and again as each
batch is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from newsletter.audience.consent import Decision, Said, log, log_all
from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.suppression import Reason, Stop, suppress_all
from newsletter.clock import Clock

BY_HAND = "was suppressed by hand"
"""The note of a reader's leaving that took the place of an operator's decision: it comes back when they do."""


def reader(session: Session, number: int) -> Subscriber | None:
    """A reader by number; None for one who was erased."""
    return session.get(Subscriber, number)


def suppressions(session: Session, reader: Subscriber) -> dict[str, str]:
    """Why a reader gets nothing, by briefing; the empty one stands for all."""
    rows = select(Suppression).where(Suppression.address_hash == reader.address_hash)
    return {row.briefing: row.reason for row in session.scalars(rows)}


def leave(session: Session, reader: Subscriber, briefing: str, said: Said, clock: Clock) -> bool:
    """Takes a reader out of one briefing, or of all when it is empty."""
    return bool(leave_all(session, [(reader.id, briefing)], said, clock))


def leave_all(session: Session, wanted: Iterable[tuple[int, str]], said: Said, clock: Clock) -> list[tuple[int, str]]:
    """Takes readers, by number, out of a briefing each, all with the same words and in a few statements; returns those
    of whom that changed anything. Who was erased is passed over. A few hundred at once, at most."""
    changed = take_out(session, wanted, clock)
    log_all(session, changed, Decision.LEFT, said, clock)
    return [(number, briefing) for number, _, briefing in changed]


def take_out(session: Session, wanted: Iterable[tuple[int, str]], clock: Clock) -> list[tuple[int, bytes, str]]:
    """As `leave_all`, and logs nothing; the number, hash and briefing of each reader of whom that changed anything."""
    pairs = sorted({*wanted})
    readers = {
        row.id: row
        for row in session.execute(
            select(Subscriber.id, Subscriber.address_hash, Subscriber.email_norm)
            .where(Subscriber.id.in_({number for number, _ in pairs}))
            # On PostgreSQL an erasure at the same moment waits for this or is seen: no address comes back after it.
            .with_for_update(read=True)
        )
    }
    hashes = [row.address_hash for row in readers.values()]
    manual = select(Suppression.address_hash, Suppression.briefing).where(
        Suppression.address_hash.in_(hashes), Suppression.reason == Reason.MANUAL.value
    )
    by_hand = {(row.address_hash, row.briefing) for row in session.execute(manual)}
    rows = {}
    for number, briefing in pairs:
        if (reader := readers.get(number)) is not None:
            note = BY_HAND if (reader.address_hash, briefing) in by_hand else ""
            rows[number, briefing] = Stop(
                reader.address_hash, briefing, reader.email_norm, Reason.UNSUBSCRIBED, note, clock.now()
            )
    new = suppress_all(session.connection(), rows.values())
    return [
        (number, row.address_hash, briefing)
        for (number, briefing), row in rows.items()
        if (row.address_hash, briefing) in new
    ]


def come_back(
    session: Session, reader: Subscriber, briefing: str, said: Said, clock: Clock, briefings: Iterable[str]
) -> bool:
    """Takes back what the reader did by leaving a briefing, and nothing else: not what a bounce, a complaint or an
    operator did.

    Who had left everything comes back to this one alone: the others of ``briefings``, all that the site has, stay left.
    """
    left_all = _lift(session, reader, "")
    if left_all and briefing:
        take_out(session, [(reader.id, other) for other in briefings if other != briefing], clock)
    if not (_lift(session, reader, briefing) or left_all):
        return False
    log(session, reader, Decision.RETURNED, briefing, said, clock)
    return True


def _lift(session: Session, reader: Subscriber, briefing: str) -> bool:
    own = (
        Suppression.address_hash == reader.address_hash,
        Suppression.briefing == briefing,
        Suppression.reason == Reason.UNSUBSCRIBED.value,
    )
    by_hand = update(Suppression).where(*own, Suppression.note == BY_HAND)
    restored = session.execute(by_hand.values(reason=Reason.MANUAL.value, note="").returning(Suppression.briefing))
    if restored.first() is not None:
        return True
    row = session.scalars(select(Suppression).where(*own).with_for_update()).one_or_none()
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def pause(session: Session, reader: Subscriber, until: datetime, said: Said, clock: Clock) -> bool:
    """Lets a reader get nothing of any briefing before an instant (UTC)."""
    changed = _pause(session, reader, until, clock)
    if changed:
        log(session, reader, Decision.PAUSED, "", said, clock, until)
    return changed


def resume(session: Session, reader: Subscriber, said: Said, clock: Clock) -> bool:
    """Ends a break."""
    changed = _pause(session, reader, None, clock)
    if changed:
        log(session, reader, Decision.RESUMED, "", said, clock)
    return changed


def _pause(session: Session, reader: Subscriber, until: datetime | None, clock: Clock) -> bool:
    column = Subscriber.paused_until
    other = column.is_not(None) if until is None else or_(column.is_(None), column != until)
    done = session.execute(
        update(Subscriber)
        .where(Subscriber.id == reader.id, other)
        .values(paused_until=until, updated_at=clock.now())
        .returning(Subscriber.id)
        .execution_options(synchronize_session=False)
    )
    return done.first() is not None
