"""The smtp backend against a server that follows a script: right outcome, nothing twice, nothing lost, in bounded time."""

from __future__ import annotations

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from newsletter.backends.base import Message, Outcome, Result
from newsletter.backends.smtp import SmtpBackend
from newsletter.backends.smtp.wire import Wire
from newsletter.testing import conformance
from newsletter.testing.conformance import Case, letter, letters
from newsletter.testing.counter import FakeCounter
from newsletter.testing.smtp import OK, Flood, HangUp, Say, ScriptedServer, Silence

QUICK = {"connect": 0.5, "greeting": 0.2, "command": 0.2, "data": 0.2, "block": 0.2, "dot": 0.2}


def written(data: bytes) -> Message:
    return Message(1, "bounces@courier.example.org", "rita@example.org", data)


POINTS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", ".")
BEFORE_READER = ("CONNECT", "EHLO", "MAIL", "DATA")


def relay(server: ScriptedServer, **options: Any) -> SmtpBackend:
    known = {"host": server.host, "port": server.port, "tls": "none", "connections": 1, "timeouts": QUICK}
    return SmtpBackend("relay", known | options)


async def send(server: ScriptedServer, messages: list[Message], *, slow: bool = False, **options: Any) -> FakeCounter:
    """Delivers and closes, and holds that nothing is left and that the client kept the rules."""
    counter = FakeCounter(messages)
    # As a disk takes its time, so that the server comes first with what it has to say.
    counter.seconds_to_disk = 0.1 if slow else 0.0
    backend = relay(server, **options)
    try:
        async with asyncio.timeout(8):
            await backend.deliver(counter)
    finally:
        await backend.close()
    assert not counter.unsettled
    assert not server.violations
    assert len(server.accepted) == len(set(server.accepted)), "somebody got it twice"
    for recipient in server.accepted:
        assert counter.outcomes[recipient].result in (Result.ACCEPTED, Result.IN_DOUBT), "accepted and not known of"
    return counter


def run(
    script: dict[str, Any] | None, messages: list[Message], *, server: dict[str, Any] | None = None, **options: Any
):
    async def scene() -> tuple[FakeCounter, ScriptedServer]:
        async with ScriptedServer(script, **(server or {})) as there:
            return await send(there, messages, **options), there

    return asyncio.run(scene())


def outcome_of(script: dict[str, Any], **more: Any) -> Outcome:
    counter, _ = run(script, [letter("rita@example.org")], **more)
    return counter.outcomes["rita@example.org"]


# ── the contract ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("extensions", [ScriptedServer.DEFAULT_EXTENSIONS, ()], ids=["pipelining", "bare"])
@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_the_backend_keeps_the_contract(check, extensions, connections):
    @asynccontextmanager
    async def build() -> AsyncIterator[Case]:
        async with ScriptedServer(extensions=extensions) as server:
            yield Case(relay(server, connections=connections), lambda: server.accepted)
            assert not server.violations
            assert server.most_open <= connections

    asyncio.run(conformance.run(check, build))


# ── what goes over the line ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("extensions", [ScriptedServer.DEFAULT_EXTENSIONS, ()], ids=["pipelining", "bare"])
@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
def test_every_reader_gets_the_same_bytes_in_a_mail_of_their_own(extensions, split):
    messages = letters(5)
    _, server = run({}, messages, server={"extensions": extensions, "split": split})
    assert {mail.recipients[0]: mail.data for mail in server.mails} == {m.recipient: m.data for m in messages}
    assert all(len(mail.recipients) == 1 for mail in server.mails)
    assert {mail.sender for mail in server.mails} == {"bounces@courier.example.org"}


@pytest.mark.parametrize(
    "text",
    [
        b".\r\n", b"..\r\n", b"a\r\n.\r\nMAIL FROM:<eve@example.org>\r\n", b".\r\n.\r\n.\r\n", b"no line end", b"", b"\r\n",
        b"a\r\n.", b".", b"x\r\n.y\r\n..z\r\n",
    ],
)  # fmt: skip
def test_dots_and_line_ends_arrive_as_they_were(text):
    """A dot that stands alone in a message does not end it, and one that begins a line is not lost."""
    message = written(b"Subject: dots\r\n\r\n" + text)
    _, server = run({}, [message, letter("roman@example.org", 2)])
    expected = message.data if message.data.endswith(b"\r\n") else message.data + b"\r\n"
    assert server.mails[0].data == expected
    assert server.accepted == ["rita@example.org", "roman@example.org"]


@pytest.mark.parametrize("bad", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\n", b"\r", b"\n\r", b"\0"])
def test_a_message_that_a_server_could_read_in_another_way_is_not_sent(bad):
    message = written(b"Subject: x\r\n\r\na" + bad + b"b\r\n")
    counter, server = run({}, [message, letter("roman@example.org", 2)])
    assert counter.outcomes["rita@example.org"].result is Result.REJECTED
    assert counter.outcomes["rita@example.org"].enhanced == "5.6.0"
    assert server.accepted == ["roman@example.org"]


def test_with_pipelining_the_envelope_leaves_in_one_flight():
    """A server that answers MAIL only when DATA is there sees all three."""

    async def scene() -> str:
        seen = ""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal seen
            writer.write(b"220 x\r\n")
            await reader.readline()
            writer.write(b"250-x\r\n250 PIPELINING\r\n")
            seen = (await reader.readuntil(b"DATA\r\n")).decode()
            writer.write(b"250 ok\r\n250 ok\r\n354 go\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 ok\r\n")
            await reader.read()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            backend = SmtpBackend("relay", {"host": "127.0.0.1", "port": port, "tls": "none", "timeouts": QUICK})
            counter = FakeCounter([letter("rita@example.org")])
            await backend.deliver(counter)
            await backend.close()
        assert counter.outcomes["rita@example.org"].result is Result.ACCEPTED
        return seen

    assert asyncio.run(scene()).startswith(
        "MAIL FROM:<bounces@courier.example.org>\r\nRCPT TO:<rita@example.org>\r\nDATA"
    )


@pytest.fixture
def flights(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What bodies leave in: a write each, with what leaves beside them."""
    seen: list[bytes] = []
    write = Wire.write_pieces

    def noted(self: Wire, pieces: Sequence[bytes]) -> None:
        seen.append(b"".join(pieces))
        write(self, pieces)

    monkeypatch.setattr(Wire, "write_pieces", noted)
    return seen


def test_after_a_body_that_went_out_whole_each_waits_for_its_intent_and_leaves_with_its_dot(flights: list[bytes]):
    _, server = run(None, letters(3))
    assert len(server.accepted) == len(flights) == 3
    assert b"\r\n.\r\n" not in flights[0], "the first goes out while its intent goes to disk"
    assert all(flight.count(b"\r\n.\r\n") == 1 for flight in flights[1:])


def test_nothing_of_a_body_that_waits_goes_out_when_its_intent_is_refused(flights: list[bytes]):
    async def scene() -> list[str]:
        async with ScriptedServer() as server:
            backend = relay(server)
            await backend.deliver(FakeCounter(letters(2), stop_after=1))
            await backend.close()
            return server.accepted

    assert len(asyncio.run(scene())) == len(flights) == 1


def test_the_size_is_declared_where_it_is_offered():
    message = letter("rita@example.org")
    _, server = run({}, [message])
    assert (1, f"MAIL FROM:<bounces@courier.example.org> SIZE={len(message.data)}") in server.commands
    _, server = run({}, [message], server={"extensions": ["PIPELINING"]})
    assert (1, "MAIL FROM:<bounces@courier.example.org>") in server.commands


def test_a_message_over_the_servers_limit_is_rejected_without_being_offered():
    counter, server = run({}, letters(2), server={"extensions": ["SIZE 100"]})
    for outcome in counter.outcomes.values():
        assert (outcome.result, outcome.enhanced, outcome.backend_fault) == (Result.REJECTED, "5.3.4", False)
    assert not any(command.startswith("MAIL") for _, command in server.commands)


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0", "SIZE x", "SIZE " + "9" * 500, "SIZE -5", "SIZE ١٢"])
def test_a_size_that_names_no_limit_is_none(size):
    assert outcome_of({}, server={"extensions": [size]}).result is Result.ACCEPTED


def test_a_server_without_ehlo_gets_helo():
    counter, server = run({"EHLO": "502 5.5.1 what"}, letters(3))
    assert {outcome.result for outcome in counter.outcomes.values()} == {Result.ACCEPTED}
    assert [command for _, command in server.commands][1].startswith("HELO ")


def test_one_connection_carries_many_messages_and_ends_with_quit():
    _, server = run({}, letters(10))
    assert server.connections == 1
    assert server.commands[-1] == (1, "QUIT")


def test_a_connection_is_given_up_after_its_share_of_messages():
    _, server = run({}, letters(10), messages_per_connection=3)
    assert server.connections == 4
    assert [mail.connection for mail in server.mails] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]


def test_nobody_waits_for_the_answer_to_quit():
    counter, _ = run({"QUIT": Silence()}, letters(3))
    assert len(counter.outcomes) == 3


def test_many_connections_share_the_list():
    """As many connections as allowed are open at the same time, and no more."""

    async def scene() -> ScriptedServer:
        async with ScriptedServer() as server:
            await send(server, letters(200), connections=5)
            return server

    server = asyncio.run(scene())
    assert server.most_open == 5
    assert len(server.accepted) == 200


def test_a_connection_is_kept_for_the_next_delivery_and_closed_when_it_rests_too_long():
    async def scene() -> None:
        async with ScriptedServer() as server:
            backend = relay(server, idle_timeout=0.1)
            await backend.deliver(FakeCounter(letters(2)))
            await backend.deliver(FakeCounter(letters(2)))
            assert server.connections == 1
            await asyncio.sleep(0.25)
            assert server.open == 0
            assert server.commands[-1] == (1, "QUIT")
            await backend.deliver(FakeCounter(letters(2)))
            assert server.connections == 2
            await backend.close()

    asyncio.run(scene())


# ── what a reply means ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("extensions", [ScriptedServer.DEFAULT_EXTENSIONS, ()], ids=["pipelining", "bare"])
@pytest.mark.parametrize("point", [point for point in POINTS if point != "BODY"])
@pytest.mark.parametrize("code", [450, 451, 452, 421, 500, 550, 552, 554])
def test_a_refusal_gets_its_class(point, code, extensions):
    """4xx is deferred; 5xx at RCPT and the final dot is rejected; 5xx elsewhere turns us away and not the reader."""
    reply = f"{code} {code // 100}.2.0 no"
    script = {point: reply} | ({"HELO": reply} if point == "EHLO" else {})
    outcome = outcome_of(script, server={"extensions": extensions})
    about_us = point in BEFORE_READER or code == 421
    assert outcome == Outcome(
        Result.REJECTED if code >= 500 and not about_us else Result.DEFERRED, code, reply[4:9], reply, about_us
    )


@pytest.mark.parametrize("point", ["RCPT", "."])
def test_policy_and_reputation_are_never_held_against_the_reader(point):
    outcome = outcome_of({point: "550 5.7.1 listed at blocklist.example"})
    assert (outcome.result, outcome.backend_fault) == (Result.REJECTED, True)
    outcome = outcome_of({point: "450 4.7.1 greylisted"})
    assert (outcome.result, outcome.backend_fault) == (Result.DEFERRED, True)


def test_an_account_that_was_switched_off_is_the_readers_though_its_code_says_policy():
    assert not outcome_of({"RCPT": "550 5.7.13 account disabled"}).backend_fault


def test_the_servers_words_are_kept_clean_and_short():
    words = b"550-5.1.1 \x1b[31mred\x07\r\n550-5.1.1 caf\xc3\xa9 \xff\r\n550 5.1.1 " + b"x" * 1500 + b"\r\n"
    outcome = outcome_of({"RCPT": Say(words)})
    assert outcome.result is Result.REJECTED
    assert outcome.reply.startswith("550 5.1.1 [31mred 5.1.1 café")
    assert len(outcome.reply) == 500
    assert outcome.reply.isprintable()


def test_one_refused_reader_does_not_touch_the_others():
    """The transaction that a refusal leaves open is cleared before the next one begins, on the same connection."""
    script = {"RCPT": [OK, "550 5.1.1 no such user", OK, "450 4.2.1 later", OK]}
    for extensions in (ScriptedServer.DEFAULT_EXTENSIONS, ()):
        counter, server = run(dict(script), letters(5), server={"extensions": extensions})
        assert [outcome.code for outcome in counter.outcomes.values()] == [250, 550, 250, 450, 250]
        assert server.connections == 1
        assert server.accepted == [f"reader{n}@example.org" for n in (1, 3, 5)]


def test_a_server_that_takes_a_message_for_nobody_gets_none():
    """RCPT refused and DATA answered with 354: no dot goes out."""
    script = {"RCPT": ["550 5.1.1 no such user", OK], "DATA": ["354 go on", OK]}
    counter, server = run(script, letters(2))
    assert [outcome.code for outcome in counter.outcomes.values()] == [550, 250]
    assert [mail.recipients for mail in server.mails] == [["reader2@example.org"]]
    assert server.unfinished == 1


# ── 421, silence, and the end of the line ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("point", ["MAIL", "RCPT", "DATA", "."])
def test_after_a_421_the_connection_is_not_used_again(point):
    script = {point: ["421 4.3.2 shutting down", OK]}
    counter, server = run(script, letters(3))
    assert server.connections == 2
    after = [command for number, command in server.commands if number == 1]
    assert after[-1] in ("DATA",) or after[-1].startswith(("MAIL", "RCPT"))
    assert [outcome.code for outcome in counter.outcomes.values()] == [421, 250, 250]


@pytest.mark.parametrize("point", ["MAIL", "RCPT", "DATA", "."])
def test_a_server_that_says_421_and_stays_is_left(point):
    """The end is the server's word, not the end of the line."""
    script = {point: [OK, Say(b"421 4.3.2 shutting down\r\n"), OK]}
    counter, server = run(script, letters(3))
    assert server.connections == 2
    expected = [250, 421, 250] if point == "." else [250, 250, 250]
    assert [outcome.code for outcome in counter.outcomes.values()] == expected


@pytest.mark.parametrize("end", ["421 4.3.2 enough", HangUp(), HangUp(reset=True)], ids=["421", "close", "reset"])
def test_a_connection_that_has_had_its_fill_costs_nobody_a_delay(end):
    """What fails on a used connection before it was intended goes out at once over a new one."""
    counter, server = run({"MAIL": [OK, OK, end, OK]}, letters(5))
    assert {outcome.result for outcome in counter.outcomes.values()} == {Result.ACCEPTED}
    assert server.connections == 2


def test_a_connection_that_died_while_it_rested_costs_nobody_a_delay():
    async def scene() -> None:
        async with ScriptedServer() as server:
            backend = relay(server)
            await backend.deliver(FakeCounter(letters(1)))
            for task in list(server._tasks):
                task.cancel()
            await asyncio.sleep(0.02)
            counter = FakeCounter([letter("rita@example.org")])
            await backend.deliver(counter)
            await backend.close()
            assert counter.outcomes["rita@example.org"].result is Result.ACCEPTED

    asyncio.run(scene())


HOSTILE: dict[str, Any] = {
    "closes": HangUp(),
    "resets": HangUp(reset=True),
    "never answers": Silence(),
    "binary": Say(bytes(range(256)) * 4),
    "http": Say(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", then_close=True),
    "100,000 lines": Flood(b"250-and another thing\r\n"),
    "endless line": Flood(b"250 " + b"x" * 4096),
    "endless noise": Flood(b"\0" * 4096),
    "two codes": Say(b"250-yes\r\n550 no\r\n"),
    "half a reply": Say(b"25", then_close=True),
    "half a long reply": Say(b"250-one\r\n250-two\r\n", then_close=True),
    "out of place": Say(b"334 cGFzc3dvcmQ6\r\n"),
    "no code": Say(b"ok\r\n"),
    "code 999": Say(b"999 what\r\n"),
    "code 199": Say(b"199 what\r\n"),
    "only line ends": Flood(b"\r\n", 1000),
}


@pytest.mark.parametrize("extensions", [ScriptedServer.DEFAULT_EXTENSIONS, ()], ids=["pipelining", "bare"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("behaviour", HOSTILE)
def test_a_hostile_server_gets_a_clear_outcome(behaviour, point, extensions):
    """Before the dot a message is deferred and not the reader's fault; after it, it is in doubt. Nothing hangs."""
    script = {point: HOSTILE[behaviour]} | ({"HELO": HOSTILE[behaviour]} if point == "EHLO" else {})
    letters = [letter("rita@example.org")]
    counter, server = run(script, letters, server={"extensions": extensions}, slow=point == "BODY")
    outcome = counter.outcomes["rita@example.org"]
    dot_is_out = point == "." or (point == "BODY" and behaviour == "never answers")
    assert outcome.result is (Result.IN_DOUBT if dot_is_out else Result.DEFERRED)
    assert outcome.backend_fault
    assert outcome.reply
    assert outcome.reply.isprintable()
    assert server.accepted == (["rita@example.org"] if point == "." and server.mails[0].accepted else [])
    if point != ".":
        assert not server.mails


@pytest.mark.parametrize("point", POINTS)
def test_a_hostile_server_does_not_get_the_whole_list(point):
    """A server that fails everybody is left after a few messages; the rest is not taken."""
    counter, _ = run({point: HangUp()}, letters(50), slow=point == "BODY")
    assert len(counter.taken) <= 3


@pytest.mark.parametrize(("behaviour", "most"), [("endless line", 2_000_000), ("100,000 lines", 2_000_000)])
def test_an_endless_reply_takes_no_memory(behaviour, most):
    gc.collect()
    tracemalloc.start()
    try:
        outcome_of({"EHLO": HOSTILE[behaviour]})
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "early",
    [b"250 2.0.0 taken already\r\n", b"250 ok\r\n250 ok\r\n", b"354 go on\r\n"],
)
def test_a_yes_before_the_dot_is_no_yes(early):
    """A server that says 250 together with its 354 gets no final dot from us."""
    outcome = outcome_of({"DATA": Say(b"354 go on\r\n" + early)}, slow=True)
    assert outcome.result is Result.DEFERRED
    assert outcome.backend_fault


@pytest.mark.parametrize("lines", [1, 400_000])
def test_a_no_in_the_middle_of_the_message_counts_and_no_dot_goes_out(lines):
    """Also when it comes while the intent goes to disk; and the message is not offered again."""
    mail = written(b"Subject: x\r\n\r\n" + b"long words\r\n" * lines)
    counter, server = run({"BODY": "552 5.3.4 too big"}, [mail], slow=True)
    outcome = counter.outcomes["rita@example.org"]
    assert (outcome.result, outcome.code, outcome.enhanced) == (Result.REJECTED, 552, "5.3.4")
    assert not server.mails


def test_a_server_that_stops_reading_defers():
    big = written(b"Subject: x\r\n\r\n" + b"long words\r\n" * 1_500_000)
    counter, server = run({"BODY": Silence()}, [big], server={"extensions": ["PIPELINING"]})
    outcome = counter.outcomes["rita@example.org"]
    assert outcome.result is Result.DEFERRED
    assert "takes no more of the message" in outcome.reply
    assert not server.mails


# ── no connection ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_when_nobody_listens_one_message_finds_out_and_the_rest_is_not_taken(unused_port):
    async def scene() -> FakeCounter:
        counter = FakeCounter(letters(100))
        backend = SmtpBackend("relay", {"host": "127.0.0.1", "port": unused_port, "tls": "none", "connections": 20})
        await backend.deliver(counter)
        return counter

    counter = asyncio.run(scene())
    assert len(counter.taken) == 1
    [outcome] = counter.outcomes.values()
    assert outcome.result is Result.DEFERRED
    assert outcome.backend_fault
    assert outcome.reply == f"cannot connect to 127.0.0.1:{unused_port}: Connection refused"


def test_a_relay_that_came_back_is_used_by_the_next_delivery():
    async def scene() -> None:
        async with ScriptedServer({"CONNECT": ["421 4.3.2 not now", OK]}) as server:
            backend = relay(server, connections=4)
            counter = FakeCounter(letters(10))
            await backend.deliver(counter)
            assert [outcome.code for outcome in counter.outcomes.values()] == [421]
            await backend.deliver(counter)
            assert len(server.accepted) == 9
            await backend.close()

    asyncio.run(scene())


def test_a_relay_that_allows_fewer_connections_than_we_have_still_gets_everything():
    """Connections that are turned away defer the message they came with; those that stand carry the rest."""

    async def scene() -> None:
        async with ScriptedServer({"CONNECT": [OK, OK, "421 4.7.0 too many connections"]}) as server:
            counter = await send(server, letters(60), connections=5)
            results = [outcome.result for outcome in counter.outcomes.values()]
            assert results.count(Result.DEFERRED) <= 3
            assert results.count(Result.ACCEPTED) == 60 - results.count(Result.DEFERRED)
            assert not counter.waiting

    asyncio.run(scene())


# ── being stopped ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(3):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    ("point", "expected"),
    [("CONNECT", []), ("EHLO", []), ("MAIL", []), ("DATA", []), (".", [Result.IN_DOUBT])],
)
def test_a_delivery_that_is_cancelled_settles_what_is_in_doubt_and_nothing_else(point, expected):
    async def scene() -> FakeCounter:
        async with ScriptedServer({point: Silence()}) as server:
            counter = FakeCounter(letters(3))
            backend = relay(server, timeouts={})
            task = asyncio.create_task(backend.deliver(counter))
            await until(lambda: server.mails if point == "." else server.open and counter.taken)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await backend.close()
            await until(lambda: server.open == 0)
            return counter

    counter = asyncio.run(scene())
    assert [outcome.result for outcome in counter.outcomes.values()] == expected


def test_a_bug_in_the_counter_comes_out_and_leaves_no_connection():
    async def scene() -> None:
        async with ScriptedServer() as server:

            def bug(message: Message) -> None:
                raise KeyError("bug")

            backend = relay(server, connections=3)
            with pytest.raises(ExceptionGroup, match="unhandled"):
                await backend.deliver(FakeCounter(letters(9), before_intent=bug))
            await backend.close()
            await until(lambda: server.open == 0)
            assert not server.mails

    asyncio.run(scene())


def test_two_deliveries_share_the_connections_fairly():
    """A short list does not wait for the end of a long one."""

    async def scene() -> None:
        async with ScriptedServer() as server:
            backend = relay(server, connections=2)
            long, short = FakeCounter(letters(400)), FakeCounter([letter("markets@example.org", 999)])
            task = asyncio.create_task(backend.deliver(long))
            await until(lambda: len(server.mails) > 10)
            await backend.deliver(short)
            assert long.waiting, "the short list waited for the long one"
            await task
            await backend.close()
            assert server.most_open <= 2
            assert len(server.accepted) == 401

    asyncio.run(scene())


# ── doctor ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_check_of_a_ready_relay_is_empty_and_sends_nothing():
    async def scene() -> None:
        async with ScriptedServer() as server:
            assert await relay(server).check() == []
            await until(lambda: server.open == 0)
            assert [command.split()[0] for _, command in server.commands] == ["EHLO", "QUIT"]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"CONNECT": "554 5.7.1 go away"}, "relay: 554 5.7.1 go away"),
        ({"EHLO": "550 5.7.1 bad name", "HELO": "550 5.7.1 bad name"}, "relay: 550 5.7.1 bad name"),
        ({"CONNECT": Silence()}, "relay: 127.0.0.1:{port}: no answer to the connection within 0.2 s"),
        ({"CONNECT": Say(b"SSH-2.0-OpenSSH_9\r\n")}, "relay: 127.0.0.1:{port}: not SMTP: 'SSH-2.0-OpenSSH_9'"),
    ],
)
def test_the_check_says_what_is_wrong(script, words):
    async def scene() -> None:
        async with ScriptedServer(script) as server:
            assert await relay(server).check() == [words.format(port=server.port)]

    asyncio.run(scene())


def test_no_address_is_logged(caplog):
    caplog.set_level(logging.INFO)
    run({"RCPT": [OK, "550 5.1.1 no"]}, letters(4))
    assert "example.org" not in caplog.text


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
