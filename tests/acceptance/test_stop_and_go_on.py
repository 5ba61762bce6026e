"""A send in a process of its own that is stopped in every way there is, and goes on; counted at the server."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from newsletter import press
from tests.acceptance.sending import line_of, newsroom, slow_server, until

READERS, CONNECTIONS = 30, 3


def test_a_pause_stops_a_send_of_another_process_and_a_resume_finishes_it(tmp_path: Path) -> None:
    """After the answer to the pause only what was on the wire arrives; in the end everybody has it once."""
    with slow_server() as server, newsroom(tmp_path / "site", server.port, readers=READERS) as there:
        server.delay = 0.01
        sender = there.start("send", there.key)
        until(lambda: len(server.mails) > 10, sender)
        server.gate.clear()
        paused = there.run("edition", "pause", there.key, "--by", "Omar", "--reason", "a wrong name")
        at_the_answer = len(server.mails)
        assert paused.returncode == 0, paused.stderr
        assert f"is paused; {CONNECTIONS} messages on the wire" in paused.stdout
        server.gate.set()
        _, said = sender.communicate(timeout=60)
        assert (sender.returncode, len(said.splitlines())) == (1, 1), said
        assert "is paused: a wrong name" in said
        assert at_the_answer <= len(server.mails) <= at_the_answer + CONNECTIONS < READERS
        with there.site() as site:
            press.resume(site, there.key, "Omar")
            assert asyncio.run(press.send(site, there.key)).state == "sent"
        copies = server.copies()
        assert (len(copies), max(copies.values())) == (READERS, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_the_first_signal_drains_and_says_so(tmp_path: Path, number: signal.Signals) -> None:
    """What is on the wire is settled, nothing else begins, nobody is in doubt; run again, it goes on."""
    with slow_server() as server, newsroom(tmp_path / "site", server.port, readers=READERS) as there:
        server.gate.clear()
        sender = there.start("send", there.key)
        until(lambda: len(server.mails) == CONNECTIONS, sender)
        sender.send_signal(number)
        assert line_of(sender).startswith(f"draining: {CONNECTIONS} messages on the wire; again")
        server.gate.set()
        told, said = sender.communicate(timeout=60)
        assert sender.returncode == 1
        assert "still to go" in said
        assert f" {CONNECTIONS} accepted + 0 rejected + 0 suppressed + 0 expired + 0 withdrawn + 0 in doubt" in told
        assert len(server.mails) == CONNECTIONS
        with there.site() as site:
            assert asyncio.run(press.send(site, there.key)).state == "sent"
        copies = server.copies()
        assert (len(copies), max(copies.values())) == (READERS, 1)


def test_a_second_signal_ends_a_send_and_names_who_is_in_doubt(tmp_path: Path) -> None:
    """They are sent to again when a person has decided so, the very same bytes."""
    with slow_server() as server, newsroom(tmp_path / "site", server.port, readers=READERS) as there:
        server.gate.clear()
        sender = there.start("send", there.key)
        until(lambda: len(server.mails) == CONNECTIONS, sender)
        sender.send_signal(signal.SIGINT)
        assert line_of(sender).startswith("draining")
        sender.send_signal(signal.SIGINT)
        _, said = sender.communicate(timeout=60)
        assert sender.returncode == 1
        doubtful = {mail.recipients[0] for mail in server.mails}
        assert len(doubtful) == CONNECTIONS
        assert f"was ended: {CONNECTIONS} readers in doubt" in said
        assert all(address in said for address in doubtful)
        server.gate.set()
        with there.site() as site:
            assert {one.email for one in press.doubts(site, there.key)} == doubtful
            assert asyncio.run(press.send(site, there.key)).state == "sent"
            assert max(server.copies().values()) == 1
            press.resend(site, there.key, "Omar")
            assert asyncio.run(press.send(site, there.key)).state == "sent"
        copies = server.copies()
        assert {address for address, count in copies.items() if count == 2} == doubtful
        assert (len(copies), max(copies.values())) == (READERS, 2)
        assert len({(mail.recipients[0], mail.data) for mail in server.mails}) == READERS
