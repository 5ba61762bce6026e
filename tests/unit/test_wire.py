"""The linter over bytes: a good message has no fault, and each kind of damage is found."""

import pytest

from newsletter.rendering.wire import lint

GOOD = b"""\
From: The Example Morning <morning@news.example.org>\r
To: rita@example.org\r
Subject: =?utf-8?q?Caf=C3=A9?=\r
 =?utf-8?b?w6k=?=\r
Date: Mon, 23 Nov 2026 05:30:00 +0000\r
Message-ID: <1.7@news.example.org>\r
List-Id: The morning briefing <morning.news.example.org>\r
List-Unsubscribe: <https://news.example.org/u/7>,\r
 <mailto:leave+7@news.example.org>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="=_b"\r
\r
--=_b\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
Good morning,=\r
 Rita=C3=A9\r
--=_b\r
Content-Type: text/html; charset=utf-8\r
Content-Transfer-Encoding: base64\r
\r
PHA+UmF0YTwvcD4=\r
--=_b--\r
"""


def test_a_good_message_has_no_fault() -> None:
    assert lint(GOOD) == []


def test_what_servers_add_on_the_way_is_no_fault() -> None:
    assert lint(b"Return-Path: <b@example.org>\r\nReceived: from a\r\n\tby b; x\r\nReceived: from c\r\n" + GOOD) == []


def test_with_smtputf8_the_to_alone_may_and_must_have_other_letters() -> None:
    international = GOOD.replace(b"rita@", "rité@".encode())
    assert lint(international, smtputf8=True) == []
    assert "the 8-bit character 0xc3 at byte 61" in lint(international)
    for data in (GOOD, GOOD.replace(b"rita@", b"rit\xe9@"), GOOD.replace(b"The Example", "Thé Example".encode())):
        assert lint(data, smtputf8=True) == ["To is not UTF-8 beyond ASCII"]
    assert lint(international.replace(b"The Example", "Thé Example".encode()), smtputf8=True) != []
    assert lint(international.replace("é".encode(), "\u202e".encode()), smtputf8=True) != []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"PHA+Um", b"PHA+U", "is no base64 that stands by itself"),
        (b"PHA+Um", b"PHA=\r\nUm", "is no base64 that stands by itself"),
        (b"PHA+Um", b"PHA+-m", "is no base64 that stands by itself"),
        (b"Rita=C3", b"Ri\rta=C3", "a CR without its LF"),
        (b"Rita=C3", b"Ri\nta=C3", "an LF without its CR"),
        (b"Rita=C3", b"Ri\0ta=C3", "the control character 0x00"),
        (b"Rita=C3", b"Ri\x1bta=C3", "the control character 0x1b"),
        (b"Rita=C3", b"Ri\xc3\xa9=C3", "the 8-bit character 0xc3"),
        (b"--=_b--\r\n", b"--=_b--", "the last line has no CRLF"),
        (b"/u/7", b"/u/" + b"7" * 999, "bytes, more than 998"),
        (b" Rita=C3", b".Rita=C3", "begins with a dot"),
        (b" Rita=C3", b"From Rita=C3", "begins with 'From '"),
        (GOOD[GOOD.index(b"\r\n\r\n") :], b"\r\n", "no blank line ends the headers"),
        (b"To: rita", b"To rita", "no header field"),
        (b"Caf=C3=A9?=\r\n", b"Caf=C3=A9?=\r\n \r\n", "folded line of blanks alone"),
        (b"To: rita@example.org\r\n", b"", "to is missing"),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b"", "list-unsubscribe-post is missing"),
        (b"To: ", b"Subject: again\r\nTo: ", "subject stands 2 times"),
        (b"To: ", b"tO: omar@example.org\r\nTo: ", "to stands 2 times"),
        (b"To: ", b"Feedback-ID: a\r\nFeedback-ID: b\r\nTo: ", "feedback-id stands 2 times"),
        (b"To: ", b"Bcc: omar@example.org\r\nTo: ", "bcc has no place in it"),
        (b"To: rita@example.org", b"To: rita@example.org, omar@example.org", "to holds not exactly one address"),
        (b"To: rita@example.org", b"To: rita", "to holds not exactly one address"),
        (b"<morning@news.example.org>", b"<morning@news.example.org>, <a@b.c>", "from holds not exactly one address"),
        (b"Caf=C3=A9", b"Caf" + b"x" * 70 + b"=C3=A9", "more than 75"),
        (b"Caf=C3=A9?=\r\n ", b"Caf=C3=A9?= " + b"x" * 30 + b" ", "more than 76"),
        (b"Caf=C3=A9?=", b"Caf=C3?=", "does not decode by itself"),
        (b"?b?w6k=?=", b"?b?w6?=", "does not decode by itself"),
        (b"utf-8?q?Caf", b"utf-9?q?Caf", "does not decode by itself"),
        (b"Caf=C3=A9?=", b"Caf=C3=A9?=!", "touches its neighbour"),
        (b"Caf=C3=A9?=", b"Caf =C3=A9?=", "broken encoded-word"),
        (b"+0000", b"GMT", "date has no numeric zone"),
        (b"23 Nov", b"31 Nov", "date is none"),
        (b"<1.7@news.example.org>", b"1.7@news.example.org", "message-id is none"),
        (b"List-Unsubscribe: <https", b"List-Unsubscribe: =?utf-8?q?a?= <https", "list-unsubscribe is not raw"),
        (b"/u/7>,\r\n ", b"/u/7>,", "folded only behind a comma"),
        (b"/u/7>,", b"/u/\r\n 7>,", "folded only behind a comma"),
        (b"<https:", b"<http:", "not exactly one https URL"),
        (b"<mailto:leave+7@news.example.org>", b"<https://news.example.org/x>", "not exactly one https URL"),
        (b"One-Click", b"one-click", "is not List-Unsubscribe=One-Click"),
        (b"<morning.news.example.org>", b"morning.news.example.org", "list-id is none"),
        (b"text/plain", b"text/html", "not multipart/alternative with text first"),
        (b"multipart/alternative", b"multipart/mixed", "not multipart/alternative with text first"),
        (b"--=_b--\r\n", b"--=_b--\r\n--=_b\r\n", "the boundary does not stand exactly"),
        (b"--=_b--\r\n", b"\r\n", "CloseBoundaryNotFoundDefect"),
        (b"Good", b"G" * 70, "columns, more than 76"),
        (b"charset=utf-8", b"charset=latin-1", "not UTF-8 in quoted-printable or base64"),
        (b": base64", b": 8bit", "not UTF-8 in quoted-printable or base64"),
        (b"=C3=A9\r\n--", b"=C3\r\n--", "the text part does not decode as UTF-8"),
        (b"PHA+", b"gHA+", "the html part does not decode as UTF-8"),
        (b"=C3=A9\r\n--", b"=c3=a9\r\n--", "is no quoted-printable"),
        (b"=C3=A9\r\n--", b"=C3=A9 \r\n--", "ends with a blank"),
    ],
)
def test_damage_is_found(old: bytes, new: bytes, fault: str) -> None:
    assert old in GOOD
    damaged = GOOD.replace(old, new, 1)
    assert any(fault in line for line in lint(damaged)), lint(damaged)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b"\0" * 100,
        b"\xff\xfe",
        b"a: b\r\n\r\n",
        b'Content-Type: multipart/x; boundary="\xe9"\r\n\r\n',
    ],
)
def test_what_is_no_message_at_all_has_faults(data: bytes) -> None:
    assert lint(data)


def test_a_message_cut_anywhere_has_faults() -> None:
    for length in range(len(GOOD)):
        assert lint(GOOD[:length])
