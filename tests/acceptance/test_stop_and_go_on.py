"""A send that is paused from another process, and goes on; counted at the server."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.sending import newsroom, slow_server, until

READERS, CONNECTIONS = 120, 3


def test_a_pause_stops_a_send_of_another_process_and_a_resume_finishes_it(tmp_path: Path) -> None:
    """After the answer to the pause only what was on the wire arrives; in the end everybody has it once."""
    with slow_server() as server, newsroom(tmp_path / "site", server.port, readers=READERS) as there:
        server.delay = 0.08
        sender = there.start("send", there.key)
        until(lambda: len(server.mails) > 10, sender)
        paused = there.run("edition", "pause", there.key, "--by", "Omar", "--reason", "a wrong name")
        at_the_answer = len(server.mails)
        assert paused.returncode == 0, paused.stderr
        assert "is paused" in paused.stdout
        _, said = sender.communicate(timeout=60)
        assert (sender.returncode, len(said.splitlines())) == (1, 1), said
        assert "is paused: a wrong name" in said
        assert len(server.mails) <= at_the_answer + CONNECTIONS
        assert len(server.mails) < READERS

        again = there.run("send", there.key)
        assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)
        assert "newsletter edition resume" in again.stderr
        assert there.run("edition", "pause", there.key, "--by", "Omar").returncode == 1

        server.delay = 0.0
        assert there.run("edition", "resume", there.key, "--by", "Omar").returncode == 0
        finished = there.run("send", there.key)
        assert finished.returncode == 0, finished.stderr
        copies = server.copies()
        assert (len(copies), max(copies.values())) == (READERS, 1)
