"""The smtp backend at servers that lie, stall and break off: every outcome is true of what the server counted."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from newsletter.backends.base import Message, Result
from newsletter.backends.smtp import SmtpBackend
from newsletter.testing import conformance
from newsletter.testing.conformance import Case
from newsletter.testing.counter import FakeCounter
from newsletter.testing.smtp import Flood, Say, ScriptedServer
from tests.integration.smtp_receiver import CHUNKING, DIALECTS, PIPELINING, Receiver, Tap, honest

QUICK = {"connect": 1, "greeting": 0.3, "command": 0.3, "data": 0.3, "block": 0.3, "dot": 0.3}
PATIENT = dict.fromkeys(QUICK, 5)


def letters(count: int) -> list[Message]:
    """As short as mail can be, so that every byte of a dialogue can be tried."""
    return [Message(n, "a@b.test", f"{n}@b.test", b"Subject: x\r\n\r\n.\r\n") for n in range(1, count + 1)]


async def send(port: int, messages: list[Message], **options: Any) -> FakeCounter:
    known: dict[str, Any] = {"host": "127.0.0.1", "port": port, "tls": "none", "connections": 1, "timeouts": QUICK}
    counter = FakeCounter(messages)
    backend = SmtpBackend("relay", known | {"hostname": "c.test"} | options)
    try:
        async with asyncio.timeout(8):
            await backend.deliver(counter)
    finally:
        await backend.close()
    assert all(outcome.reply and outcome.reply.isprintable() for outcome in counter.outcomes.values())
    return counter


@pytest.mark.parametrize("offers", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_the_contract_holds_by_every_way_there_is(check: conformance.Check, offers: tuple[str, ...]) -> None:
    @asynccontextmanager
    async def build() -> AsyncIterator[Case]:
        async with Receiver(offers) as receiver:
            options = {"host": receiver.host, "port": receiver.port, "tls": "none", "connections": 3}
            yield Case(SmtpBackend("relay", options), lambda: receiver.recipients)

    asyncio.run(conformance.run(check, build))


# ── the line is cut ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["sent", "received"])
@pytest.mark.parametrize("offers", DIALECTS.values(), ids=DIALECTS)
def test_a_line_that_is_cut_at_any_byte_loses_nobody_and_doubles_nobody(
    offers: tuple[str, ...], way: Literal["sent", "received"]
) -> None:
    """Every byte of a dialogue with two messages, in both directions; the second line, if there is one, holds."""

    async def whole() -> int:
        async with Receiver(offers) as receiver, Tap(receiver.host, receiver.port) as tap:
            honest(await send(tap.port, letters(2), timeouts=PATIENT), receiver.recipients)
            assert len(receiver.taken) == 2
            await asyncio.sleep(0.05)  # QUIT and its answer
            return len(getattr(tap, way)[0])

    async def cut(after: int) -> set[Result]:
        async with Receiver(offers) as receiver, Tap(receiver.host, receiver.port, way, after) as tap:
            counter = await send(tap.port, letters(2), timeouts=PATIENT)
            await quiet(receiver)
            try:
                honest(counter, receiver.recipients)
            except AssertionError as error:
                error.add_note(f"cut after {after} bytes: {bytes(getattr(tap, way)[0])!r}")
                raise
            assert Result.REJECTED not in {outcome.result for outcome in counter.outcomes.values()}
            doubts = [outcome for outcome in counter.outcomes.values() if outcome.result is Result.IN_DOUBT]
            assert len(doubts) <= 1, "more than one in doubt on one line"
            return {outcome.result for outcome in counter.outcomes.values()}

    async def scene() -> set[Result]:
        seen: set[Result] = set()
        for after in range(await whole()):
            seen |= await cut(after)
        return seen

    assert asyncio.run(scene()) == {Result.ACCEPTED, Result.DEFERRED, Result.IN_DOUBT}


@pytest.mark.parametrize("offers", DIALECTS.values(), ids=DIALECTS)
def test_a_line_that_is_cut_in_a_long_message_loses_none_of_those_behind_it(offers: tuple[str, ...]) -> None:
    """The second message, on a line that has carried one, is longer than all buffers; the third waits behind it."""
    long = b"Subject: x\r\n\r\n" + (b"x" * 988 + b"\r\n") * 20_000
    messages = letters(5)
    messages[1] = Message(2, "a@b.test", "2@b.test", long)

    async def scene() -> tuple[FakeCounter, Receiver]:
        async with Receiver(offers) as receiver, Tap(receiver.host, receiver.port, "sent", 3_000_000) as tap:
            counter = await send(tap.port, messages, timeouts=PATIENT)
            await quiet(receiver)
            return counter, receiver

    counter, receiver = asyncio.run(scene())
    honest(counter, receiver.recipients)
    assert not counter.waiting
    assert sorted(counter.outcomes) == [message.recipient for message in messages]


async def quiet(receiver: Receiver) -> None:
    """Until the receiver has read what was sent before the cut."""
    async with asyncio.timeout(5):
        while receiver.open:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


# ── an extension is offered and refused ───────────────────────────────────────────────────────────────────────────────

ALL = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "CHUNKING", "STARTTLS", "AUTH PLAIN LOGIN", "DSN")
REFUSALS: dict[str, dict[str, Any]] = {
    "CHUNKING with 502": {"refuse": {"BDAT": "502 5.5.1 no such command"}},
    "CHUNKING with 500": {"refuse": {"BDAT": "500 5.5.2 what?"}},
    "CHUNKING with 450": {"refuse": {"BDAT": "450 4.3.0 not now"}},
    "CHUNKING with 552": {"refuse": {"BDAT": "552 5.3.4 too big"}},
    "CHUNKING with 421": {"refuse": {"BDAT": "421 4.3.2 closing"}},
    "PIPELINING by dropping": {"early": "dropped"},
    "PIPELINING by refusing": {"early": "refused"},
    "PIPELINING by dropping, without CHUNKING": {"early": "dropped", "offers": PIPELINING},
    "PIPELINING by refusing, without CHUNKING": {"early": "refused", "offers": PIPELINING},
    "PIPELINING behind a message": {"early": "refused behind a message", "offers": PIPELINING},
    "SIZE with 555": {"refuse": {" SIZE=": "555 5.5.4 no such parameter"}},
    "SIZE with 552": {"refuse": {" SIZE=": "552 5.3.4 too big"}},
    "SIZE with 452": {"refuse": {" SIZE=": "452 4.3.1 no room"}},
    "8BITMIME": {"refuse": {" BODY=": "555 5.5.4 no such parameter"}},
    "SMTPUTF8": {"refuse": {" SMTPUTF8": "555 5.5.4 no such parameter"}},
    "STARTTLS": {"refuse": {"STARTTLS": "454 4.7.0 not available"}},
    "AUTH": {"refuse": {"AUTH": "504 5.5.4 no such mechanism"}},
    "all of it": {
        "refuse": {" SIZE=": "555 no", " BODY=": "555 no", " SMTPUTF8": "555 no", "BDAT": "502 no"}, "early": "refused",
    },
}  # fmt: skip


@pytest.mark.parametrize("data", [b"hello\r\n", b"caf\xc3\xa9\r\n"], ids=["7 bit", "8 bit"])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_an_extension_that_is_offered_and_refused_gets_a_clear_outcome(refusal: str, data: bytes) -> None:
    messages = [
        Message(n, "edith@example.org", f"reader{n}@example.org", b"Subject: x\r\n\r\n" + data) for n in range(1, 5)
    ]

    async def scene() -> tuple[FakeCounter, Receiver]:
        behaviour = {"offers": ALL} | REFUSALS[refusal]
        async with Receiver(**behaviour) as receiver:
            counter = await send(receiver.port, messages, timeouts={**PATIENT, "command": 0.3, "data": 0.3})
            await quiet(receiver)
            return counter, receiver

    counter, receiver = asyncio.run(scene())
    honest(counter, receiver.recipients)
    assert counter.outcomes
    # Whatever was refused, nobody is in doubt: the server has spoken, or no message was complete. But for one that left in
    # one flight with its envelope: who says nothing to it may have taken it.
    assert refusal == "PIPELINING by dropping" or Result.IN_DOUBT not in {
        outcome.result for outcome in counter.outcomes.values()
    }
    for message in messages:
        assert receiver.recipients.count(message.recipient) <= 1
    assert {taken.data for taken in receiver.taken} <= {messages[0].data}


@pytest.mark.parametrize("offers", [ALL, PIPELINING, CHUNKING, ()], ids=["all", "8BITMIME", "CHUNKING", "bare"])
@pytest.mark.parametrize("text", ["café", "恵子", "\u0085"])
def test_eight_bit_words_arrive_as_they_were_or_are_refused_before_they_go_out(
    text: str, offers: tuple[str, ...]
) -> None:
    message = Message(1, "edith@example.org", "rita@example.org", f"Subject: x\r\n\r\n{text}\r\n".encode())

    async def scene() -> tuple[FakeCounter, Receiver]:
        async with Receiver(offers) as receiver:
            counter = await send(receiver.port, [message], timeouts=PATIENT)
            await quiet(receiver)
            return counter, receiver

    counter, receiver = asyncio.run(scene())
    honest(counter, receiver.recipients)
    declared = any(" BODY=8BITMIME" in command for command in receiver.commands)
    assert [taken.data for taken in receiver.taken] == ([message.data] if declared else [])
    assert not declared or "8BITMIME" in offers


def test_a_server_that_wants_no_envelope_behind_a_message_still_gets_everything_at_once() -> None:
    """Haraka answers 503 to an envelope that leaves together with the dot before it (RFC 2920 section 3.1 allows it).
    That is no word on its reader, who must not wait for it."""

    async def scene() -> tuple[FakeCounter, Receiver]:
        async with Receiver(PIPELINING, early="refused behind a message") as receiver:
            counter = await send(receiver.port, letters(10), timeouts=PATIENT)
            await quiet(receiver)
            return counter, receiver

    counter, receiver = asyncio.run(scene())
    honest(counter, receiver.recipients)
    assert {outcome.result for outcome in counter.outcomes.values()} == {Result.ACCEPTED}
    assert len(receiver.taken) == 10


# ── answers that nobody asked for ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("end", [True, False], ids=["closes", "stays"])
@pytest.mark.parametrize(
    "behind",
    [b"250 yes\r\n", b"421 4.3.2 closing\r\n", b"what?\r\n", b"354 go on\r\n", b"25"],
    ids=["yes", "421", "noise", "354", "half a reply"],
)
@pytest.mark.parametrize("point", ["CONNECT", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."])
def test_words_right_behind_an_answer_end_the_connection_and_nothing_hangs(
    point: str, behind: bytes, end: bool
) -> None:
    """They come in one piece with the answer, so that nothing of ours lies between."""
    answers = {
        "CONNECT": b"220 x\r\n",
        "EHLO": b"250-x\r\n250-AUTH PLAIN\r\n250 PIPELINING\r\n",
        "AUTH": b"235 2.7.0 ok\r\n",
        "DATA": b"354 go on\r\n",
    }
    login = {"username": "omar", "password": "correct horse", "allow_plaintext": True}

    async def scene() -> tuple[FakeCounter, ScriptedServer]:
        script = {point: Say(answers.get(point, b"250 ok\r\n") + behind, then_close=end)}
        async with ScriptedServer(script, users={"omar": "correct horse"}, auth_in_the_clear=True) as server:
            return await send(server.port, letters(2), **(login if point == "AUTH" else {})), server

    counter, server = asyncio.run(scene())
    # The answer to a final dot begins with yes here: every message that was complete was taken.
    honest(counter, [recipient for mail in server.mails for recipient in mail.recipients])
    assert counter.outcomes
    if point != ".":
        assert Result.ACCEPTED not in {outcome.result for outcome in counter.outcomes.values()}


# ── answers without an end ────────────────────────────────────────────────────────────────────────────────────────────

POINTS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", ".")
ENDLESS = {
    "100,000 lines": Flood(b"250-and another thing\r\n" * 1000, 100),
    "100,000 replies": Flood(b"250 2.0.0 yes\r\n" * 1000, 100),
    "100,000 refusals": Flood(b"550 5.0.0 no\r\n" * 1000, 100),
    "one line": Flood(b"250 " + b"x" * 4096),
    "one line of codes": Flood(b"250-" * 1000, 100),
    "noise": Flood(bytes(range(256)) * 16, 100),
    "zeros": Flood(b"\0" * 4096),
    "line ends": Flood(b"\r\n" * 1000, 100),
}


@pytest.mark.parametrize("answer", ENDLESS)
def test_an_answer_without_an_end_takes_little_memory_wherever_it_comes(answer: str) -> None:
    """Server and client together stay under 2 MB at every point of the dialogue; a line without an end is 400 MB."""

    async def scene(point: str) -> FakeCounter:
        async with ScriptedServer({point: ENDLESS[answer], "HELO": ENDLESS[answer]}) as server:
            return await send(server.port, letters(3))

    for point in POINTS:
        gc.collect()
        tracemalloc.start()
        try:
            counter = asyncio.run(scene(point))
            assert tracemalloc.get_traced_memory()[1] < 2_000_000, point
        finally:
            tracemalloc.stop()
        assert not counter.unsettled
        assert counter.outcomes
        # A hundred thousand times yes to a final dot is a yes (and at BODY it may come behind the dot). It is none before.
        if answer != "100,000 replies" or point not in ("BODY", "."):
            assert Result.ACCEPTED not in {outcome.result for outcome in counter.outcomes.values()}, point


@pytest.mark.parametrize("point", POINTS)
def test_an_answer_that_drips_in_for_ever_is_left_when_its_time_is_over(point: str) -> None:
    """A byte now and then does not buy a server more time."""

    async def scene() -> FakeCounter:
        dripping: set[asyncio.Task[None]] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answers = {"EHLO": b"250-x\r\n250 PIPELINING\r\n", "DATA": b"354 go\r\n"}
            step = "CONNECT"
            try:
                while True:
                    if step == point:
                        while not reader.at_eof():
                            writer.write(b"2" if step == "CONNECT" else b"250-x\r\n")
                            await writer.drain()
                            await asyncio.sleep(0.02)
                    writer.write(answers.get(step, b"220 ok\r\n" if step == "CONNECT" else b"250 ok\r\n"))
                    if step in ("DATA", "BODY"):
                        if point == "BODY":
                            step = "BODY"
                            continue
                        await reader.readuntil(b"\r\n.\r\n")
                        step = "."
                        continue
                    step = (await reader.readuntil(b"\r\n")).split()[0].decode()
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.transport.abort()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            dripping.add(asyncio.create_task(talk(reader, writer)))

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server:
            limits = {"CONNECT": "greeting", "DATA": "data", "BODY": "dot", ".": "dot"}
            timeouts = {**PATIENT, limits.get(point, "command"): 0.3}
            counter = await send(server.sockets[0].getsockname()[1], letters(1), timeouts=timeouts)
        for task in dripping:
            task.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)
        await asyncio.sleep(0)
        return counter

    [outcome] = asyncio.run(scene()).outcomes.values()
    assert outcome.backend_fault
    assert outcome.result is (Result.IN_DOUBT if point in (".", "BODY") else Result.DEFERRED)
