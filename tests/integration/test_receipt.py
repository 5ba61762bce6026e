"""Real receipt: what a reader gets through Postfix, Exim, OpenSMTPD, Haraka and aiosmtpd is what the outbox shows."""

from __future__ import annotations

import asyncio
import email
import uuid
from collections.abc import Iterable
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import aiosmtpd.smtp
import pytest

from newsletter.backends.base import Backend, Message, Result
from newsletter.backends.outbox import OutboxBackend
from newsletter.backends.smtp import SmtpBackend
from newsletter.rendering.model import ReaderValues
from newsletter.testing.counter import FakeCounter
from newsletter.testing.samples import VARIANTS
from tests import mails
from tests.integration import mail_servers
from tests.integration.mail_servers import PATIENCE, raw_headers

NAMES = {
    "rita": "Rita",
    "edith": "",  # no first name: the greeting falls back
    "omar": "Omar",
    "keiko": "恵子",
    "layla": "ليلى",
    "zoe": "Zoë & Søren",
    "aoife": "Aoife <O’Brien>",
    "longest": "和" * 40,
}


def letters(variant: str) -> list[Message]:
    """One mail of a sample edition for each name, at addresses that no other test has."""
    compiled = mails.compiled(variant)
    out = []
    for subscriber, (who, first_name) in enumerate(NAMES.items(), start=1):
        token = uuid.uuid4().hex
        reader: ReaderValues = replace(
            mails.RITA,
            address=f"{who}.{token}@reader.test",
            first_name=first_name,
            message_id=f"{token}@courier.example.org",
            unsubscribe_url=f"https://courier.example.org/u/{token}",
        )
        out.append(Message(subscriber, compiled.sender, reader.address, compiled.build(reader)))
    return out


async def deliver(backend: Backend, messages: Iterable[Message]) -> None:
    """Sends all of them, and holds that each is accepted."""
    counter = FakeCounter(messages)
    try:
        async with asyncio.timeout(PATIENCE):
            await backend.deliver(counter)
    finally:
        await backend.close()
    assert not counter.unsettled
    assert {outcome.result for outcome in counter.outcomes.values()} == {Result.ACCEPTED}


def relay(host: str, port: int) -> SmtpBackend:
    return SmtpBackend("relay", {"host": host, "port": port, "tls": "none", "connections": 2})


def outbox(messages: Iterable[Message], folder: Path) -> dict[str, bytes]:
    """Recipient and message, as the outbox wrote it."""
    asyncio.run(deliver(OutboxBackend("outbox", {"path": "outbox"}, folder), messages))
    written = [file.read_bytes() for file in (folder / "outbox" / "new").iterdir()]
    return {parsed(raw)["To"].addresses[0].addr_spec: raw for raw in written}


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def part(raw: bytes, kind: str) -> str:
    body = parsed(raw).get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("server", mail_servers.EVERY)
@pytest.mark.parametrize("variant", VARIANTS)
def test_through_a_mail_server_the_reader_gets_the_text_the_html_and_every_header_of_the_outbox(
    variant, server, tmp_path
):
    messages = letters(variant)
    expected = outbox(messages, tmp_path)
    assert len(expected) == len(NAMES)

    asyncio.run(deliver(relay(server.host, server.port), messages))

    received = server.delivered(expected)
    assert received.keys() == expected.keys()
    for address, ours in expected.items():
        theirs = received[address]
        assert part(theirs, "html") == part(ours, "html")
        assert part(theirs, "plain") == part(ours, "plain")
        added = [name for name, _ in raw_headers(theirs)][: -len(raw_headers(ours))]
        assert set(added) == set(server.added)
        assert dict(raw_headers(theirs))["return-path"].strip() == b"<bounce@courier.example.org>"
        assert server.without_added(theirs) == ours


class Keeper:
    """An aiosmtpd handler that keeps each message as the bytes that came."""

    def __init__(self) -> None:
        self.received: dict[str, bytes] = {}

    async def handle_DATA(  # noqa: N802
        self, server: aiosmtpd.smtp.SMTP, session: aiosmtpd.smtp.Session, envelope: aiosmtpd.smtp.Envelope
    ) -> str:
        (recipient,) = envelope.rcpt_tos
        assert recipient not in self.received, "somebody got it twice"
        content = envelope.original_content
        assert content is not None
        self.received[recipient] = content
        return "250 2.0.0 kept"


@pytest.mark.parametrize("variant", VARIANTS)
def test_through_aiosmtpd_the_reader_gets_the_very_bytes_of_the_outbox(variant, tmp_path):
    messages = letters(variant)
    expected = outbox(messages, tmp_path)
    keeper = Keeper()

    async def scene() -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: aiosmtpd.smtp.SMTP(keeper, hostname="mx.reader.test"), "127.0.0.1", 0
        )
        async with server:
            await deliver(relay(*server.sockets[0].getsockname()), messages)

    asyncio.run(scene())

    assert keeper.received == expected


@pytest.mark.parametrize("first_name", [name for name in NAMES.values() if name])
def test_a_first_name_of_any_script_stands_in_the_text_of_the_outbox(first_name, tmp_path):
    written = outbox(letters("ordinary"), tmp_path)
    assert any(first_name in part(raw, "plain").replace("\n", " ") for raw in written.values())
