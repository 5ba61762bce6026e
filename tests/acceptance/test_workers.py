"""Deliveries by processes of their own: beside each other, under a parent, and after its end."""

from __future__ import annotations

import signal
from pathlib import Path

from newsletter import press
from newsletter.press import Site, tick
from tests.acceptance.sending import newsroom, slow_server, until

READERS, CONNECTIONS = 24, 2


def begun(site: Site, key: str) -> None:
    """The edition is sending, its waves are due, and nobody delivers it."""
    press.lock(site, key, now=True)
    assert tick.begin_due(site) == [key]


def test_workers_deliver_beside_each_other_what_the_clock_has_begun(tmp_path: Path) -> None:
    """Two of them, a batch each; each reader once; the edition comes to its end, and SIGTERM ends them well."""
    with slow_server() as server, newsroom(tmp_path / "site", server.port, readers=READERS, connections=2) as there:
        with there.site() as site:
            begun(site, there.key)
        server.gate.clear()
        workers = [there.start("worker") for _ in range(2)]
        until(lambda: len(server.mails) == 2 * CONNECTIONS, workers[0])
        server.gate.set()
        with there.site() as site:
            until(lambda: press.report(site, there.key).state == "sent", workers[0])
        copies = server.copies()
        assert (len(copies), max(copies.values())) == (READERS, 1)
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.communicate(timeout=60)
            assert worker.returncode == 0


def test_a_send_with_workers_sends_once_and_its_report_adds_up(tmp_path: Path) -> None:
    with (
        slow_server() as server,
        newsroom(tmp_path / "site", server.port, readers=READERS, connections=2, more="workers: 2\n") as there,
    ):
        server.gate.clear()
        sender = there.start("send", there.key)
        until(lambda: len(server.mails) == 2 * CONNECTIONS, sender)
        server.gate.set()
        told, said = sender.communicate(timeout=60)
        assert (sender.returncode, said) == (0, "")
        assert f"It adds up: {READERS} frozen = {READERS} accepted" in told
        copies = server.copies()
        assert (len(copies), max(copies.values())) == (READERS, 1)


def test_workers_drain_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    with (
        slow_server() as server,
        newsroom(tmp_path / "site", server.port, readers=READERS, connections=2, more="workers: 2\n") as there,
    ):
        server.gate.clear()
        sender = there.start("send", there.key)
        until(lambda: len(server.mails) == 2 * CONNECTIONS, sender)
        sender.kill()
        sender.wait(60)
        with there.site() as site:
            server.gate.set()
            until(lambda: server.open == press.on_the_wire(site) == 0)
            counts = press.report(site, there.key).counts
            assert counts.in_doubt == 0
            assert counts.accepted == len(server.mails) < READERS


def test_a_second_signal_reaches_the_workers_too(tmp_path: Path) -> None:
    """Both end at once, and those who are in doubt are named."""
    with (
        slow_server() as server,
        newsroom(tmp_path / "site", server.port, readers=READERS, connections=2, more="workers: 2\n") as there,
    ):
        server.gate.clear()
        sender = there.start("send", there.key)
        until(lambda: len(server.mails) == 2 * CONNECTIONS, sender)
        sender.send_signal(signal.SIGINT)
        sender.send_signal(signal.SIGTERM)
        _, said = sender.communicate(timeout=60)
        assert sender.returncode == 1
        assert f"was ended: {2 * CONNECTIONS} readers in doubt" in said
        assert all(mail.recipients[0] in said for mail in server.mails)


def test_a_clock_with_workers_begins_what_is_due_and_they_deliver_it(tmp_path: Path) -> None:
    """A SIGTERM ends all of them well."""
    with (
        slow_server() as server,
        newsroom(tmp_path / "site", server.port, readers=READERS, connections=2, more="workers: 2\n") as there,
    ):
        server.gate.clear()
        with there.site() as site:
            press.lock(site, there.key, now=True)
            clock = there.start("serve", "--no-web")
            until(lambda: len(server.mails) == 2 * CONNECTIONS, clock)
            server.gate.set()
            until(lambda: press.report(site, there.key).state == "sent", clock)
        clock.send_signal(signal.SIGTERM)
        _, said = clock.communicate(timeout=60)
        assert clock.returncode == 0, said
        copies = server.copies()
        assert (len(copies), max(copies.values())) == (READERS, 1)
