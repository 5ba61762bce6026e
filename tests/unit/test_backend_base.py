"""The contract itself: what a message may be, and the base for plug-ins that can only send."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.backends.base import Message, OneByOne, Outcome, Result, is_plain
from newsletter.errors import DeliveryError
from newsletter.testing.conformance import letter, letters
from newsletter.testing.counter import FakeCounter


@pytest.mark.parametrize(
    "character", [*map(chr, range(0x21)), "\x7f", "\x85", "\u2028", "\u202e", "\xa0", *'<>,;"\\():']
)
@pytest.mark.parametrize("place", ["{}rita@example.org", "ri{}ta@example.org", "rita@exam{}ple.org"])
def test_an_address_that_could_end_or_begin_an_smtp_path_is_refused(character, place):
    hostile = place.format(character)
    if character == ":" and place.startswith("rita@"):
        return
    for sender, recipient in [("bounces@example.org", hostile), (hostile, "rita@example.org")]:
        with pytest.raises(ValueError):
            Message(1, sender, recipient, b"")


@pytest.mark.parametrize(
    "address", ["", "rita", "@example.org", "rita@", "a@b@c", "rita@example.org\n", "a" * 251 + "@b.c"]
)
def test_what_is_no_single_address_is_refused(address):
    with pytest.raises(ValueError):
        Message(1, "bounces@example.org", address, b"")


@pytest.mark.parametrize("address", ["rita@example.org", "rita+550@example.org", "o'neil@example.org", "r@[192.0.2.1]"])
def test_ordinary_addresses_pass(address):
    assert Message(1, address, address, b"").recipient == address


def test_letters_beyond_ascii_stand_before_the_at_sign_only():
    assert Message(1, "bounces@example.org", "zoë@example.org", b"").international
    assert not Message(1, "bounces@example.org", "rita@example.org", b"").international
    with pytest.raises(ValueError):
        Message(1, "bounces@example.org", "rita@exämple.org", b"")


def test_a_message_in_pieces_is_their_join_and_keeps_them():
    literal = b"x" * 2_000
    message = Message(1, "bounces@example.org", "rita@example.org", (literal, b"To: rita\r\n"))
    assert message.data == literal + b"To: rita\r\n"
    assert message.size == 2_010
    assert message.pieces[0] is literal


@pytest.mark.parametrize(
    "data",
    [
        b"a\nb\r\n",
        b"a\rb\r\n",
        b"a\r\n\n\r",
        b"a",
        b"",
        b".\r\n",
        b"a\r\n.\r\n",
        b"a\0\r\n",
        b"\xc3\xa9\r\n",
        b"a\r\n\r",
    ],
)
def test_what_a_server_could_read_in_another_way_is_not_plain(data):
    assert not is_plain(data)


def test_whole_lines_of_ascii_are_plain():
    assert is_plain(b"To: rita\r\n\r\nGood morning. Rain.\r\n")


@given(st.text(max_size=40))
def test_whatever_passes_holds_one_at_sign_and_nothing_invisible(text):
    try:
        Message(1, "bounces@example.org", text, b"")
    except ValueError:
        return
    assert text.isprintable()
    assert text.partition("@")[2].isascii()
    assert text.count("@") == 1
    assert not any(c.isspace() or not c.isprintable() or c in "<>,;" for c in text)


class Pigeon(OneByOne):
    """A plug-in as its author would write it."""

    def send(self, message: Message) -> str:
        local = message.recipient.partition("@")[0]
        if local == "later":
            raise DeliveryError(code=450, enhanced="4.2.1", reply="busy")
        if local == "never":
            raise DeliveryError(permanent=True, code=550, enhanced="5.1.1", reply="no such user")
        if local == "crash":
            raise RuntimeError("the pigeon did not come back")
        return "delivered"


def test_one_by_one_turns_a_reply_and_each_error_into_its_outcome():
    counter = FakeCounter(letter(f"{name}@example.org") for name in ("rita", "later", "never", "crash"))
    asyncio.run(Pigeon("pigeon", {}).deliver(counter))
    assert counter.outcomes == {
        "rita@example.org": Outcome(Result.ACCEPTED, 250, reply="delivered"),
        "later@example.org": Outcome(Result.DEFERRED, 450, "4.2.1", "busy"),
        "never@example.org": Outcome(Result.REJECTED, 550, "5.1.1", "no such user"),
        "crash@example.org": Outcome(Result.IN_DOUBT, reply="RuntimeError: the pigeon did not come back"),
    }


def test_one_by_one_that_is_cancelled_while_it_sends_says_that_the_message_is_in_doubt():
    sending, go_on = threading.Event(), threading.Event()

    class Slow(OneByOne):
        def send(self, message: Message) -> str:
            sending.set()
            go_on.wait(5)
            return "delivered"

    async def scene() -> FakeCounter:
        counter = FakeCounter(letters(2))
        task = asyncio.create_task(Slow("slow", {}).deliver(counter))
        await asyncio.to_thread(sending.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        return counter

    counter = asyncio.run(scene())
    assert [outcome.result for outcome in counter.outcomes.values()] == [Result.IN_DOUBT]
    assert len(counter.waiting) == 1
