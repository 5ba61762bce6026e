"""Changes of state: one table, one conditional UPDATE, one line of history."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from newsletter.database import Database
from newsletter.editions.models import Edition, EditionEvent
from newsletter.editions.states import (
    ABORTABLE,
    EDITABLE,
    LOCKABLE,
    OUT,
    SENDABLE,
    TRANSITIONS,
    State,
    move,
    possible,
)
from newsletter.editions.store import ensure
from newsletter.errors import NotFound, WrongState
from newsletter.testing import FixedClock


@pytest.fixture
def edition(database: Database, clock: FixedClock) -> int:
    with database.writing() as session:
        return ensure(session, "morning", date(2026, 11, 23), datetime(2026, 11, 23, 6, tzinfo=UTC), clock).id


def put(database: Database, edition: int, state: State, *, frozen: bool = False) -> None:
    with database.writing() as session:
        found = session.get_one(Edition, edition)
        found.state = state.value
        found.locked_at = found.due_at if frozen else None


@pytest.mark.parametrize("state", list(State))
def test_exactly_the_ways_of_the_table_can_be_gone(
    database: Database, edition: int, clock: FixedClock, state: State
) -> None:
    for to in State:
        put(database, edition, state)
        if to in TRANSITIONS[state]:
            with database.writing() as session:
                move(session, edition, to, leaving=state, clock=clock)
            with database.reading() as session:
                assert session.get_one(Edition, edition).state == to
        else:
            with pytest.raises(ValueError, match=f"no way from {state} to {to}"), database.writing() as session:
                move(session, edition, to, leaving=state, clock=clock)


def test_a_change_is_written_into_the_history(database: Database, edition: int, clock: FixedClock) -> None:
    with database.writing() as session:
        loaded = session.get_one(Edition, edition)
        move(session, edition, State.READY, leaving=State.DRAFT, clock=clock)
        clock.advance(60)
        move(session, edition, State.HELD, leaving=EDITABLE - {State.DRAFT}, clock=clock, by="Omar", reason="too odd")
        assert (loaded.state, loaded.reason) == ("held", "too odd"), "an object that is loaded sees the change"
    with database.reading() as session:
        last = session.scalars(select(EditionEvent).order_by(EditionEvent.id.desc())).first()
        assert last is not None
        assert (last.from_state, last.to_state, last.by, last.reason, last.at) == (
            "ready", "held", "Omar", "too odd", clock.now(),
        )  # fmt: skip


def test_fields_are_set_with_the_state(database: Database, edition: int, clock: FixedClock) -> None:
    put(database, edition, State.READY)
    with database.writing() as session:
        move(session, edition, State.LOCKED, leaving=LOCKABLE, clock=clock, locked_at=clock.now())
    with database.reading() as session:
        assert session.get_one(Edition, edition).locked_at == clock.now()


def test_the_wrong_state_is_told_with_what_is_possible(database: Database, edition: int, clock: FixedClock) -> None:
    put(database, edition, State.SENDING, frozen=True)
    words = r"morning/2026-11-23 is sending \(next: paused, sent, held, aborted\) and cannot become approved"
    with pytest.raises(WrongState, match=words), database.writing() as session:
        move(session, edition, State.APPROVED, leaving=State.READY, clock=clock)
    with database.reading() as session:
        assert len(session.scalars(select(EditionEvent)).all()) == 1, "nothing is written when nothing happens"


def test_an_edition_that_was_frozen_never_becomes_editable_again(
    database: Database, edition: int, clock: FixedClock
) -> None:
    put(database, edition, State.HELD, frozen=True)
    words = r"held after its lock \(next: locked, sending, aborted\)"
    with pytest.raises(WrongState, match=words), database.writing() as session:
        move(session, edition, State.READY, leaving=State.HELD, clock=clock)
    put(database, edition, State.HELD)
    with database.writing() as session:
        move(session, edition, State.READY, leaving=State.HELD, clock=clock)


def test_no_edition_no_move(database: Database, clock: FixedClock) -> None:
    with pytest.raises(NotFound), database.writing() as session:
        move(session, 404, State.READY, leaving=State.DRAFT, clock=clock)


def test_of_two_that_lock_at_once_one_does(database: Database, edition: int, clock: FixedClock) -> None:
    put(database, edition, State.READY)
    barrier, outcomes = threading.Barrier(4, timeout=60), []

    def lock() -> None:
        barrier.wait()
        try:
            with database.writing() as session:
                move(session, edition, State.LOCKED, leaving=LOCKABLE, clock=clock, locked_at=clock.now())
            outcomes.append("locked")
        except WrongState:
            outcomes.append("too late")

    threads = [threading.Thread(target=lock) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["locked", "too late", "too late", "too late"]


def test_the_named_sets_agree_with_the_table() -> None:
    assert all(State.LOCKED in TRANSITIONS[state] for state in LOCKABLE)
    assert all(State.ABORTED in TRANSITIONS[state] for state in ABORTABLE)
    assert all(possible(state, frozen=False) for state in ABORTABLE)
    assert not (EDITABLE & OUT)
    assert SENDABLE < OUT
    assert {state for state in State if not TRANSITIONS[state]} == {State.ABORTED}
