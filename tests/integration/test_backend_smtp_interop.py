"""The smtp backend and mail servers of five makers: mails that are hard to carry come out as the bytes that went in."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack

import aiosmtpd.smtp
import pytest

from newsletter.backends.base import Message, Result
from newsletter.backends.smtp import SmtpBackend
from newsletter.testing.counter import FakeCounter
from tests.integration import mail_servers
from tests.integration.mail_servers import PATIENCE, MailServer
from tests.integration.smtp_receiver import DIALECTS, Receiver, Tap, honest

HEAD = (
    b"From: Edith <edith@courier.example.org>\r\n"
    b"To: rita@reader.test\r\n"
    b"Subject: Monday Briefing\r\n"
    b"Date: Mon, 23 Nov 2026 04:00:00 +0000\r\n"
    b"Message-ID: <%s@courier.example.org>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=us-ascii\r\n"
)

HARD = {
    "lone dots": b".\r\n..\r\n...\r\n.\r\nend\r\n",
    "dots begin lines": b".a\r\n..b\r\n. c\r\nx.\r\n.\r\n",
    "ends in a dot": b"the end\r\n.\r\n",
    "From begins lines": b"From the harbour\r\n>From the harbour\r\nFrom edith@example.org Mon Nov 23 04:00:00 2026\r\n",
    "looks like SMTP": b".\r\nMAIL FROM:<eve@example.org>\r\nRCPT TO:<omar@reader.test>\r\nDATA\r\nRSET\r\nQUIT\r\n",
    "looks like a chunk": b"BDAT 5 LAST\r\nhelloBDAT 0 LAST\r\nQUIT\r\n",
    "spaces end lines": b"a \r\nb\t\r\n \r\n\t\r\nend\r\n",
    "empty lines end it": b"words\r\n\r\n\r\n\r\n",
    "no body": b"",
    "long lines": b"x" * 998 + b"\r\n" + b"." * 998 + b"\r\n",
    "a megabyte": (b"." + b"y" * 75 + b"\r\n") * 13_500,
    "looks like headers": b"Subject: another\r\nBcc: omar@example.org\r\n\r\nContent-Type: text/html\r\n",
}


def letters() -> list[Message]:
    """One hard mail each, to addresses that no other test has."""
    out = []
    for number, (what, text) in enumerate(HARD.items(), start=1):
        token = uuid.uuid4().hex
        data = HEAD % token.encode() + b"\r\n" + text
        out.append(Message(number, "bounces@courier.example.org", f"{what.split()[0]}.{token}@reader.test", data))
    return out


def backend(port: int, **options: object) -> SmtpBackend:
    return SmtpBackend("relay", {"host": "127.0.0.1", "port": port, "tls": "none", "connections": 2} | options)


async def deliver(port: int, messages: list[Message], **options: object) -> FakeCounter:
    """Sends, and holds that all of it is accepted."""
    counter = FakeCounter(messages)
    relay = backend(port, **options)
    try:
        async with asyncio.timeout(PATIENCE):
            await relay.deliver(counter)
    finally:
        await relay.close()
    assert {outcome.result for outcome in counter.outcomes.values()} == {Result.ACCEPTED}
    assert len(counter.outcomes) == len(messages)
    return counter


@pytest.mark.parametrize("server", mail_servers.EVERY)
def test_a_mail_server_delivers_hard_mails_as_they_were(server: MailServer) -> None:
    messages = letters()
    asyncio.run(deliver(server.port, messages))
    delivered = server.delivered(message.recipient for message in messages)
    assert {who: server.without_added(raw) for who, raw in delivered.items()} == {
        message.recipient: message.data for message in messages
    }


def test_aiosmtpd_gets_hard_mails_as_they_were() -> None:
    messages = letters()
    kept: list[tuple[str, bytes]] = []

    class Keeper:
        async def handle_DATA(  # noqa: N802
            self, server: aiosmtpd.smtp.SMTP, session: aiosmtpd.smtp.Session, envelope: aiosmtpd.smtp.Envelope
        ) -> str:
            assert isinstance(envelope.original_content, bytes)
            kept.extend((recipient, envelope.original_content) for recipient in envelope.rcpt_tos)
            return "250 2.0.0 kept"

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: aiosmtpd.smtp.SMTP(Keeper(), loop=loop), "127.0.0.1", 0)
        async with server:
            await deliver(server.sockets[0].getsockname()[1], messages)

    asyncio.run(scene())
    assert sorted(kept) == sorted((message.recipient, message.data) for message in messages)


@pytest.mark.parametrize("offers", DIALECTS.values(), ids=DIALECTS)
def test_hard_mails_arrive_as_they_were_by_every_way_there_is(offers: tuple[str, ...]) -> None:
    messages = letters()

    async def scene() -> Receiver:
        async with Receiver(offers) as receiver:
            honest(await deliver(receiver.port, messages), receiver.recipients)
            return receiver

    receiver = asyncio.run(scene())
    assert {taken.recipients: taken.data for taken in receiver.taken} == {
        (message.recipient,): message.data for message in messages
    }


# ── CHUNKING ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def verbs(sent: bytes) -> set[bytes]:
    return {line.partition(b" ")[0] for line in bytes(sent).split(b"\r\n")} & {b"DATA", b"BDAT"}


@pytest.mark.parametrize(
    "server",
    [*mail_servers.EVERY, *(pytest.param(offers, id=f"ours, {name}") for name, offers in DIALECTS.items())],
)
def test_chunking_is_used_where_it_is_offered_and_nowhere_else(server: MailServer | tuple[str, ...]) -> None:
    token = uuid.uuid4().hex
    text = HEAD % token.encode() + b"\r\nGood morning.\r\n"
    messages = [Message(n, "bounces@courier.example.org", f"chunk{n}.{token}@reader.test", text) for n in range(1, 4)]

    async def scene() -> tuple[bool, set[bytes]]:
        async with AsyncExitStack() as stack:
            if isinstance(server, MailServer):
                host, port = server.host, server.port
            else:
                receiver = await stack.enter_async_context(Receiver(server))
                host, port = receiver.host, receiver.port
            tap = await stack.enter_async_context(Tap(host, port))
            await deliver(tap.port, messages, connections=1)
            return b"CHUNKING\r\n" in tap.received[0], verbs(tap.sent[0])

    offered, used = asyncio.run(scene())
    assert used == ({b"BDAT"} if offered else {b"DATA"})
