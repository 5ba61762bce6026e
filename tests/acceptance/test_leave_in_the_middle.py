"""Somebody leaves while fifty thousand mails go out as fast as they can, from a process of its own."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from benchmarks.edition import KEY, add_readers, lock_edition, make_site
from benchmarks.mail import rendered
from benchmarks.oneclick import click, program, until
from benchmarks.sink import Sink
from newsletter import press
from newsletter.delivery.report import report
from newsletter.editions.store import find

READERS, BATCH = 50_000, 1_000
_SITE = "https://courier.example.org"


@pytest.mark.needs("cc")
def test_no_message_goes_to_who_leaves_after_the_next_batch(tmp_path: Path) -> None:
    """Through the one-click link, on `serve`, while `send` is at full speed. Whose batch is the one after the next, or
    a later one, gets nothing; the report adds up, and says why."""
    record = tmp_path / "record"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Sink(record=record) as sink:
        relay = f"type: smtp, host: 127.0.0.1, port: {sink.port}, tls: none, connections: 50"
        site = make_site(tmp_path, "sqlite:///newsletter.db", relay, settings=f"web: {{port: {port}}}")
        frozen = add_readers(site, READERS)
        lock_edition(site, rendered(60_000))
        with program(tmp_path, "serve", "--no-clock"):
            until(port)
            with program(tmp_path, "send", KEY) as sending:
                _when(lambda: _lines(record) > 5_000)
                of = site.links.of(1, "morning")
                left: dict[int, int] = {}
                for number in range(_last(record) + 3 * BATCH, READERS, 997):
                    if number % 1_000 != 999:  # those are suppressed already
                        asyncio.run(click(port, of(number).unsubscribe.removeprefix(_SITE)))
                        left[number] = _last(record)
                over = _lines(record)
                assert sending.wait(120) == 0
        told = report(site.database, _edition(site))
        site.database.close()
    got = [*map(_number, record.read_text("ascii").split())]
    assert over < len(got), "the send was over too early"
    assert len(got) == len({*got}) == told.counts.accepted
    # Of whoever left before the batch before theirs had begun.
    in_time = {number for number, begun in left.items() if number >= begun + 2 * BATCH}
    assert len(in_time) > 5
    assert not in_time & {*got}
    assert (told.adds_up, told.frozen) == (True, frozen)
    assert told.counts.suppressed == len({*left} - {*got}) >= len(in_time)


def _edition(site: press.Site) -> int:
    with site.database.reading() as session:
        return find(session, KEY).id


def _when(condition: object) -> None:
    end = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing is sent"
        time.sleep(0.005)


def _lines(record: Path) -> int:
    return record.read_bytes().count(b"\n") if record.exists() else 0


def _last(record: Path) -> int:
    """The highest number that has got a mail lately."""
    with record.open("rb") as lines:
        lines.seek(max(0, record.stat().st_size - 4_000))
        return max(map(_number, lines.read().decode("ascii").split()[1:]))


def _number(address: str) -> int:
    return int(address.removeprefix("reader").partition("@")[0])
