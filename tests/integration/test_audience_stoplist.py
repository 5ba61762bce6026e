"""The suppression list in and out, on both engines; and its commands."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.audience.models import Suppression
from newsletter.audience.stoplist import Stopped, export, import_stops
from newsletter.audience.suppression import Reason, suppress
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.errors import ImportRefused
from newsletter.press import Site
from newsletter.testing import FixedClock
from tests.acceptance.commands import run
from tests.sites import make_site


def put(database: Database, clock: FixedClock, tmp_path: Path, content: str) -> Stopped:
    path = tmp_path / "stops.csv"
    path.write_text(content, encoding="utf-8")
    return import_stops(database, path, clock, reason=Reason.MANUAL, briefings={"morning"}, note="stops.csv")


def stored(database: Database) -> list[tuple[str | None, str, str, str]]:
    with database.reading() as session:
        rows = session.scalars(select(Suppression).order_by(Suppression.email_norm, Suppression.briefing))
        return [(row.email_norm, row.briefing, row.reason, row.note) for row in rows]


def test_what_is_exported_comes_back_whole(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    with database.writing() as session:
        suppress(session, "rita@example.org", Reason.BOUNCE, clock, note="=550 5.1.1 no such user")
        suppress(session, "+edith@example.org", Reason.UNSUBSCRIBED, clock, briefing="morning")
        suppress(session, "omar@example.org", Reason.ERASED, clock)
    out = io.StringIO()
    assert export(database, out) == (2, 1)
    assert "'=550" in out.getvalue()
    before = stored(database)
    assert put(database, clock, tmp_path, out.getvalue()) == Stopped(2, 0, 2, 0, ())
    assert stored(database) == before
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    upgrade(other)
    assert put(other, clock, tmp_path, out.getvalue()).added == 2
    assert stored(other) == [one for one in before if one[0]]
    other.close()


def test_a_list_of_another_system_counts_by_its_own_words(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    report = put(
        database, clock, tmp_path,
        "Email Address;Type;Created;Extra\nrita@example.org;HardBounce;2026-01-02T03:04:05Z;x\n"
        "edith@example.org;Spam_Report;;x\nomar@example.org;?;;\nnobody;bounce;;\n"
        "jo@example.org;bounce;yesterday;\n",
    )  # fmt: skip
    assert (report.rows, report.added, report.rejected) == (5, 3, 2)
    assert [line for line, _ in report.rejects] == [5, 6]
    assert stored(database) == [
        ("edith@example.org", "", "complaint", "stops.csv"), ("omar@example.org", "", "manual", "stops.csv"),
        ("rita@example.org", "", "bounce", "stops.csv"),
    ]  # fmt: skip
    with database.reading() as session:
        since = {row.email_norm: row.at for row in session.scalars(select(Suppression))}
    assert since["rita@example.org"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert since["omar@example.org"] == clock.now()


def test_a_stronger_reason_stays(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    with database.writing() as session:
        suppress(session, "rita@example.org", Reason.COMPLAINT, clock)
    assert put(database, clock, tmp_path, "email\nRita@Example.org\n") == Stopped(1, 0, 1, 0, ())
    assert stored(database) == [("rita@example.org", "", "complaint", "")]


def test_a_file_without_an_address_or_with_an_unknown_briefing_says_so(
    on_sqlite: Database, clock: FixedClock, tmp_path: Path
) -> None:
    with pytest.raises(ImportRefused, match="name it email"):
        put(on_sqlite, clock, tmp_path, "who\nrita@example.org\n")
    report = put(on_sqlite, clock, tmp_path, "email,briefing\nrita@example.org,evening\nrita@example.org,morning\n")
    assert report.rejects == ((2, "there is no briefing “evening” in config.yaml"),)


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    return make_site(tmp_path, on_sqlite, FixedClock())


def test_the_commands_add_show_list_and_remove(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    config = ("--config", str(site.root / "config.yaml"))

    def said(*words: str, code: int = 0) -> str:
        assert run(*config, "suppressions", *words) == code
        out, err = capsys.readouterr()
        return out + err

    assert "suppressed for every briefing" in said("add", "rita@example.org", "--note", "wrote a letter")
    assert "nothing changed" in said("add", "Rita@example.org")
    assert "suppressed for morning" in said("add", "omar@example.org", "--briefing", "morning")
    assert "there is no briefing" in said("add", "omar@example.org", "--briefing", "evening", code=1)
    assert "wrote a letter" in said("show", "rita@example.org")
    assert "not suppressed" in said("show", "jo@example.org")
    listed = json.loads(said("list", "--json"))
    assert {(one["email"], one["briefing"], one["reason"]) for one in listed} == {
        ("rita@example.org", "", "manual"), ("omar@example.org", "morning", "manual"),
    }  # fmt: skip
    out = site.root / "stops.csv"
    assert "2 suppressions" in said("export", "--out", str(out))
    assert out.stat().st_mode & 0o777 == 0o600
    assert "gets every briefing again" in said("remove", "rita@example.org")
    assert "2 rows: 1 added, 1 unchanged, 0 rejected" in said("import", str(out))
    assert "nothing changed" in said("remove", "edith@example.org")
    (site.root / "left.csv").write_text("email\nedith@example.org\nnobody\n")
    assert "left.csv:3: no e-mail address" in said(
        "import", str(site.root / "left.csv"), "--reason", "complaint", code=1
    )
    assert "suppressed as complaint" in said("remove", "edith@example.org", code=1)
    said("import", str(out), "--reason", "erased", code=2)
