"""SMTP without I/O: replies in any portions, commands that wait for their answers, what may never be said."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.backends.smtp.content import body
from newsletter.backends.smtp.protocol import Broken, Session, Step
from newsletter.backends.smtp.replies import MAX_LINE, MAX_LINES, Garbage, Reply, ReplyParser

LINES = st.one_of(
    st.sampled_from(
        [b"250 ok\r\n", b"250-more\r\n", b"354 go\r\n", b"550 5.1.1 no\n", b"421\r\n", b"25", b"0 ok\r\n", b"\r", b"\n"]
    ),
    st.binary(max_size=40),
    st.just(b"250-" + b"x" * (MAX_LINE - 6) + b"\r\n"),
    st.just(b"250 " + b"x" * MAX_LINE),
    st.just(b"250-x\r\n" * MAX_LINES),
)
STREAMS = st.lists(LINES, max_size=12).map(b"".join)


@given(STREAMS, st.data())
@example(b"250-a\r\n250 b\r\n", None)
def test_any_bytes_in_any_portions_give_the_same_events_in_bounded_memory(stream, data):
    whole = ReplyParser().feed(stream)
    parser, events, start = ReplyParser(), [], 0
    while start < len(stream):
        size = 1 if data is None else data.draw(st.integers(1, max(1, len(stream) // 3)))
        events += parser.feed(stream[start : start + size])
        start += size
        assert len(parser._buffer) < MAX_LINE
        assert len(parser._lines) < MAX_LINES
    assert events == whole


@given(STREAMS)
def test_after_garbage_nothing_is_said_any_more(stream):
    events = ReplyParser().feed(stream)
    assert not any(isinstance(event, Garbage) for event in events[:-1])
    if events and isinstance(events[-1], Garbage):
        parser = ReplyParser()
        parser.feed(stream)
        assert parser.feed(b"250 ok\r\n") == []
        assert not parser.pending


@given(st.binary(max_size=3000))
def test_what_is_kept_of_a_reply_can_be_shown_anywhere(words):
    for event in ReplyParser().feed(b"550 " + words.replace(b"\n", b"") + b"\r\n"):
        if isinstance(event, Reply):
            assert event.text.startswith("550")
            assert len(event.text) <= 500
            assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in event.text)


@pytest.mark.parametrize(
    ("line", "code", "enhanced"),
    [
        (b"250 2.0.0 Ok", 250, "2.0.0"),
        (b"550 5.1.1", 550, "5.1.1"),
        (b"550", 550, ""),
        (b"550 user unknown", 550, ""),
        (b"550 4.1.1 other class", 550, ""),
        (b"550 5.7.1.3 no status", 550, ""),
        (b"550 5.1234.1", 550, ""),
        (b"550 5.7.515 from Outlook", 550, "5.7.515"),
    ],
)
def test_the_enhanced_status_is_read_where_there_is_one(line, code, enhanced):
    [reply] = ReplyParser().feed(line + b"\r\n")
    assert isinstance(reply, Reply)
    assert (reply.code, reply.enhanced) == (code, enhanced)


def said(session: Session, data: bytes) -> list[tuple[str, int]]:
    events = session.receive(data)
    assert all(isinstance(event, tuple) for event in events)
    return [(event[0].name, event[1].code) for event in events if isinstance(event, tuple)]


def greeted(*extensions: str) -> Session:
    session = Session()
    session.receive(b"220 x\r\n")
    session.ehlo("me.example")
    lines = ["x", *extensions]
    session.receive("".join(f"250{' ' if line is lines[-1] else '-'}{line}\r\n" for line in lines).encode())
    return session


def test_a_final_dot_and_the_next_envelope_can_leave_in_one_write():
    """Six commands under way at once get their six answers in order, however the server sends them."""
    session = greeted("PIPELINING", "SIZE")
    first = session.mail("a@example.org", 5) + session.rcpt("b@example.org") + session.data()
    assert first == b"MAIL FROM:<a@example.org> SIZE=5\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
    assert said(session, b"250 a\r\n250 b\r\n354 c\r\n") == [("MAIL", 250), ("RCPT", 250), ("DATA", 354)]
    flight = session.end_of_data() + session.mail("a@example.org", 5) + session.rcpt("c@example.org") + session.data()
    assert flight.startswith(b".\r\nMAIL FROM:")
    assert said(session, b"250 queued\r\n250 ok\r\n5") == [("DOT", 250), ("MAIL", 250)]
    assert session.awaited is Step.RCPT
    assert said(session, b"50 no\r\n554 nobody\r\n") == [("RCPT", 550), ("DATA", 554)]
    assert not session.in_data


def test_an_answer_that_nobody_awaits_breaks_the_connection():
    session = greeted()
    [event] = session.receive(b"421 4.3.2 idle too long\r\n")
    assert isinstance(event, Broken)
    assert event.reply is not None
    assert event.reply.code == 421


def test_a_yes_before_the_final_dot_breaks_the_connection():
    session = greeted("PIPELINING")
    session.mail("a@example.org", 5), session.rcpt("b@example.org"), session.data()
    events = session.receive(b"250 a\r\n250 b\r\n354 c\r\n250 taken\r\n")
    assert isinstance(events[-1], Broken)


def test_no_command_is_said_inside_a_message():
    session = greeted()
    session.mail("a@example.org", 5), session.rcpt("b@example.org"), session.data()
    session.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    with pytest.raises(AssertionError):
        session.mail("a@example.org", 5)
    session.end_of_data()
    with pytest.raises(AssertionError):
        session.end_of_data()


@pytest.mark.parametrize("hostile", ["a\r\nQUIT", "a\nb", "a\0", "ü", "a\x7f", "a\x85"])
def test_no_command_carries_a_second_one(hostile):
    for command in (Session().ehlo, Session().rcpt, Session().auth):
        with pytest.raises(AssertionError):
            command(hostile)


@pytest.mark.parametrize("rest", [b"250 injected\r\n", b"2", b"\r\n", b"250-EHLO\r\n250 AUTH PLAIN\r\n"])
@pytest.mark.parametrize("together", [True, False])
def test_plain_text_behind_the_answer_to_starttls_breaks_the_connection(rest, together):
    session = greeted("STARTTLS")
    session.starttls()
    if together:
        events = session.receive(b"220 go\r\n" + rest)
    else:
        assert said(session, b"220 go\r\n") == [("STARTTLS", 220)]
        events = session.receive(rest)
    assert events == [Broken("plain text came behind the answer to STARTTLS")]


def test_what_was_offered_before_tls_is_forgotten():
    session = greeted("STARTTLS", "AUTH PLAIN", "PIPELINING", "SIZE 5")
    session.starttls()
    session.receive(b"220 go\r\n")
    session.tls_started()
    assert session.extensions == {}
    assert not session.pipelining
    assert session.size_limit == 0


def test_extensions_are_read_in_any_case_and_in_the_old_form_of_auth():
    session = greeted("pipelining", "size 1000", "AUTH=LOGIN", "AUTH PLAIN")
    assert session.pipelining
    assert session.size_limit == 1000
    assert session.extensions["AUTH"].split() == ["LOGIN", "PLAIN"]


@given(st.lists(st.sampled_from([b".", b"\r\n", b"a", b"..", b"\r\n."]), max_size=30).map(b"".join))
def test_a_body_holds_no_end_but_its_own_and_comes_back_whole(data):
    wire = body(data)
    assert wire.endswith(b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + wire
    lines = [line[1:] if line.startswith(b".") else line for line in wire.split(b"\r\n")]
    assert b"\r\n".join(lines) == (data if data.endswith(b"\r\n") else data + b"\r\n")


@given(st.binary(max_size=60))
def test_no_body_has_a_line_end_that_is_not_crlf(data):
    try:
        wire = body(data)
    except ValueError:
        return
    rest = wire.replace(b"\r\n", b"")
    assert not set(rest) & {0, 10, 13}
