"""The pump over the smtp backend, at a server that fails: the right verdict, the right retry, a breaker that says why."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from newsletter.audience.models import Subscriber
from newsletter.backends.base import Message
from newsletter.backends.smtp import SmtpBackend
from newsletter.database import Database
from newsletter.delivery.breaker import Breaker, Gate
from newsletter.delivery.models import Status
from newsletter.delivery.pump import Delivered
from newsletter.delivery.report import names, report
from newsletter.testing import FixedClock
from newsletter.testing.smtp import OK, Say, ScriptedServer
from tests.integration.delivery_world import NOW, World, address, make_world
from tests.integration.smtp_receiver import Receiver
from tests.integration.smtp_sink import sink

QUICK = {"connect": 1, "greeting": 1, "command": 1, "data": 1, "block": 1, "dot": 1}
READERS = 12
EVERYBODY = {address(number) for number in range(1, READERS + 1)}


@pytest.fixture
def world(on_sqlite: Database, clock: FixedClock) -> World:
    """Readers who wait for an edition."""
    return make_world(on_sqlite, clock, READERS)


def relay(port: int, **options: Any) -> SmtpBackend:
    known = {"host": "127.0.0.1", "port": port, "tls": "none", "connections": 1, "timeouts": QUICK}
    return SmtpBackend("fake", known | options)


async def pump(world: World, port: int, breakers: dict[str, Breaker], **options: Any) -> Delivered:
    backend = relay(port, **options.pop("relay", {}))
    try:
        async with asyncio.timeout(20):
            return await world.pump(backend, breakers=breakers, **options).run()
    finally:
        await backend.close()


def who(world: World, status: Status) -> set[str]:
    return {address(number) for number, is_now in world.statuses().items() if is_now is status}


def reasons(world: World) -> str:
    return "\n".join(
        f"{one.status}: {one.reason}: {one.reply}" for one in report(world.database, world.edition).reasons
    )


def goes_on(world: World, clock: FixedClock, breakers: dict[str, Breaker], delivered: Delivered) -> None:
    """Holds that, once the server is well, everyone who is still to go gets one copy, and nobody else gets any."""
    to_go = who(world, Status.DEFERRED) | who(world, Status.PENDING)

    async def scene() -> list[str]:
        async with Receiver() as receiver:
            last = delivered
            for _ in range(6):
                if last.next_due is None:
                    break
                clock.advance(max(last.next_due - clock.now(), timedelta()))
                last = await pump(world, receiver.port, breakers)
            assert last.done
            return receiver.recipients

    assert sorted(asyncio.run(scene())) == sorted(to_go)
    assert who(world, Status.ACCEPTED) >= to_go
    assert world.balanced()


WORDS = {
    "-f": "500 5.3.0 Error: command failed",
    "-r": "450 4.3.0 Error: command failed",
    "-q": "the server closed the connection",
    "-Q": "421 4.0.0 Server closing connection",
}
# What the sink is told, what becomes of the readers, and words of the report.
FAULTS: list[tuple[str, str, str]] = [
    *(
        (f"{fault} {point}", "waits", words)
        # A sink that refuses EHLO must not take HELO for it, or nothing is refused.
        for point in ("CONNECT", "EHLO,HELO", "MAIL", "DATA")
        for fault, words in WORDS.items()
    ),
    ("-f RCPT", "rejected", WORDS["-f"]),
    ("-r RCPT", "deferred", WORDS["-r"]),
    ("-q RCPT", "waits", WORDS["-q"]),
    ("-Q RCPT", "waits", WORDS["-Q"]),
    ("-f .", "rejected", WORDS["-f"]),
    ("-r .", "deferred", WORDS["-r"]),
    ("-q .", "in doubt", WORDS["-q"]),
    ("-Q .", "waits", WORDS["-Q"]),
    # RSET clears away what a refused reader left behind, and is as good as a word on nobody.
    *((f"-f RCPT {fault} RSET", "rejected", WORDS["-f"]) for fault in ("-r", "-q", "-Q")),
    ("-f RCPT,RSET", "rejected", WORDS["-f"]),
    *((f"{fault} QUIT", "accepted", "") for fault in WORDS),
    ("-A 0", "rejected", "550 This violates SMTP"),
    ("-p", "accepted", ""),
    ("-e", "accepted", ""),
    ("-8", "accepted", ""),
    ("-p -f RCPT", "rejected", WORDS["-f"]),
    ("-p -q .", "in doubt", WORDS["-q"]),
    ("-e -Q DATA", "waits", WORDS["-Q"]),
]


@pytest.mark.needs("smtp-sink")
@pytest.mark.parametrize(("told", "becomes", "words"), FAULTS, ids=lambda value: value.split(" no ")[0])
def test_a_fault_of_the_sink_gets_its_verdict_its_retry_and_its_words(
    world: World, clock: FixedClock, told: str, becomes: str, words: str
) -> None:
    breakers = {"fake": Breaker()}
    with sink(*told.split()) as port:
        delivered = asyncio.run(pump(world, port, breakers))
    gate, tried = breakers["fake"].gate(NOW), READERS - len(who(world, Status.PENDING))
    match becomes:
        case "accepted":
            assert who(world, Status.ACCEPTED) == EVERYBODY
        case "rejected":
            assert who(world, Status.REJECTED) == EVERYBODY
        case "deferred":
            assert who(world, Status.DEFERRED) == EVERYBODY
            assert delivered.next_due is not None
            assert timedelta(seconds=48) <= delivered.next_due - NOW <= timedelta(seconds=72)
        case "waits":
            assert len(who(world, Status.DEFERRED)) == tried
        case "in doubt":
            assert len(who(world, Status.IN_DOUBT)) == tried
    if becomes in ("waits", "in doubt"):
        waits(world, breakers, delivered)
    else:
        assert gate is Gate.CLOSED
        assert tried == READERS
    assert words in reasons(world)
    assert world.balanced()
    goes_on(world, clock, breakers, delivered)


@pytest.mark.needs("smtp-sink")
def test_a_sink_that_is_slower_than_the_patience_that_was_set_is_waited_for_later(
    world: World, clock: FixedClock
) -> None:
    breakers = {"fake": Breaker()}
    with sink("-w", "5") as port:
        delivered = asyncio.run(pump(world, port, breakers, relay={"timeouts": {**QUICK, "command": 0.2, "data": 0.2}}))
    waits(world, breakers, delivered)
    assert "no answer to" in reasons(world)
    goes_on(world, clock, breakers, delivered)


def waits(world: World, breakers: dict[str, Breaker], delivered: Delivered) -> None:
    """Holds that the breaker opened after five failures and what was with the backend by then, and rests for a minute."""
    assert breakers["fake"].gate(NOW) is Gate.OPEN
    assert 5 <= READERS - len(who(world, Status.PENDING)) <= 7
    assert not delivered.done
    assert delivered.next_due is not None
    assert timedelta(seconds=48) <= delivered.next_due - NOW <= timedelta(seconds=72)


# ── 421 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offers", [ScriptedServer.DEFAULT_EXTENSIONS, ()], ids=["pipelining", "bare"])
@pytest.mark.parametrize("end", ["421 4.3.2 closing", Say(b"421 4.3.2 closing\r\n")], ids=["closes", "stays"])
@pytest.mark.parametrize("point", ["MAIL", "RCPT", "DATA", "."])
def test_after_a_421_the_line_is_left_and_nobody_gets_two(
    world: World, clock: FixedClock, point: str, end: Any, offers: tuple[str, ...]
) -> None:
    """Also when the next envelope left together with the message that was answered with 421."""
    breakers = {"fake": Breaker()}

    async def scene() -> tuple[Delivered, ScriptedServer]:
        async with ScriptedServer({point: [OK, OK, end, OK]}, extensions=offers) as server:
            return await pump(world, server.port, breakers), server

    delivered, server = asyncio.run(scene())
    assert server.connections == 2
    assert breakers["fake"].gate(NOW) is Gate.CLOSED
    assert sorted(server.accepted) == sorted(who(world, Status.ACCEPTED))
    # At the dot the server spoke of a message, and the reader waits a minute; before it, it spoke of the line alone.
    assert len(who(world, Status.DEFERRED)) == (1 if point == "." else 0)
    ended = [mail.connection for mail in server.mails]
    assert ended == sorted(ended), "a message went over the first line after its end"
    assert ended.count(1) == (3 if point == "." else 2)
    assert not server.violations
    goes_on(world, clock, breakers, delivered)


# ── addresses ─────────────────────────────────────────────────────────────────────────────────────────────────────────

BAD = {
    "a space": "rita reads@example.org",
    "a tab": "rita\treads@example.org",
    "CR": "rita\r@example.org",
    "LF": "rita\n@example.org",
    "a second command": "rita@example.org>\r\nRCPT TO:<omar@example.org",
    "NUL": "rita\0@example.org",
    "an angle that opens": "ri<ta@example.org",
    "an angle that closes": "rita@example.org> SIZE=1",
    "a name": "Rita <rita@example.org>",
    "two addresses": "rita@example.org,omar@example.org",
    "a C1 control": "rita\x85@example.org",
    "a line separator": "rita\u2028@example.org",
    "no domain": "rita@",
    "nothing": "",
}


def spoil(world: World, numbers: Iterator[int]) -> dict[int, str]:
    """Gives readers bad addresses behind the back of the import, which would have refused them."""
    spoilt = dict(zip(numbers, BAD.values(), strict=False))
    with world.database.write_connection() as connection:
        for number, bad in spoilt.items():
            connection.execute(update(Subscriber).where(Subscriber.id == number).values(email=bad))
    return spoilt


def test_a_bad_address_is_rejected_by_name_before_a_connection_is_opened(
    on_sqlite: Database, clock: FixedClock
) -> None:
    world = make_world(on_sqlite, clock, len(BAD))
    spoilt = spoil(world, iter(range(1, len(BAD) + 1)))

    async def scene() -> tuple[Delivered, int]:
        async with ScriptedServer() as server:
            return await pump(world, server.port, {}), server.connections

    delivered, connections = asyncio.run(scene())
    assert connections == 0
    assert delivered.done
    assert {one.subscriber: one.email for one in names(on_sqlite, world.edition, Status.REJECTED)} == spoilt
    assert world.balanced()


def test_the_others_go_out_when_some_addresses_are_bad(world: World) -> None:
    spoilt = spoil(world, iter(range(1, READERS, 2)))

    async def scene() -> ScriptedServer:
        async with ScriptedServer() as server:
            assert (await pump(world, server.port, {})).done
            return server

    server = asyncio.run(scene())
    found = names(world.database, world.edition, Status.REJECTED)
    assert {one.subscriber: one.email for one in found} == spoilt
    assert all("address" in one.reply for one in found)
    assert sorted(server.accepted) == sorted(address(number) for number in range(2, READERS + 1, 2))
    assert not server.violations
    assert world.balanced()


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_no_message_can_be_made_from_a_bad_sender(bad: str) -> None:
    with pytest.raises(ValueError, match="sender"):
        Message(1, bad, "rita@example.org", b"")
