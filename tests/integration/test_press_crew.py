"""Worker processes: started again when they fall over, ended with their parent; and one machine a SQLite file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from newsletter import press
from newsletter.database import Database
from newsletter.delivery.models import BatchState, batch
from newsletter.delivery.pump import worker_name
from newsletter.errors import Refused
from newsletter.press import Site, crew
from newsletter.press.work import refuse_elsewhere
from newsletter.testing import FixedClock
from tests.sites import make_site

KEY = "morning/2026-11-23"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_REST", 0.01)


def worker(tmp_path: Path, body: str) -> tuple[list[str], Path]:
    """A command that writes a line into a file when it begins, and then does ``body``; and the file."""
    starts = tmp_path / "starts"
    program = f"import os, signal, sys, time\nwith open({str(starts)!r}, 'a') as file: print('x', file=file)\n{body}"
    return [sys.executable, "-S", "-E", "-c", program], starts


def count(starts: Path) -> int:
    return len(starts.read_text().split()) if starts.exists() else 0


async def begun(starts: Path, number: int) -> None:
    for _ in range(6_000):
        if count(starts) >= number:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("they did not begin within a minute")


def test_one_that_falls_over_is_started_again_and_in_the_end_given_up(tmp_path: Path) -> None:
    command, starts = worker(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert not asyncio.run(crew.work_together(command, 1, asyncio.Event()))
    assert count(starts) == 1 + crew.RESTARTS


def test_one_that_ends_well_is_not_started_again(tmp_path: Path) -> None:
    command, starts = worker(tmp_path, f"sys.exit(len(open({str(tmp_path / 'starts')!r}).read().split()) == 1)")
    assert asyncio.run(crew.work_together(command, 1, asyncio.Event()))
    assert count(starts) == 2


def test_one_whose_usage_is_wrong_is_not_started_again(tmp_path: Path) -> None:
    command, starts = worker(tmp_path, "sys.exit(2)")
    assert not asyncio.run(crew.work_together(command, 1, asyncio.Event()))
    assert count(starts) == 1


def test_a_stop_lets_them_drain(tmp_path: Path) -> None:
    command, starts = worker(tmp_path, "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\nsys.stdin.read()")

    async def run() -> bool:
        stop = asyncio.Event()
        working = asyncio.create_task(crew.work_together(command, 2, stop, lasting=True))
        await begun(starts, 2)
        stop.set()
        return await working

    assert asyncio.run(run())
    assert count(starts) == 2


def test_a_lasting_one_that_is_given_up_ends_the_others(tmp_path: Path) -> None:
    first = f"sys.exit(0) if open({str(tmp_path / 'starts')!r}).read() != 'x\\n' else sys.stdin.read()"
    command, starts = worker(tmp_path, first)

    async def run() -> bool:
        return await crew.work_together(command, 2, asyncio.Event(), lasting=True)

    assert not asyncio.run(asyncio.wait_for(run(), 60))
    assert count(starts) >= 1 + crew.RESTARTS


@pytest.fixture
def site(tmp_path: Path, clock: FixedClock, database: Database) -> Site:
    """A site with one batch that a worker of another machine holds for a minute."""
    site = make_site(tmp_path / "site", database, clock)
    press.assemble(site, "morning")
    press.lock(site, KEY, now=True)
    hold(site, worker_name().replace(worker_name().split(":")[0], "elsewhere"), 60)
    return site


def hold(site: Site, owner: str, seconds: float) -> None:
    until = site.clock.now().timestamp() * 1000 + seconds * 1000
    with site.database.write_connection() as connection:
        connection.exec_driver_sql("UPDATE edition SET state = 'sending'")
        connection.execute(update(batch).values(state=BatchState.LEASED, owner=owner))
        connection.exec_driver_sql(f"UPDATE batch SET lease_until = {int(until)}")


def look(site: Site, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> int:
    """Starts a worker's look at other machines; ``happens`` is called while it waits. Returns how often it waited."""
    waits = 0

    async def rest(_: asyncio.Event) -> None:
        nonlocal waits
        waits += 1
        happens()

    monkeypatch.setattr(sys.modules["newsletter.press.work"], "_rest", rest)
    asyncio.run(refuse_elsewhere(site, asyncio.Event()))
    return waits


def test_a_second_machine_on_one_sqlite_file_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease is renewed while we look, so it lives. On PostgreSQL it is welcome."""
    if site.database.is_sqlite:
        with pytest.raises(Refused, match="elsewhere works on this SQLite file"):
            look(site, monkeypatch, lambda: hold(site, "elsewhere:1:abc", 75))
    else:
        assert look(site, monkeypatch, lambda: None) == 0


def test_the_lease_of_a_machine_that_is_gone_is_waited_for(
    site: Site, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look(site, monkeypatch, lambda: clock.advance(61)) == (1 if site.database.is_sqlite else 0)


def test_another_process_of_this_machine_is_no_reason_to_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(site, worker_name(), 60)
    assert look(site, monkeypatch, lambda: None) == 0
