"""What the console and the memory backend show and keep."""

from __future__ import annotations

import asyncio

import pytest

from newsletter.backends.base import Message, Result
from newsletter.backends.console import ConsoleBackend
from newsletter.backends.memory import MemoryBackend
from newsletter.testing.conformance import letter, letters
from newsletter.testing.counter import FakeCounter


def printed(capsys: pytest.CaptureFixture[str], messages: list[Message], **options: int) -> str:
    asyncio.run(ConsoleBackend("console", options).deliver(FakeCounter(messages)))
    return capsys.readouterr().out


def test_the_console_shows_a_line_and_the_decoded_text(capsys):
    message = letter("rita@example.org")
    message = Message(
        1,
        message.sender,
        message.recipient,
        message.data.replace(b"Good morning.", b"Caf=C3=A9 opens =E2=80=94 at last"),
    )
    out = printed(capsys, [message])
    assert out.startswith(f"── rita@example.org · Monday Briefing · {len(message.data)} bytes · accepted\n")
    assert "Café opens — at last" in out


def test_no_escape_sequence_reaches_the_terminal(capsys):
    message = letter("rita@example.org")
    message = Message(
        1, message.sender, message.recipient, message.data.replace(b"Good morning.", b"=1B]0;owned=07 =C2=9B31m")
    )
    out = printed(capsys, [message])
    assert not any((ord(c) < 0x20 and c != "\n") or 0x7F <= ord(c) < 0xA0 for c in out)


def test_after_the_limit_messages_are_counted_and_it_says_so(capsys):
    out = printed(capsys, letters(7), limit=3)
    assert out.count("Good morning.") == 3
    assert "3 messages shown, those after them are only counted" in out
    assert "7 messages in all, 4 of them not shown" in out


def test_a_message_with_no_text_part_is_shown_as_that(capsys):
    out = printed(
        capsys, [Message(1, "b@example.org", "rita@example.org", b"Content-Type: text/html\r\n\r\n<p>x</p>\r\n")]
    )
    assert "(no text part)" in out


@pytest.mark.parametrize("backend", [ConsoleBackend("console", {}), MemoryBackend("memory", {})])
def test_both_fail_on_purpose_by_address(backend):
    counter = FakeCounter(
        [letter("rita+451@example.org", 1), letter("rita+550@example.org", 2), letter("rita@example.org", 3)]
    )
    asyncio.run(backend.deliver(counter))
    assert [outcome.result for outcome in counter.outcomes.values()] == [
        Result.DEFERRED,
        Result.REJECTED,
        Result.ACCEPTED,
    ]


def test_memory_keeps_what_it_took_in_order():
    backend = MemoryBackend("memory", {})
    messages = [letter("rita@example.org", 1), letter("x+550@example.org", 2), letter("y+drop@example.org", 3)]
    asyncio.run(backend.deliver(FakeCounter(messages)))
    assert backend.messages == [messages[0], messages[2]]
