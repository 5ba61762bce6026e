"""`newsletter serve` as an operator runs it: processes of their own, stopped by a signal."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.acceptance.commands import ROOT, laid_out


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
