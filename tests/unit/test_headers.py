"""Header fields, written byte by byte."""

import email
import email.policy
import email.utils
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings

from newsletter.errors import Refused
from newsletter.rendering import headers
from tests.unit import hostile

CONTROLS = [*map(chr, range(0x20)), "\x7f"]

FIELDS: dict[str, Callable[[str], bytes]] = {
    "Subject": lambda x: headers.unstructured("Subject", f"Briefing{x}"),
    "a field's name": lambda x: headers.unstructured(f"X-Test{x}", "yes"),
    "From, name": lambda x: headers.mailbox("From", f"Edith{x}", "edith@example.org"),
    "From, local part": lambda x: headers.mailbox("From", "Edith", f"edith{x}@example.org"),
    "From, domain": lambda x: headers.mailbox("From", "Edith", f"edith@example{x}.org"),
    "To": lambda x: headers.mailbox("To", "", f"rita@example.org{x}"),
    "Message-ID": lambda x: headers.message_id(f"1.2{x}@example.org"),
    "Message-ID, domain": lambda x: headers.message_id(f"1.2@example.org{x}"),
    "List-Id, name": lambda x: headers.list_id(f"Morning{x}", "morning.example.org"),
    "List-Id": lambda x: headers.list_id("Morning", f"morning{x}.example.org"),
    "List-Unsubscribe": lambda x: headers.list_unsubscribe(f"https://example.org/u{x}"),
    "List-Unsubscribe, address": lambda x: headers.list_unsubscribe("https://example.org/u", f"u{x}@example.org"),
    "List-Unsubscribe, query": lambda x: headers.list_unsubscribe(
        "https://example.org/u", f"u@example.org?subject=a{x}"
    ),
    "Feedback-ID": lambda x: headers.feedback_id(f"morning:a:b{x}:newsroom"),
    "envelope": lambda x: headers.addr_spec(f"bounce{x}@example.org").encode(),
}


def parsed(field: bytes) -> email.message.EmailMessage:
    message = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    assert len(message.keys()) == 1
    return message


@pytest.mark.parametrize("field", FIELDS)
def test_every_control_character_is_refused_in_every_field(field: str) -> None:
    FIELDS[field]("")
    for control in CONTROLS:
        for value in (control, control + "x", f"\r\nBcc: omar@example.org{control}"):
            with pytest.raises(Refused):
                FIELDS[field](value)


@pytest.mark.parametrize("control", ["\x80", "\x85", "\u2028", "\u2029", "\ud800"])
def test_what_a_reader_might_take_for_a_line_break_is_refused_in_a_subject(control: str) -> None:
    with pytest.raises(Refused, match=r"Subject: .* holds the control character U\+"):
        headers.unstructured("Subject", f"a{control}b")


@settings(max_examples=hostile.EXAMPLES)
@given(hostile.lines)
def test_any_subject_comes_back_and_keeps_within_its_columns(subject: str) -> None:
    field = headers.unstructured("Subject", subject)
    assert parsed(field)["Subject"] == subject
    lines = field.decode("ascii").removesuffix("\r\n").split("\r\n")
    assert all(line.strip() and len(line) <= (76 if "=?" in line else 78) for line in lines)
    for word in field.decode("ascii").split():
        if word.startswith("=?"):
            assert len(word) <= 75
            # Each decodes alone, so it was cut between characters.
            assert "\ufffd" in subject or "\ufffd" not in str(parsed(f"Subject: {word}\r\n".encode())["Subject"])


@settings(max_examples=hostile.EXAMPLES)
@given(hostile.lines)
def test_any_display_name_comes_back_with_its_address(name: str) -> None:
    raw = headers.mailbox("From", name, "edith@example.org").decode("ascii").removeprefix("From: ").replace("\r\n", "")
    # `policy.default` of Python 3.11 keeps the blank between two encoded-words of a name; RFC 2047 section 6.2 does not.
    (display, address) = email.utils.parseaddr(raw)
    assert (str(make_header(decode_header(display))), address) == (name, "edith@example.org")


@settings(max_examples=hostile.EXAMPLES)
@given(hostile.lines)
def test_a_list_keeps_its_identifier_raw_whatever_its_name(name: str) -> None:
    field = headers.list_id(name, "morning.news.example.org").replace(b"\r\n ", b" ")
    assert field.endswith(b" <morning.news.example.org>\r\n")
    assert field.count(b"\r\n") == 1


def test_a_plain_subject_stays_plain() -> None:
    assert headers.unstructured("Subject", "Monday Briefing: Rain") == b"Subject: Monday Briefing: Rain\r\n"


def test_a_long_plain_subject_folds_at_blanks() -> None:
    field = headers.unstructured("Subject", "word " * 30 + "end")
    assert b"=?" not in field
    assert max(map(len, field.split(b"\r\n"))) <= 78
    assert field.replace(b"\r\n", b"") == b"Subject: " + b"word " * 30 + b"end"


def test_words_that_look_encoded_are_encoded() -> None:
    assert parsed(headers.unstructured("Subject", "=?utf-8?q?Spam?="))["Subject"] == "=?utf-8?q?Spam?="


@pytest.mark.parametrize(
    ("subject", "kind"), [("Café society and the price of milk", b"=?utf-8?q?"), ("東京の朝のニュース", b"=?utf-8?b?")]
)
def test_the_shorter_encoding_is_taken(subject: str, kind: bytes) -> None:
    assert kind in headers.unstructured("Subject", subject)


def test_an_empty_subject_is_refused() -> None:
    with pytest.raises(Refused, match="Subject: is empty"):
        headers.unstructured("Subject", "")


def test_a_name_with_a_comma_is_quoted() -> None:
    assert headers.mailbox("From", 'The "Example", News', "n@example.org") == (
        b'From: "The \\"Example\\", News" <n@example.org>\r\n'
    )


@pytest.mark.parametrize(
    "address",
    [
        *("", "@", "rita", "rita@", "@example.org", "rita@@example.org", "rita@example.org,omar@example.org"),
        *("rita <rita@example.org>", "ri ta@example.org", ".rita@example.org", "ri..ta@example.org", "rita@.example"),
        *("rita@example..org", "rita@-x.example", "rita@exa_mple.org>", '"a b"@example.org', "rita@[127.0.0.1]"),
        *("r" * 65 + "@example.org", "rita@" + "e" * 64 + ".org", "rita@" + "e." * 130 + "org", "rita@\u2028.org"),
    ],
)
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    with pytest.raises(Refused):
        headers.addr_spec(address)


def test_a_domain_in_letters_of_its_own_becomes_a_labels() -> None:
    assert headers.addr_spec("rita@straße.example") == "rita@xn--strae-oqa.example"


def test_letters_before_the_at_are_refused_with_the_reason() -> None:
    with pytest.raises(Refused, match="SMTPUTF8"):
        headers.addr_spec("rité@example.org")


def test_a_readers_address_may_have_any_letters_before_the_at_and_its_field_is_utf8() -> None:
    assert headers.to("rité@straße.example") == "To: rité@xn--strae-oqa.example\r\n".encode()
    assert headers.to("rita@example.org") == b"To: rita@example.org\r\n"


@pytest.mark.parametrize(
    "local",
    [
        *("ri\u00a0t\u00e9", "ri\u2028t\u00e9", "ri\u202et\u00e9", "ri\u200bt\u00e9", "\u00e9..a", ".\u00e9"),
        *("\u00e9\r\n", "\u00e9\0", '"\u00e9"', "\u00e9,a", "\u00e9<", "=?\u00e9?=", "\u00e9" * 33),
        pytest.param("ri\ud800t", id="half a pair"),
    ],
)
def test_no_address_holds_what_ends_it_or_what_nobody_sees(local: str) -> None:
    with pytest.raises(Refused):
        headers.to(f"{local}@example.org")


@pytest.mark.parametrize("address", ["=?utf-8?q?rita?=@example.org", "rita=?@example.org"])
def test_an_address_that_some_programs_would_decode_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="is no address"):
        headers.addr_spec(address)


def test_a_long_unsubscribe_url_stays_raw_on_one_line() -> None:
    url = "https://news.example.org/u/" + "t" * 800
    assert (
        headers.list_unsubscribe(url, "leave+t@example.org?subject=unsubscribe")
        == (
            f"List-Unsubscribe: <{url}>,\r\n <mailto:leave+t@example.org?subject=unsubscribe>\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        ).encode()
    )


@pytest.mark.parametrize(
    "url", ["http://example.org/u", "https://example.org/é", "https://e.org/ x", "https://e.org/<>", ""]
)
def test_an_unsubscribe_url_that_would_not_work_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="https URL in plain ASCII"):
        headers.list_unsubscribe(url)


def test_an_unsubscribe_url_that_no_line_can_hold_is_refused() -> None:
    headers.list_unsubscribe("https://e.example/".ljust(977, "x"))
    with pytest.raises(Refused, match="too long"):
        headers.list_unsubscribe("https://e.example/".ljust(978, "x"))


@pytest.mark.parametrize(
    "value", ["a:b:c:d:newsroom", "a:b:c:room", "a:a:c:newsroom", "newsroom:b c", "a:b:c:" + "n" * 16]
)
def test_a_feedback_id_that_google_would_not_read_is_refused(value: str) -> None:
    with pytest.raises(Refused, match="Feedback-ID"):
        headers.feedback_id(value)


def test_a_date_is_written_with_a_numeric_zone() -> None:
    assert headers.date(datetime(2026, 11, 3, 5, 4, 9, tzinfo=UTC)) == b"Date: Tue, 03 Nov 2026 05:04:09 +0000\r\n"


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=1))])
def test_a_date_that_is_not_in_utc_is_refused(zone: timezone | None) -> None:
    with pytest.raises(Refused, match="no instant in UTC"):
        headers.date(datetime(2026, 11, 3, tzinfo=zone))
