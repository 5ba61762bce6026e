"""The benchmarks' sink speaks SMTP and counts what it was given."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.sink import Sink

pytestmark = pytest.mark.needs("cc")
GREETING = b"220 sink.example.org ESMTP\r\n"
MAIL = b"MAIL FROM:<edith@example.org>\r\nRCPT TO:<rita@example.org>\r\n"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink(chunking=True, size_limit=1_000_000) as running:
        yield running


def talk(port: int, *portions: bytes) -> bytes:
    """Everything the server says to these bytes and QUIT, each portion in a segment of its own, until it hangs up."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for portion in (*portions, b"QUIT\r\n"):
            line.sendall(portion)
        while portion := line.recv(65_536):
            heard += portion
    assert heard.startswith(GREETING)
    return heard.removeprefix(GREETING)


def codes(said: bytes) -> list[int]:
    return [int(line[:3]) for line in said.splitlines() if line[3:4] == b" "]


def taken(sink: Sink) -> tuple[int, int]:
    counted = sink.count()
    assert counted is not None
    return counted.messages, counted.bytes


def test_smtplib_delivers_to_it(sink: Sink) -> None:
    before = taken(sink)
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        client.sendmail("edith@example.org", ["rita@example.org"], "Subject: a\r\n\r\nb\r\n")
        assert client.esmtp_features.keys() >= {"pipelining", "8bitmime", "smtputf8", "chunking", "size"}
    assert taken(sink) == (before[0] + 1, before[1] + 17)


def test_two_messages_in_one_write_are_two_messages(sink: Sink) -> None:
    before = taken(sink)
    message = MAIL + b"DATA\r\nSubject: a\r\n\r\nb\r\n.\r\n"
    assert codes(talk(sink.port, b"EHLO a\r\n" + message + message)) == [250, *[250, 250, 354, 250] * 2, 221]
    assert taken(sink) == (before[0] + 2, before[1] + 34)


@pytest.mark.parametrize("cut", range(1, 8))
def test_the_final_dot_is_found_wherever_the_segments_part(sink: Sink, cut: int) -> None:
    before = taken(sink)
    text = b"..\r\n.a\r\n \r\n.\n.\r\n..\r\n" + b"x" * 40 + b"\r\n.\r\n"
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    assert codes(talk(sink.port, b"EHLO a\r\n", MAIL + b"DATA\r\n", *pieces)) == [250, 250, 250, 354, 250, 221]
    assert taken(sink) == (before[0] + 1, before[1] + len(text) - 3)


def test_an_empty_message_is_one(sink: Sink) -> None:
    before = taken(sink)
    assert codes(talk(sink.port, b"EHLO a\r\n" + MAIL + b"DATA\r\n.\r\n")) == [250, 250, 250, 354, 250, 221]
    assert taken(sink) == (before[0] + 1, before[1])


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"])
def test_nothing_but_crlf_dot_crlf_ends_a_message(sink: Sink, end: bytes) -> None:
    said = talk(sink.port, b"EHLO a\r\n" + MAIL + b"DATA\r\nx" + end + b"y\r\n.\r\n")
    assert codes(said) == [250, 250, 250, 354, 250, 221]


def test_chunks_are_counted_whatever_they_hold(sink: Sink) -> None:
    before = taken(sink)
    said = talk(
        sink.port, b"EHLO a\r\n" + MAIL + b"BDAT 9\r\na\r\n.\r\nQUI", b"BDAT 2 LAST\r\nT\n" + MAIL + b"BDAT 0 LAST\r\n"
    )
    assert codes(said) == [250, 250, 250, 250, 250, 250, 250, 250, 221]
    assert taken(sink) == (before[0] + 2, before[1] + 11)


def test_chunks_for_nobody_are_swallowed(sink: Sink) -> None:
    assert codes(talk(sink.port, b"EHLO a\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")) == [250, 503, 250, 221]


def test_the_order_of_commands_and_their_form_matter(sink: Sink) -> None:
    wrong = [b"MAIL FROM:<a@b.example>", b"EHLO a", b"RCPT TO:<a@b.example>", b"DATA", b"MAIL FROM a@b.example", b"HUH",
             b"MAIL FROM:<a@b.example> HUH=1", b"MAIL FROM:<a@b.example> SIZE=1000001", b"x" * 5_000]  # fmt: skip
    said = talk(sink.port, b"\r\n".join(wrong) + b"\r\nNOOP\nRSET\r\n")
    assert codes(said) == [503, 250, 503, 503, 501, 500, 555, 552, 500, 500, 250, 221]


def test_what_is_larger_than_it_says_it_takes_is_refused(sink: Sink) -> None:
    before = taken(sink)
    said = talk(sink.port, b"EHLO a\r\n" + MAIL + b"DATA\r\n" + b"x" * 1_000_000 + b"\r\n.\r\n")
    assert codes(said) == [250, 250, 250, 354, 552, 221]
    assert taken(sink) == before


def test_recipients_are_on_file_before_the_250_and_counts_are_said_at_the_end(tmp_path: Path) -> None:
    with Sink(record=tmp_path / "record") as recording:
        with smtplib.SMTP("127.0.0.1", recording.port) as client:
            client.sendmail("edith@example.org", ["rita@example.org"], "a")
            assert (tmp_path / "record").read_text() == "rita@example.org\n"
            client.sendmail("edith@example.org", ["rita@example.org", "omar@example.org"], "b")
            assert (tmp_path / "record").read_text().splitlines()[1] == "rita@example.org omar@example.org"
            assert b"chunking" not in client.ehlo_resp.lower()
        counted = recording.stop()
    assert counted == (2, 6, 1)
