"""Readers who leave by mail: what their programs make of the mailto of List-Unsubscribe, and what else comes in."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from newsletter import press
from newsletter.audience.models import Suppression
from newsletter.database import Database
from newsletter.press import Site
from newsletter.press.inbound import Heard, hear
from newsletter.testing import FixedClock
from tests.acceptance.commands import run
from tests.sites import make_site

Inbound = Callable[..., dict[str, int]]


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    made = make_site(tmp_path, on_sqlite, FixedClock())
    press.assemble(made, "morning")
    for folder in ("new", "cur", "tmp"):
        (tmp_path / "mail" / folder).mkdir(parents=True)
    return made


@pytest.fixture
def inbound(site: Site, capsys: pytest.CaptureFixture[str]) -> Inbound:
    """Runs the command, and returns what it counted."""

    def call(*arguments: str) -> dict[str, int]:
        assert run("--config", str(site.root / "config.yaml"), "inbound", *arguments, "--json") == 0
        counted: dict[str, int] = json.loads(capsys.readouterr().out)
        return counted

    return call


def asking(site: Site) -> bytes:
    """The mail that a program makes of nothing but the header of a mail to Rita."""
    mail = message_from_bytes(
        press.message_for(site, "morning/2026-11-23", "europe", "rita@example.org"), policy=policy.default
    )
    [(to, subject)] = re.findall(r"<mailto:([^?>]+)\?subject=([^>]+)>", str(mail["List-Unsubscribe"]))
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "somebody@example.org", to, unquote(subject)
    made.set_content("This mail was made by a program.")
    return made.as_bytes()


def left(site: Site) -> list[str | None]:
    with site.database.reading() as session:
        return list(session.scalars(select(Suppression.email_norm)))


def test_a_mail_that_a_program_makes_of_the_mailto_leaves_once(site: Site, inbound: Inbound) -> None:
    """It is put away as done, so that it counts for nothing when its reader has come back."""
    box = site.root / "mail"
    (box / "new" / "1763956800.a.host").write_bytes(asking(site))
    assert inbound("--maildir", str(box)) == {"left": 1, "unknown": 0, "other": 0}
    assert left(site) == ["rita@example.org"]
    assert [path.name for path in box.rglob("*") if path.is_file()] == ["1763956800.a.host:2,ST"]
    with site.database.writing() as session:
        session.execute(delete(Suppression))
    assert inbound("--maildir", str(box)) == {"left": 0, "unknown": 0, "other": 0}
    assert left(site) == []


def test_mails_for_people_stay_where_they_are(site: Site, inbound: Inbound, tmp_path: Path) -> None:
    box = site.root / "mail"
    mails = {
        "new/1": b"Subject: Good briefing\r\n\r\nunsubscribe", "cur/2:2,S": b"Subject: unsubscribe\r\n\r\n",
        "new/3": b"Subject: unsubscribe " + b"x" * 60 + b"\n\n", "new/4": b"", "new/.5": asking(site), "cur/6:2,T": asking(site),
    }  # fmt: skip
    for name, mail in mails.items():
        (box / name).write_bytes(mail)
    (tmp_path / "secret").write_bytes(asking(site))
    (box / "new" / "7").symlink_to(tmp_path / "secret")
    assert inbound("--maildir", str(box)) == {"left": 0, "unknown": 2, "other": 2}
    assert {name: (box / name).read_bytes() for name in mails} == mails
    assert left(site) == []


def test_a_mail_in_a_folder_that_a_program_has_looked_at_is_heard(site: Site, inbound: Inbound) -> None:
    (site.root / "mail" / "cur" / "8:2,RS").write_bytes(asking(site))
    assert inbound("--maildir", str(site.root / "mail"))["left"] == 1
    assert (site.root / "mail" / "cur" / "8:2,RST").exists()


def test_a_mail_comes_through_a_pipe(site: Site, inbound: Inbound, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(asking(site) + b"x" * 1_000_000)))
        assert inbound("--stdin")["left"] == 1
    assert left(site) == ["rita@example.org"]


@pytest.mark.parametrize("arguments", [[], ["--stdin", "--maildir", "mail"]])
def test_it_wants_one_place_to_read_from(arguments: list[str], site: Site) -> None:
    assert run("--config", str(site.root / "config.yaml"), "inbound", *arguments) == 2


def test_a_folder_that_is_no_maildir_is_named(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--config", str(site.root / "config.yaml"), "inbound", "--maildir", str(site.root)) == 1
    assert "is no Maildir that can be read" in capsys.readouterr().err


@given(
    st.binary(max_size=300)
    | st.from_regex(rb"Subject: (=\?[a-z0-9-]{1,8}\?[bq]\?[^\n]{0,40}\?=|\xff[^\n]*)\r?\n", fullmatch=True)
)
def test_no_mail_can_break_it(site: Site, mail: bytes) -> None:
    assert hear(site, mail) is not Heard.LEFT


@pytest.mark.parametrize("spelled", ["UNSUBSCRIBE {}", "  unsubscribe\r\n  {} ", "=?utf-8?q?unsubscribe_{}?="])
def test_a_subject_may_be_folded_or_encoded(spelled: str, site: Site) -> None:
    token = site.tokens.sign("unsubscribe", 1, 1, "morning")
    if "?q?" in spelled:
        token = token.replace("_", "=5F")  # a bare one is a space there (RFC 2047 section 4.2)
    assert hear(site, f"Subject: {spelled.format(token)}\r\n\r\n".encode()) is Heard.LEFT
