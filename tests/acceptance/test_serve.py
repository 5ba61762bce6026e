"""`newsletter serve` as an operator runs it: processes of their own, stopped by a signal."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.acceptance.commands import ROOT, laid_out, newsletter, run


def _due_now(config: Path) -> None:
    """Every segment's wave was due a minute ago, whatever the time is."""
    text = config.read_text(encoding="utf-8")
    at = datetime.now(UTC) - timedelta(minutes=1)
    text = text.replace('time: "06:00"', f'time: "{at:%H:%M}"').replace("Europe/Berlin", "UTC")
    text = re.sub(r"\n +timezones:\n +#.*\n +americas: .*", "", text)
    assert "America/" not in text
    config.write_text(text, encoding="utf-8")


def _rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_two_clocks_on_one_database_send_an_edition_once(tmp_path: Path) -> None:
    """Two processes that run from before the edition exists until every reader has it, and end when they are told to.

    The edition was locked once and sent once, every reader was tried once, and what each process did stands in its log.
    """
    folder = laid_out(tmp_path / "site")
    _due_now(folder / "config.yaml")
    command = [sys.executable, "-m", "newsletter", "serve", "--no-web"]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    clocks = [
        subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for _ in range(600):
            if _rows(folder / "newsletter.db", "SELECT state FROM edition") == [("sent",)]:
                break
            time.sleep(0.1)
    finally:
        for clock in clocks:
            clock.send_signal(signal.SIGTERM)
        said = [clock.communicate(timeout=60)[1] for clock in clocks]
    assert [clock.returncode for clock in clocks] == [0, 0], said
    assert not any("Traceback" in log for log in said), said
    moves = _rows(folder / "newsletter.db", "SELECT to_state, count(*) FROM edition_event GROUP BY 1 ORDER BY 1")
    assert {("locked", 1), ("sending", 1), ("sent", 1)} <= set(moves), said
    assert _rows(folder / "newsletter.db", "SELECT attempts, status, count(*) FROM delivery GROUP BY 1, 2") == [
        (1, 1, 24)
    ], said
    assert len(list((folder / "outbox" / "new").glob("*.eml"))) == 24
    assert sum(" INFO sending action=send edition=morning/" in log for log in said) == 1


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_fresh_site_prints_its_desk_and_the_link_of_the_first_account_and_stops_with_the_desk_open(
    tmp_path: Path,
) -> None:
    folder, port = laid_out(tmp_path / "site"), _free_port()
    with (folder / "config.yaml").open("a", encoding="utf-8") as config:
        config.write(f"\nweb: {{port: {port}}}\n")
    command = [sys.executable, "-m", "newsletter", "serve"]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    clock = subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert clock.stdout is not None
        said = [clock.stdout.readline() for _ in range(4)]
        assert said[0] == f"the desk is at http://127.0.0.1:{port}\n"
        link = said[2].strip()
        assert link.startswith(f"http://127.0.0.1:{port}/first/")
        with httpx.Client(timeout=30) as browser:
            for _ in range(100):
                with contextlib.suppress(httpx.ConnectError):
                    page = browser.get(link).text
                    break
                time.sleep(0.1)
            token = re.search(r'name="form_token" value="(\w+)"', page)
            assert token
            fields = {
                "form_token": token[1],
                "name": "Omar",
                "password": "a harbour at six",
                "again": "a harbour at six",
            }
            assert browser.post(link, data=fields, follow_redirects=True).status_code == 200
            taken = newsletter(folder, "serve")
            assert (taken.returncode, taken.stdout) == (1, "")
            assert taken.stderr.splitlines() == [
                f"port {port} of 127.0.0.1 is taken: write another under `web` in config.yaml, or serve with --no-web"
            ]
            clock.send_signal(signal.SIGTERM)
            log = clock.communicate(timeout=60)[1]
    finally:
        clock.kill()
    assert clock.returncode == 0, log
    assert "Traceback" not in log
    assert link.rpartition("/")[2] not in log
    listed = newsletter(folder, "users", "list", "--json")
    assert [one["name"] for one in json.loads(listed.stdout)] == ["Omar"]


def test_accounts_are_made_changed_and_ended_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(laid_out(tmp_path / "site") / "config.yaml")]

    def users(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        status = run(*config, "users", *arguments)
        said = capsys.readouterr()
        return status, said.out.strip(), said.err.strip()

    assert users("add", "Omar", "--role", "admin", typed="a harbour at six\n") == (
        0,
        "Omar has an account, as admin",
        "",
    )
    assert users("add", "Edith", "--role", "editor", typed="a harbour at six\n")[0] == 0
    assert users("add", "Rita", "--role", "editor", typed="short\n")[2].startswith("the password has 5 characters")
    assert users("add", "Rita", "--role", "editor")[2].startswith("no password: type it")
    assert users("add", "Rita", "--role", "queen", typed="a harbour at six\n")[0] == 2
    assert users("role", "edith", "operator") == (0, "Edith is operator", "")
    assert users("disable", "Omar")[2].startswith("Omar is the only admin")
    assert users("disable", "Edith") == (0, "Edith cannot sign in any more", "")
    assert users("enable", "Edith") == (0, "Edith can sign in again", "")
    assert users("password", "Nobody", typed="a harbour at six\n")[2].startswith("there is no account 'Nobody'")
    assert users("password", "Edith", typed="a harbour at seven\n")[0] == 0
    assert users("sessions", "Edith", "--end") == (0, "Edith: 0 sessions ended", "")
    status, token, _ = users("token", "nightly", "--role", "editor")
    assert (status, token[:3], len(token) > 40) == (0, "nl_", True)
    assert users("token", "nightly")[0] == 1
    assert users("token", "nightly", "--end") == (0, "the token nightly is ended", "")
    rows = json.loads(users("list", "--json")[1])
    assert [(row["name"], row["kind"], row["role"], row["state"]) for row in rows] == [
        ("Edith", "person", "operator", "in use"), ("Omar", "person", "admin", "in use"), ("nightly", "token", "editor", "ended"),
    ]  # fmt: skip
    assert token not in users("list")[1]


def test_a_desk_without_the_clock_answers_and_does_nothing_of_what_is_due(tmp_path: Path) -> None:
    """A clock looks as soon as it starts. Without either there is nothing to run."""
    folder, port = laid_out(tmp_path / "site"), _free_port()
    _due_now(folder / "config.yaml")
    with (folder / "config.yaml").open("a", encoding="utf-8") as config:
        config.write(f"\nweb: {{port: {port}}}\n")
    neither = newsletter(folder, "serve", "--no-web", "--no-clock")
    assert (neither.returncode, neither.stderr) == (
        1, "there is nothing left to serve: leave out --no-web or --no-clock\n",
    )  # fmt: skip
    command = [sys.executable, "-m", "newsletter", "serve", "--no-clock"]
    desk = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError):
                assert httpx.get(f"http://127.0.0.1:{port}/sign-in").status_code == 200
                break
            time.sleep(0.1)
        else:
            raise AssertionError("the desk does not answer")
        desk.send_signal(signal.SIGTERM)
        assert desk.wait(60) == 0
    finally:
        desk.kill()
    assert _rows(folder / "newsletter.db", "SELECT count(*) FROM edition") == [(0,)]
