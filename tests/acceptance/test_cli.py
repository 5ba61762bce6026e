"""The command line as a user meets it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.commands import ROOT, here, laid_out, newsletter, run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    done = newsletter(folder, "demo", "--dir", "demo")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "It adds up: 24 frozen = 24 accepted" in done.stdout
    return folder / "demo"


def told(site: Path, *arguments: str) -> object:
    done = here(site, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_demo_leaves_one_mail_for_each_sample_reader(site: Path) -> None:
    assert len(list((site / "outbox" / "new").glob("*.eml"))) == 24


def test_a_second_send_sends_nothing(site: Path) -> None:
    done = newsletter(site, "send", "morning")
    assert done.returncode == 0, done.stderr
    assert len(list((site / "outbox" / "new").glob("*.eml"))) == 24


@pytest.mark.parametrize(
    "command",
    ["stories list", "subscribers list", "segments list", "edition list", "edition show morning",
     "edition check morning", "edition doubts morning", "status", "status morning", "deliveries rita@example.org", "plan",
     "doctor"],
)  # fmt: skip
def test_a_reading_command_prints_json(site: Path, command: str) -> None:
    assert isinstance(told(site, *command.split()), list | dict)


def test_the_plan_has_seven_days_of_every_scheduled_segment(site: Path) -> None:
    waves = told(site, "plan", "--days", "7")
    assert isinstance(waves, list)
    assert {wave["segment"] for wave in waves} == {"europe", "americas", "world"}


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("edition show evening/2026-11-23", 1),
        ("stories show no-such-story", 1),
        ("subscribers show nobody@example.org", 1),
        ("send evening", 1),
        ("edition abort morning --by Omar", 1),
        ("edition pause morning --by Omar", 1),
        ("edition resume morning --by Omar", 1),
        ("edition resend morning --in-doubt --by Omar", 1),
        ("deliveries nobody@example.org", 1),
    ],
)
def test_what_fails_says_so_in_one_line(site: Path, command: str, status: int) -> None:
    done = here(site, *command.split())
    assert done.returncode == status
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_what_fails_in_a_process_exits_with_its_status_and_one_line(site: Path) -> None:
    for command, status in (("send evening", 1), ("--config nowhere.yaml stories list", 2)):
        done = newsletter(site, *command.split())
        assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert newsletter(site, "send", "morning", "--wait", "soon").returncode == 2


def test_a_bad_story_is_named_and_the_good_one_is_stored(site: Path, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("---\ntitle: A good story\n---\n\nWords.\n")
    (tmp_path / "bad.md").write_text("---\nsection: world\n---\n\nNo title.\n")
    done = here(site, "stories", "import", str(tmp_path))
    assert done.returncode == 1
    assert "bad.md" in done.stderr
    stored = told(site, "stories", "list")
    assert isinstance(stored, list)
    assert "A good story" in {story["headline"] for story in stored}


def test_render_writes_what_a_reader_gets(site: Path, tmp_path: Path) -> None:
    done = here(site, "edition", "render", "morning", "--segment", "europe", "--as", "rita@example.org",
                      "--out", str(tmp_path))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {path.suffix for path in tmp_path.iterdir()} == {".html", ".txt", ".eml"}
    assert "Rita" in next(tmp_path.glob("*.txt")).read_text()


def test_init_lays_out_a_site_and_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    assert newsletter(tmp_path, "init", "mine").returncode == 0
    assert (tmp_path / "mine" / "config.yaml").is_file()
    again = newsletter(tmp_path, "init", "mine")
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)
    behind = newsletter(tmp_path / "mine", "stories", "list")
    assert (behind.returncode, "newsletter db upgrade" in behind.stderr) == (1, True)


def test_two_processes_that_send_at_once_send_once(tmp_path: Path) -> None:
    """Two commands on one database, started together: every reader is tried once, and both reports add up."""
    folder = laid_out(tmp_path / "site")
    assert here(folder, "edition", "assemble", "morning").returncode == 0
    command = [sys.executable, "-m", "newsletter", "send", "morning", "--wait", "1m"]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    senders = [
        subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [sender.communicate(timeout=120)[1] for sender in senders]
    # The slower one may have been told that the other was changing the edition; nothing else may go wrong.
    assert 0 in [sender.returncode for sender in senders], said
    assert all(sender.returncode in (0, 1) for sender in senders), said
    with contextlib.closing(sqlite3.connect(folder / "newsletter.db")) as ledger:
        tries = ledger.execute("SELECT attempts, status, count(*) FROM delivery GROUP BY 1, 2").fetchall()
    assert tries == [(1, 1, 24)], said
    assert len(list((folder / "outbox" / "new").glob("*.eml"))) == 24


def test_a_number_of_the_report_has_names_behind_it(site: Path) -> None:
    names = told(site, "status", "morning", "--names", "accepted")
    assert isinstance(names, list)
    assert len({name["email"] for name in names}) == 24
    assert told(site, "status", "morning", "--names", "in_doubt") == []
    assert here(site, "status", "morning", "--names", "lost").returncode == 2


def test_who_watches_a_send_that_is_over_is_told_so_and_sees_the_report(site: Path) -> None:
    done = here(site, "status", "morning", "--watch")
    first, *rest = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert first.endswith("is sent: 24 of 24, 24 accepted, 0 on the wire, 0/s, nothing left")
    assert "It adds up: 24 frozen = 24 accepted" in rest[-1]
    lines = here(site, "status", "morning", "--watch", "--json").stdout.splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["sent"]


def test_a_reader_s_deliveries_are_told_in_words(site: Path) -> None:
    done = here(site, "deliveries", "rita@example.org")
    assert "1 edition" in done.stdout
    assert "segment europe: accepted by outbox (250)" in done.stdout


def test_what_is_put_back_has_to_be_said(site: Path) -> None:
    assert here(site, "edition", "resend", "morning", "--by", "Omar").returncode == 2
    assert here(site, "status", "morning", "--segment", "europe").returncode == 2
    assert here(site, "status", "--watch").returncode == 2


def test_the_doctor_finds_a_subject_that_cannot_be_filled(tmp_path: Path) -> None:
    assert run("init", str(tmp_path / "site")) == 0
    config = tmp_path / "site" / "config.yaml"
    text = config.read_text(encoding="utf-8")
    assert "lead.short_headline" in text
    config.write_text(text.replace("lead.short_headline", "lead.shorthand"), encoding="utf-8")
    done = here(tmp_path / "site", "doctor")
    assert done.returncode == 1
    assert "shorthand" in done.stderr


def test_a_person_is_told_written_out_and_erased(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a question before the last; the log is there afterwards, the person is not."""
    folder = laid_out(tmp_path / "site")

    def ran(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = run("--config", str(folder / "config.yaml"), "subscribers", *arguments)
        return status, capsys.readouterr().out

    assert json.loads(ran("consent", "rita@example.org", "--json")[1])[0]["decision"] == "consented"
    assert ran("held", "rita@example.org", "--out", str(tmp_path / "rita.json"))[0] == 0
    assert (tmp_path / "rita.json").stat().st_mode & 0o077 == 0
    assert json.loads((tmp_path / "rita.json").read_text())["reader"]["email"] == "rita@example.org"
    assert newsletter(folder, "subscribers", "erase", "rita@example.org").returncode == 1
    assert ran("held", "rita@example.org")[0] == 0
    assert ran("erase", "rita@example.org", "--yes") == (0, "erased, and suppressed for good\n")
    assert "erased" in ran("consent", "rita@example.org")[1]
    assert "rita@" not in ran("consent")[1]
    assert "rita@" not in ran("export")[1]
