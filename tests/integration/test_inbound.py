"""Readers who leave by mail: what their programs make of the mailto of List-Unsubscribe, and what else comes in."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from datetime import timedelta
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
        return {name: number for name, number in counted.items() if number}

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
    assert inbound("--maildir", str(box)) == {"left": 1}
    assert left(site) == ["rita@example.org"]
    assert [path.name for path in box.rglob("*") if path.is_file()] == ["1763956800.a.host:2,ST"]
    with site.database.writing() as session:
        session.execute(delete(Suppression))
    assert inbound("--maildir", str(box)) == {}
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
    assert inbound("--maildir", str(box)) == {"unknown": 2, "other": 2}
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


def returned(site: Site) -> bytes:
    """A mail to Rita, as a server would return it."""
    return press.message_for(site, "morning/2026-11-23", "europe", "rita@example.org")


def report_of(kind: str, fields: str, mail: bytes, *, headers_only: bool = False) -> bytes:
    """A report as RFC 3464 and RFC 5965 show them."""
    if headers_only:
        mail = mail.partition(b"\r\n\r\n")[0] + b"\r\n"
    what = "delivery-status" if kind == "delivery-status" else "feedback-report"
    original = "text/rfc822-headers" if headers_only else "message/rfc822"
    head = (
        "From: mailer-daemon@relay.example\r\nTo: morning@courier.example.org\r\nSubject: Returned to you\r\n"
        f'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={what}; boundary="b=1"\r\n\r\n'
        "--b=1\r\nContent-Type: text/plain\r\n\r\nWhat happened, for people.\r\n"
        f"--b=1\r\nContent-Type: message/{what}\r\n\r\n{fields}\r\n"
        f"--b=1\r\nContent-Type: {original}\r\n\r\n"
    )
    return head.encode() + mail + b"\r\n--b=1--\r\n"


def dsn(status: str, diagnosis: str = "", *, action: str = "failed") -> str:
    said = f"Diagnostic-Code: smtp; {diagnosis}\r\n" if diagnosis else ""
    return (
        "Reporting-MTA: dns; relay.example\r\nArrival-Date: Mon, 23 Nov 2026 05:00:00 +0100\r\n\r\n"
        f"Final-Recipient: rfc822; rita@example.org\r\nAction: {action}\r\nStatus: {status}\r\n{said}"
    )


ARF = "Feedback-Type: abuse\r\nUser-Agent: SomeProvider/1.0\r\nVersion: 1\r\n"


def reasons(site: Site) -> dict[str | None, str]:
    with site.database.reading() as session:
        return {row.email_norm: f"{row.reason} {row.note}" for row in session.scalars(select(Suppression))}


@pytest.mark.parametrize("headers_only", [False, True])
@pytest.mark.parametrize(
    ("status", "diagnosis", "note"),
    [
        ("5.1.1", "550 5.1.1 no such user here", "bounce 550 5.1.1 no such user here"),
        (
            "5.0.0",
            "550-5.2.1 this account is\r\n 550 5.2.1 disabled",
            "bounce 550 5.2.1 this account is 550 5.2.1 disabled",
        ),
        ("5.1.10", "", "bounce 5.1.10"),
    ],
)
def test_a_report_that_nobody_is_there_suppresses_the_reader_whose_mail_it_returns(
    site: Site, inbound: Inbound, status: str, diagnosis: str, note: str, headers_only: bool
) -> None:
    box = site.root / "mail"
    mail = report_of("delivery-status", dsn(status, diagnosis), returned(site), headers_only=headers_only)
    (box / "new" / "9").write_bytes(mail)
    assert inbound("--maildir", str(box)) == {"bounced": 1}
    assert reasons(site) == {"rita@example.org": note}
    assert inbound("--maildir", str(box)) == {}


@pytest.mark.parametrize(
    ("status", "diagnosis", "action"),
    [
        ("5.7.1", "550 5.7.1 blocked by policy", "failed"), ("5.7.26", "", "failed"), ("4.4.7", "", "failed"),
        ("4.2.2", "452 4.2.2 full", "delayed"), ("2.0.0", "", "delivered"), ("5.3.4", "552 5.3.4 too large", "failed"),
    ],
)  # fmt: skip
def test_a_report_that_speaks_of_us_or_of_nothing_final_stays_for_people(
    site: Site, status: str, diagnosis: str, action: str
) -> None:
    mail = report_of("delivery-status", dsn(status, diagnosis, action=action), returned(site))
    assert hear(site, mail) is Heard.OTHER
    assert reasons(site) == {}


def test_reports_of_a_full_mailbox_count_one_a_day(site: Site) -> None:
    mail = report_of("delivery-status", dsn("5.2.2", "552 5.2.2 full"), returned(site))
    for _ in range(6):
        assert reasons(site) == {}
        for _ in range(3):
            assert hear(site, mail) is Heard.BOUNCED
        assert isinstance(site.clock, FixedClock)
        site.clock.advance(timedelta(days=1))
    assert reasons(site) == {"rita@example.org": "bounce 552 5.2.2 full"}


def test_a_complaint_is_heard(site: Site, inbound: Inbound) -> None:
    (site.root / "mail" / "new" / "10").write_bytes(report_of("feedback-report", ARF, returned(site)))
    assert inbound("--maildir", str(site.root / "mail")) == {"complained": 1}
    assert reasons(site) == {"rita@example.org": "complaint a provider's report"}
    assert hear(site, report_of("feedback-report", ARF.replace("abuse", "not-spam"), returned(site))) is Heard.OTHER


@pytest.mark.parametrize(
    "forged", [b"", b"List-Unsubscribe: <https://courier.example.org/u/abcd.morning.AAAAAAAAAAAAAAAAAAAAAA.1.1>\r\n"]
)
@pytest.mark.parametrize(("kind", "fields"), [("delivery-status", dsn("5.1.1")), ("feedback-report", ARF)])
def test_a_report_without_a_mail_of_ours_in_it_proves_nothing(
    site: Site, kind: str, fields: str, forged: bytes
) -> None:
    mail = b"From: morning@courier.example.org\r\nTo: rita@example.org\r\n" + forged + b"\r\nHello"
    assert hear(site, report_of(kind, fields, mail)) is Heard.UNKNOWN
    assert reasons(site) == {}


@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from(["delivery-status", "feedback-report"]))
def test_no_report_can_break_it(site: Site, noise: bytes, at: int, kind: str) -> None:
    whole = report_of(kind, dsn("5.1.1", "550 5.1.1 no"), b"Subject: x\r\n\r\n")
    hear(site, whole[:at] + noise + whole[at:])
    hear(site, whole[:at])


def test_a_report_that_is_nested_without_end_is_nothing(site: Site) -> None:
    mail = b"".join(b'Content-Type: multipart/report; boundary="%d"\n\n--%d\n' % (n, n) for n in range(1_200))
    assert hear(site, mail) in (Heard.OTHER, Heard.UNKNOWN)
