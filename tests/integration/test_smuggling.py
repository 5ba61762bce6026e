"""SMTP smuggling (CVE-2023-51764 to 51766): text that looks like the end of a message never ends one.

The receiver of these tests reads lines as the servers did that it went through: a CR or LF alone ends a line, and a NUL is
not there. Each ending stands in every field of a story and in the reader's name, with a second message behind it.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections import Counter
from dataclasses import replace
from email.message import EmailMessage
from functools import cache

import pytest
from markupsafe import Markup, escape

from newsletter.backends.base import Message, Result
from newsletter.backends.smtp import SmtpBackend
from newsletter.rendering.mime import CompiledMessage
from newsletter.rendering.model import BulletView, EditionView, SectionView, StoryView
from newsletter.rendering.page import TemplateSet
from newsletter.testing.counter import FakeCounter
from newsletter.testing.samples import ordinary
from tests import mails
from tests.integration.smtp_receiver import DIALECTS, Receiver, honest

ENDINGS = {
    "LF . LF": "\n.\n",
    "LF . CRLF": "\n.\r\n",
    "LF . CR": "\n.\r",
    "CRLF . LF": "\r\n.\n",
    "CRLF . CR": "\r\n.\r",
    "CR . CR": "\r.\r",
    "CR . LF": "\r.\n",
    "CR . CRLF": "\r.\r\n",
    "CRLF NUL . CRLF": "\r\n\0.\r\n",
    "CRLF . NUL CRLF": "\r\n.\0\r\n",
    "CRLF . CR CRLF": "\r\n.\r\r\n",
    "NEL . NEL": "\x85.\x85",
    "CRLF . CRLF": "\r\n.\r\n",
}
READERS = 3


def smuggled(ending: str) -> str:
    return (
        f"Good morning.{ending}MAIL FROM:<eve@example.org>\r\nRCPT TO:<omar@reader.test>\r\nDATA\r\n"
        f"Subject: smuggled\r\n\r\nBuy boats.{ending}BDAT 2 LAST\r\nhiQUIT\r\n"
    )


@cache
def letters(ending: str) -> tuple[Message, ...]:
    """A mail to each reader, made as the press makes it, with the text wherever an editor, a feed or a reader can put it."""
    text = smuggled(ending)
    html = Markup("<p>{}</p><pre>{}</pre>").format(text, text)
    story = StoryView(
        "story", text, kicker=text, short_headline=text, dek=text, preheader=text, body_html=html, body_text=text,
        bullets=(BulletView(text, escape(text), text),), byline=text,
    )  # fmt: skip
    layouts = ("lead", "brief", "list", "labelled")
    edition: EditionView = replace(
        ordinary(),
        sections=tuple(SectionView(layout, text, layout, (replace(story, key=layout),)) for layout in layouts),
        subject=text, preheader=text, greeting=text, introduction=text, sign_off=text, reason=text,
    )  # fmt: skip
    compiled = CompiledMessage.compile(TemplateSet.load(mails.TEMPLATE).render(edition), mails.HEADERS)
    readers = [replace(mails.RITA, address=f"reader{n}@reader.test", first_name=text) for n in range(1, READERS + 1)]
    return tuple(
        Message(n, compiled.sender, reader.address, compiled.build(reader)) for n, reader in enumerate(readers, start=1)
    )


def deliver(messages: tuple[Message, ...], offers: tuple[str, ...]) -> tuple[FakeCounter, Receiver]:
    async def scene() -> tuple[FakeCounter, Receiver]:
        async with Receiver(offers, lenient=True) as receiver:
            counter = FakeCounter(messages)
            backend = SmtpBackend(
                "relay", {"host": receiver.host, "port": receiver.port, "tls": "none", "connections": 1}
            )
            async with asyncio.timeout(10):
                await backend.deliver(counter)
            await backend.close()
            while receiver.open:  # noqa: ASYNC110 (until QUIT has come)
                await asyncio.sleep(0.001)
            return counter, receiver

    return asyncio.run(scene())


def verbs(receiver: Receiver) -> Counter[str]:
    return Counter(command.partition(" ")[0] for command in receiver.commands)


def only_crlf(wire: bytes) -> None:
    """Holds that no CR or LF stands alone in what came, and no NUL at all."""
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", wire)


@pytest.mark.parametrize("offers", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_the_end_of_a_message_in_a_story_ends_none(ending: str, offers: tuple[str, ...]) -> None:
    messages = letters(ending)
    counter, receiver = deliver(messages, offers)
    assert {outcome.result for outcome in counter.outcomes.values()} == {Result.ACCEPTED}
    honest(counter, receiver.recipients)
    assert len(receiver.taken) == READERS
    assert {taken.sender for taken in receiver.taken} == {"bounce@courier.example.org"}
    for wire in receiver.wire:
        only_crlf(bytes(wire))
    said = verbs(receiver)
    assert said.keys() <= {"EHLO", "MAIL", "RCPT", "DATA", "BDAT", "QUIT"}
    assert said["MAIL"] == said["RCPT"] == READERS
    # And the reader sees what the story said: nothing was cut off.
    for taken, message in zip(receiver.taken, messages, strict=True):
        assert taken.data == message.data
        mail = email.message_from_bytes(taken.data, policy=email.policy.SMTP)
        assert isinstance(mail, EmailMessage)
        for kind in ("plain", "html"):
            part = mail.get_body((kind,))
            assert part is not None
            assert str(part.get_content()).count("Buy boats.") >= 4


@pytest.mark.parametrize("offers", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize(
    "ending", [ending for ending in ENDINGS.values() if ending not in ("\r\n.\r\n", "\x85.\x85")],
    ids=[name for name in ENDINGS if name not in ("CRLF . CRLF", "NEL . NEL")],
)  # fmt: skip
def test_a_message_that_was_not_made_here_and_could_end_early_is_refused_and_the_others_go_out(
    ending: str, offers: tuple[str, ...]
) -> None:
    """A plug-in's message reaches the backend as bytes: what a server could take for an end is not sent at all."""
    bad = Message(9, "bounce@courier.example.org", "rita@reader.test", f"Subject: x\r\n\r\n{smuggled(ending)}".encode())
    good = letters("\r\n.\r\n")
    counter, receiver = deliver((*good[:1], bad, *good[1:]), offers)
    assert counter.outcomes["rita@reader.test"].result is Result.REJECTED
    assert counter.outcomes["rita@reader.test"].reply
    honest(counter, receiver.recipients)
    assert len(receiver.taken) == READERS
    for wire in receiver.wire:
        only_crlf(bytes(wire))


@pytest.mark.parametrize("offers", DIALECTS.values(), ids=DIALECTS)
def test_a_true_end_of_a_message_in_the_bytes_of_one_arrives_inside_it(offers: tuple[str, ...]) -> None:
    """CRLF . CRLF is fine in a message: by DATA its dot is doubled, and by BDAT it means nothing."""
    text = f"Subject: x\r\n\r\n{smuggled(chr(13) + chr(10) + '.' + chr(13) + chr(10))}".encode()
    message = Message(1, "bounce@courier.example.org", "rita@reader.test", text)
    counter, receiver = deliver((message,), offers)
    honest(counter, receiver.recipients)
    assert [taken.data for taken in receiver.taken] == [text]


def test_the_receiver_of_these_tests_can_be_smuggled_to() -> None:
    """Each ending, sent as it is by a client that does not care, makes two messages of one: the tests above can fail."""

    async def careless(ending: str) -> list[str]:
        async with Receiver((), lenient=True) as receiver:
            reader, writer = await asyncio.open_connection(receiver.host, receiver.port)
            for command in ("EHLO x", "MAIL FROM:<a@example.org>", "RCPT TO:<rita@reader.test>", "DATA"):
                writer.write(f"{command}\r\n".encode())
                await asyncio.sleep(0.005)
            writer.write(f"Subject: x\r\n\r\n{smuggled(ending)}\r\n.\r\n".encode("latin-1"))
            async with asyncio.timeout(5):
                await reader.read()
            writer.close()
            await writer.wait_closed()
            return receiver.recipients

    for name, ending in ENDINGS.items():
        if name not in ("NEL . NEL",):
            assert asyncio.run(careless(ending)) == ["rita@reader.test", "omar@reader.test"], name
