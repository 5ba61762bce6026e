"""A send that is stopped by a person, and goes on, on both engines."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter import press
from newsletter.database import Database
from newsletter.editions.models import Edition, EditionEvent
from newsletter.editions.store import find
from newsletter.errors import Refused, WrongState
from newsletter.press import Site, tick
from newsletter.testing import FixedClock
from tests.sites import make_site, outbox

KEY = "morning/2026-11-23"


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    """A site with an edition that is sending, of which nothing has gone out yet."""
    site = make_site(tmp_path / "site", database, clock)
    press.assemble(site, "morning")
    press.lock(site, KEY, now=True)
    with site.database.writing() as session:
        session.execute(update(Edition).values(state="sending", dated_at=clock.now()))
    return site


def test_a_pause_is_recorded_with_who_and_why_and_a_resume_with_who(site: Site) -> None:
    assert press.pause(site, KEY, "Omar", "a wrong name") == 0
    with pytest.raises(WrongState, match="is paused"):
        press.pause(site, KEY, "Omar", "again")
    press.resume(site, KEY, "Edith")
    with pytest.raises(WrongState, match="is sending"):
        press.resume(site, KEY, "Edith")
    with site.database.reading() as session:
        last = session.scalars(select(EditionEvent).order_by(EditionEvent.id.desc()).limit(2)).all()
        assert find(session, KEY).reason == ""
    told = [(event.from_state, event.to_state, event.by, event.reason) for event in reversed(last)]
    assert told == [("sending", "paused", "Omar", "a wrong name"), ("paused", "sending", "Edith", "")]


def test_neither_the_clock_nor_a_send_touches_a_paused_edition(site: Site) -> None:
    press.pause(site, KEY, "Omar", "a wrong name")
    assert asyncio.run(tick.release_due(site)) == []
    assert (tick.assemble_due(site), tick.lock_due(site), tick.hold_late(site)) == ([], [], [])
    with pytest.raises(Refused, match="paused: a wrong name; `newsletter edition resume"):
        asyncio.run(press.send(site, KEY))
    assert outbox(site) == []
    press.resume(site, KEY, "Omar")
    assert asyncio.run(tick.release_due(site)) == [KEY]
    assert len(outbox(site)) == 4


def test_the_deadline_counts_while_an_edition_is_paused(site: Site, clock: FixedClock) -> None:
    press.pause(site, KEY, "Omar", "")
    clock.advance(7 * 3600)
    press.resume(site, KEY, "Omar")
    report = asyncio.run(press.send(site, KEY))
    assert (report.state, report.counts.expired) == ("sent", 4)
    assert outbox(site) == []


def test_a_paused_edition_can_be_aborted(site: Site) -> None:
    press.pause(site, KEY, "Omar", "")
    assert press.abort(site, KEY, "Omar", "too late now") == 4
    assert press.report(site, KEY).counts.withdrawn == 4
