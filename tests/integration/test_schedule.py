"""The clock: editions assembled, locked and sent at their local times, once, whatever happens in between."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter import press
from newsletter.backends.base import Backend, Counter
from newsletter.clock import local_instant
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery.models import Status
from newsletter.editions.store import find
from newsletter.errors import NotFound
from newsletter.press import Site, tick
from newsletter.schedule import serve
from newsletter.stories.store import usable_versions
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from tests.sites import CONFIG, make_site, outbox


def state(site: Site, key: str) -> str:
    with site.database.reading() as session:
        try:
            return find(session, key).state
        except NotFound:
            return "none"


def turn(site: Site) -> None:
    """What `serve` does in one turn."""
    tick.assemble_due(site)
    tick.lock_due(site)
    tick.hold_late(site)
    asyncio.run(tick.release_due(site))


def set_clock(site: Site, instant: datetime) -> None:
    clock = site.clock
    assert isinstance(clock, FixedClock)
    clock.advance(instant - clock.now())


def fresh_stories(site: Site, day: date) -> None:
    with site.database.writing() as session:
        store(session, *(f"s{day:%m%d}-{n}" for n in range(3)), now=site.clock.now(), published_at=site.clock.now())


def test_an_edition_goes_its_way_by_the_clock(database: Database, tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", database, FixedClock("2026-11-23T02:59:00+00:00"))
    key = "morning/2026-11-23"
    turn(site)
    assert state(site, key) == "none"
    for instant, expected, mails in (
        ("03:00", "ready", 0),
        ("04:44", "ready", 0),
        ("04:45", "locked", 0),
        ("04:59", "locked", 0),
        ("05:00", "sent", 4),
        ("05:05", "sent", 4),
    ):
        set_clock(site, datetime.fromisoformat(f"2026-11-23T{instant}:00+00:00"))
        turn(site)
        assert (state(site, key), len(outbox(site))) == (expected, mails), instant


def test_a_process_that_was_down_sends_within_the_rule(database: Database, tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", database, FixedClock("2026-11-23T06:59:00+00:00"))
    turn(site)
    assert state(site, "morning/2026-11-23") == "sent"
    assert len(outbox(site)) == 4


@pytest.mark.parametrize("reached", ["nothing", "assembled", "locked"])
def test_a_send_that_is_too_late_is_held_with_the_reason(database: Database, tmp_path: Path, reached: str) -> None:
    site = make_site(tmp_path / "site", database, FixedClock("2026-11-23T04:50:00+00:00"))
    press.assemble(site, "morning", date(2026, 11, 22))  # the briefing has been running
    if reached != "nothing":
        tick.assemble_due(site)
    if reached == "locked":
        tick.lock_due(site)
    set_clock(site, datetime.fromisoformat("2026-11-23T07:00:01+00:00"))
    turn(site)
    assert outbox(site) == []
    with site.database.reading() as session:
        edition = find(session, "morning/2026-11-23")
        assert edition.state == "held"
        assert "could not begin by 2026-11-23 07:00 UTC" in edition.reason
    if reached == "locked":
        press.release(site, "morning/2026-11-23", "Omar")
        turn(site)
        assert state(site, "morning/2026-11-23") == "sent"
        assert len(outbox(site)) == 4


def test_an_edition_made_by_hand_after_its_time_is_left_to_that_hand(database: Database, tmp_path: Path) -> None:
    """The clock neither holds nor sends it; `send` does."""
    site = make_site(tmp_path / "site", database, FixedClock("2026-11-23T14:00:00+00:00"))
    press.assemble(site, "morning")
    turn(site)
    assert state(site, "morning/2026-11-23") == "ready"
    asyncio.run(press.send(site, "morning/2026-11-23"))
    assert len(outbox(site)) == 4


def test_what_nobody_approved_is_held(database: Database, tmp_path: Path) -> None:
    config = CONFIG.replace("    min_stories", "    approval: required\n    min_stories")
    site = make_site(tmp_path / "site", database, FixedClock("2026-11-23T04:50:00+00:00"), config=config)
    turn(site)
    assert state(site, "morning/2026-11-23") == "ready"
    set_clock(site, datetime.fromisoformat("2026-11-23T07:00:01+00:00"))
    turn(site)
    with site.database.reading() as session:
        assert find(session, "morning/2026-11-23").reason == "nobody approved it in time"
    assert outbox(site) == []


def test_other_days_have_no_edition(database: Database, tmp_path: Path) -> None:
    config = CONFIG.replace('{time: "06:00", send_within: 2h}', '{time: "06:00", days: [tue]}')
    site = make_site(tmp_path / "site", database, FixedClock("2026-11-23T05:00:00+00:00"), config=config)
    turn(site)
    assert state(site, "morning/2026-11-23") == "none"


def test_a_segment_in_a_zone_of_its_own_gets_its_wave_later(database: Database, tmp_path: Path) -> None:
    config = CONFIG.replace("send_within: 2h}", "send_within: 2h, timezones: {world: America/New_York}}")
    site = make_site(tmp_path / "site", database, FixedClock("2026-11-23T05:00:00+00:00"), config=config)
    turn(site)
    assert len(outbox(site)) == 2
    assert state(site, "morning/2026-11-23") == "sending"
    set_clock(site, datetime.fromisoformat("2026-11-23T11:00:00+00:00"))
    turn(site)
    assert len(outbox(site)) == 4
    assert state(site, "morning/2026-11-23") == "sent"


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("Europe/Berlin", "02:30", date(2026, 3, 29)),
        ("Europe/Berlin", "02:30", date(2026, 10, 25)),
        ("America/New_York", "01:30", date(2026, 11, 1)),
        ("Africa/Cairo", "00:00", date(2026, 4, 24)),
    ],
)
def test_a_day_on_which_the_clocks_change_has_one_edition(tmp_path: Path, zone: str, at: str, day: date) -> None:
    """In a gap and in an overlap each date is sent once, at the instant of RFC 5545."""
    config = CONFIG.replace('{time: "06:00", send_within: 2h}', f'{{time: "{at}", timezone: {zone}}}')
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(database)
    hour, minute = (int(part) for part in at.split(":"))
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1, hours=12)
    site = make_site(tmp_path / "site", database, FixedClock(start), config=config)
    sent: dict[str, datetime] = {}
    for _ in range(3 * 48):
        set_clock(site, site.clock.now() + timedelta(minutes=30))
        fresh_stories(site, site.clock.now().date())
        turn(site)
        for number in range(-1, 2):
            key = f"morning/{day + timedelta(days=number)}"
            if state(site, key) == "sent":
                sent.setdefault(key, site.clock.now())
    assert sent[f"morning/{day}"] - local_instant(day, time(hour, minute), zone) < timedelta(minutes=30)
    assert len(outbox(site)) == 4 * len(sent)


@settings(max_examples=8)
@given(gaps=st.lists(st.integers(10, 60 * 20), min_size=6, max_size=14))
def test_whatever_the_outages_no_date_is_sent_twice(gaps: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Gaps between turns are in minutes. Every edition that there is ends sent, held or skipped, none is mailed twice."""
    folder = tmp_path_factory.mktemp("outages")
    database = Database(f"sqlite:///{folder / 'x.db'}")
    upgrade(database)
    site = make_site(folder / "site", database, FixedClock("2026-11-20T00:00:00+00:00"))
    for gap in gaps:
        set_clock(site, site.clock.now() + timedelta(minutes=gap))
        fresh_stories(site, site.clock.now().date())
        turn(site)
    days = {site.clock.now().date() - timedelta(days=number) for number in range(30)}
    states = {day: state(site, f"morning/{day}") for day in days}
    for day, seen in states.items():
        if local_instant(day, time(6), "Europe/Berlin") + timedelta(hours=2) < site.clock.now():
            assert seen in ("sent", "held", "skipped", "none"), (day, seen)
    assert len(outbox(site)) == 4 * sum(seen == "sent" for seen in states.values())
    database.close()


def test_two_clocks_on_one_database_send_once(database: Database, tmp_path: Path) -> None:
    clock = FixedClock("2026-11-23T05:00:00+00:00")
    site = make_site(tmp_path / "site", database, clock)
    other = Site(site.settings, Database(database.url), clock)
    errors: list[BaseException] = []

    def run(one: Site) -> None:
        try:
            for _ in range(3):
                turn(one)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in (site, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.close()
    assert errors == []
    assert state(site, "morning/2026-11-23") == "sent"
    assert len(outbox(site)) == 4


def test_serve_does_the_morning_and_stops_when_asked(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(database)
    site = make_site(tmp_path / "site", database, FixedClock("2026-11-23T05:00:00+00:00"))

    async def morning() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(serve(site, stop))
        for _ in range(300):
            await asyncio.sleep(0.1)
            if await asyncio.to_thread(state, site, "morning/2026-11-23") == "sent":
                break
        stop.set()
        await asyncio.wait_for(task, 60)

    asyncio.run(morning())
    assert state(site, "morning/2026-11-23") == "sent"
    assert len(outbox(site)) == 4
    with database.reading() as session:
        assert usable_versions(session, site.clock.now())
    database.close()


class Stuck(Backend):
    """Puts one message on the wire, and never hears an answer."""

    live = False

    def __init__(self, on_the_wire: asyncio.Event) -> None:
        super().__init__("stuck", {})
        self.on_the_wire = on_the_wire

    async def deliver(self, counter: Counter) -> None:
        message = await counter.take(0)
        assert message is not None
        await counter.intend(0, message)
        self.on_the_wire.set()
        await asyncio.Event().wait()


def test_a_server_that_never_answers_does_not_keep_serve_from_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was on the wire is in doubt, by name; the others are still to go, and the next send goes on with them."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(database)
    site = make_site(tmp_path / "site", database, FixedClock("2026-11-23T05:00:00+00:00"))
    key = "morning/2026-11-23"

    async def morning() -> None:
        stop, on_the_wire = asyncio.Event(), asyncio.Event()
        with monkeypatch.context() as patched:
            patched.setattr(Site, "backend", lambda self, name: Stuck(on_the_wire))
            task = asyncio.create_task(serve(site, stop, drain_seconds=0.05))
            await asyncio.wait_for(on_the_wire.wait(), 60)
            stop.set()
            await asyncio.wait_for(task, 60)

    asyncio.run(morning())
    report = press.report(site, key)
    assert (report.counts.in_doubt, report.counts.to_go, report.adds_up) == (1, 3, True)
    assert len(list(press.deliveries(site, key, Status.IN_DOUBT))) == 1
    report = asyncio.run(press.send(site, key))
    assert (report.counts.in_doubt, report.counts.accepted) == (1, 3)
    database.close()
