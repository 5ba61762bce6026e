"""The states of an edition, the one table of transitions between them, and the one function that makes them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.editions.models import Edition, EditionEvent
from newsletter.errors import NotFound, WrongState


class State(StrEnum):
    """Where an edition is on its way."""

    DRAFT = "draft"
    """There is a date and a time, and nothing on the page yet."""
    READY = "ready"
    """Assembled."""
    APPROVED = "approved"
    """Somebody said yes to what they saw."""
    LOCKED = "locked"
    """Frozen: the words and the readers are what they will be."""
    SENDING = "sending"
    PAUSED = "paused"
    """Stopped by a person while it was sending, until a person lets it go on. Its deadline counts all the same."""
    SENT = "sent"
    HELD = "held"
    """Stopped, until a person says how it goes on."""
    SKIPPED = "skipped"
    """Not worth sending, with the reason."""
    ABORTED = "aborted"
    """Stopped for good."""


TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.DRAFT: frozenset({State.READY, State.HELD, State.SKIPPED, State.ABORTED}),
        State.READY: frozenset(
            {State.READY, State.APPROVED, State.LOCKED, State.HELD, State.SKIPPED, State.ABORTED},
        ),
        State.APPROVED: frozenset({State.READY, State.LOCKED, State.HELD, State.SKIPPED, State.ABORTED}),
        State.LOCKED: frozenset({State.SENDING, State.HELD, State.ABORTED}),
        State.SENDING: frozenset({State.PAUSED, State.SENT, State.HELD, State.ABORTED}),
        State.PAUSED: frozenset({State.SENDING, State.ABORTED}),
        # For readers in doubt who are put back to be sent.
        State.SENT: frozenset({State.SENDING}),
        State.HELD: frozenset({State.READY, State.LOCKED, State.SENDING, State.ABORTED}),
        State.SKIPPED: frozenset({State.READY, State.HELD, State.SKIPPED, State.ABORTED}),
        State.ABORTED: frozenset(),
    }
)

EDITABLE = frozenset({State.DRAFT, State.READY, State.APPROVED, State.SKIPPED})
"""What may be assembled, pinned and reworded. A held edition has to be released first."""
LOCKABLE = frozenset({State.READY, State.APPROVED})
SENDABLE = frozenset({State.LOCKED, State.SENDING})
"""Frozen, and nobody stopped it: delivery may begin, or go on."""
RESENDABLE = frozenset({State.SENDING, State.PAUSED, State.SENT})
"""Where readers in doubt can be put back to be sent."""
UNDER_WAY = frozenset({State.LOCKED, State.SENDING, State.PAUSED})
"""Frozen, and not at its end: there is something to watch."""
ABORTABLE = frozenset(State) - {State.SENT, State.ABORTED}
OUT = frozenset({State.LOCKED, State.SENDING, State.PAUSED, State.SENT})
"""Readers have it, or are about to."""

_BEFORE_THE_LOCK = EDITABLE


def move(
    session: Session,
    edition_id: int,
    to: State,
    *,
    leaving: State | Set[State],
    clock: Clock,
    by: str = "",
    reason: str = "",
    **fields: Any,
) -> None:
    """Brings an edition from the state, or one of the states, ``leaving`` into ``to``, and writes its history.

    ``reason`` is kept as the edition's own; ``fields`` are further columns of it, set in the same statement. Belongs in
    a write transaction of the caller's. Raises `WrongState` when it is in another state, or when it is frozen already
    and ``to`` is a state before the lock; `NotFound` when there is none; ValueError when the table knows no such way.
    """
    leave = frozenset({leaving} if isinstance(leaving, State) else leaving)
    if impossible := sorted(state for state in leave if to not in TRANSITIONS[state]):
        raise ValueError(f"there is no way from {', '.join(impossible)} to {to}")
    # The lock is PostgreSQL's, so that the state seen is the state left; SQLite has one writer anyway.
    row = session.execute(
        select(Edition.state, Edition.briefing, Edition.edition_date, Edition.locked_at)
        .where(Edition.id == edition_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no edition {edition_id}")
    seen, frozen = State(row.state), row.locked_at is not None
    if seen in leave and not (frozen and to in _BEFORE_THE_LOCK):
        changed = session.execute(
            update(Edition)
            .where(Edition.id == edition_id, Edition.state == seen)
            .values(state=to.value, reason=reason, **fields)
            .returning(Edition.id)
        ).all()
        if changed:
            session.add(
                EditionEvent(
                    edition_id=edition_id,
                    at=clock.now(),
                    from_state=seen.value,
                    to_state=to.value,
                    by=by,
                    reason=reason,
                )
            )
            session.flush()
            return
    raise WrongState(f"{row.briefing}/{row.edition_date.isoformat()} is {_now(seen, frozen)} and cannot become {to}")


def note(session: Session, edition: Edition, *, clock: Clock, by: str, reason: str) -> None:
    """Writes a line into the history of an edition that stays in its state, in the caller's write transaction."""
    session.add(
        EditionEvent(
            edition_id=edition.id,
            at=clock.now(),
            from_state=edition.state,
            to_state=edition.state,
            by=by,
            reason=reason,
        )
    )
    session.flush()


def possible(state: State, *, frozen: bool) -> tuple[State, ...]:
    """The states that an edition in ``state`` can come into now. ``frozen``: it has been locked once."""
    return tuple(to for to in State if to in TRANSITIONS[state] and not (frozen and to in _BEFORE_THE_LOCK))


def _now(state: State, frozen: bool) -> str:
    ways = ", ".join(way for way in possible(state, frozen=frozen) if way != state)
    return f"{state}{' after its lock' if frozen and state == State.HELD else ''} (next: {ways or 'nothing more'})"


def wrong_state(edition: Edition, deed: str) -> WrongState:
    """The error of an edition that, in the state it is in, cannot be ``deed``."""
    return WrongState(
        f"{edition.key} is {_now(State(edition.state), edition.locked_at is not None)}: it cannot be {deed}"
    )
