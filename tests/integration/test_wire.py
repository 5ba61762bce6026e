"""Ten thousand editions with hostile stories, names and addresses, as a server receives them: the wire linter finds
nothing in any.

What is made, in chunks so that processors may share them:

- 9,700 frozen variants, of two documents that hold every slot in every context between hostile words, with a hostile
  subject, sender, list name and a field of one's own;
- 300 editions of the sample newsroom whose stories, words and links are hostile, through Markdown, the real template and
  the inliner.

Each goes to one reader with a hostile name and links, whose address is one in eight times none at all and has to be
refused. All others go through the smtp backend and a socket, and are looked at as they come out there.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from markupsafe import escape

from newsletter.backends.base import Message, Result
from newsletter.backends.smtp import SmtpBackend
from newsletter.errors import DeliveryError
from newsletter.rendering import slots, wire
from newsletter.rendering.headers import recipient
from newsletter.rendering.mime import CompiledMessage
from newsletter.rendering.model import BulletView, EditionView, ReaderValues, Rendered, SectionView, Slot, StoryView
from newsletter.rendering.page import TemplateSet
from newsletter.stories import markup
from newsletter.testing.counter import FakeCounter
from newsletter.testing.samples import ordinary
from newsletter.testing.smtp import ScriptedServer
from newsletter.text import clean, one_line
from tests import mails
from tests.integration.test_receipt import deliver, relay
from tests.unit import hostile

CHUNKS = 20
FROZEN, PRINTED = 9_700 // CHUNKS, 300 // CHUNKS

SLOTS = (
    Slot("first_name", ", ", "", " there"),
    Slot("unsubscribe_url"),
    Slot("view_url"),
    Slot("preferences_url"),
    Slot("first_name"),
)
IN_HTML = (
    "<p>{0}</p>",
    '<img alt="For {4}" src="https://images.example.org/a.png">',
    '<a href="{1}">Leave</a>',
    '<!--[if mso]><v:roundrect href="{2}"></v:roundrect><![endif]-->',
    '<a href="mailto:?body={2}">Share</a>',
    '<a href="https://share.example/?u={3}">Share</a>',
    "{4}{1}{4}",
)
IN_TEXT = ("{0}", "{1}", "\n{2}\n", "{3}{4}", " {4}.", "\n.{4}")
SCRIPTS = (
    "東京の朝のニュース。",
    "صباح الخير يا عالم ",
    "שלום לכולם ",
    "Доброе утро ",
    "👩‍🚀🏳️‍🌈",
    "The harbour opens. ",
)
LONG = "https://courier.example.org/" + "a/.b" * 500
ADDRESSES = (
    "rita@example.org",
    "o'rita+news@mail.example.org",
    "r" * 64 + "@example.org",
    "=rita?@example.org",
    "rita@straße.example",
    "rita@例え.test",
    f"rita@{'a' * 63}.{'b' * 63}.{'c' * 63}.example",
    "RITA.{x}@X--Y.example",
)
NO_ADDRESSES = (
    "rita@example.org\r\nBcc: omar@example.org",
    "rita@example.org\0",
    "rita@example.org, omar@example.org",
    "<rita@example.org>",
    "rita <rita@example.org>",
    "ri ta@example.org",
    '"ri ta"@example.org',
    "rita@exa\nmple.org",
    ".rita@example.org",
    "=?utf-8?q?rita?=@example.org",
    "rita@",
    "",
)


def words(dice: random.Random) -> str:
    """Hostile words, one time in seven much of one script, one time in fifty a long link."""
    said = hostile.drawn(dice)
    if dice.random() < 0.15:
        said += dice.choice(SCRIPTS) * dice.randrange(20)
    return said + LONG if dice.random() < 0.02 else said


def frozen(dice: random.Random) -> Rendered:
    def document(places: tuple[str, ...], story: Callable[[], str]) -> str:
        made = dice.sample(places, k=len(places))
        names = [
            (slots.url_word if slot.name.endswith("_url") else slots.word)(hostile.NONCE, index)
            for index, slot in enumerate(SLOTS)
        ]
        whole = "".join(story() + place.format(*names) for place in made) + story()
        # Plain words enough make it a part for quoted-printable.
        return whole + "The harbour opens again. " * (len(whole) // 12 if dice.random() < 0.6 else 0)

    def said() -> str:
        return words(dice).replace(hostile.NONCE, "")

    html = document(IN_HTML, lambda: str(escape(said())) if dice.random() < 0.4 else "")
    text = document(IN_TEXT, lambda: said() if dice.random() < 0.4 else "")
    return Rendered(one_line(said()) or "News", "", html, text, SLOTS, hostile.NONCE, "")


TEMPLATE = TemplateSet.load(mails.TEMPLATE)


def printed(dice: random.Random) -> Rendered:
    return TEMPLATE.render(edition(dice))


def edition(dice: random.Random) -> EditionView:
    """An edition with hostile stories, cleaned as the store cleans what it takes in."""

    def line() -> str:
        return one_line(words(dice)) if dice.random() < 0.7 else ""

    def story(key: int) -> StoryView:
        body = clean("\n\n".join(words(dice) for _ in range(dice.randrange(4))))
        said = clean(words(dice))
        return StoryView(
            key=f"story-{key}",
            headline=line() or "News",
            kicker=line(),
            short_headline=line(),
            dek=line(),
            byline=line(),
            body_html=markup.block_html(body),
            body_text=markup.plain(body),
            bullets=(BulletView(line() or "Why", markup.inline_html(said), markup.plain_inline(said), LONG),),
            url=LONG if dice.random() < 0.5 else "https://courier.example.org/?a=1&b='2'",
        )

    layouts = dice.sample(["lead", "brief", "labelled", "list"], k=dice.randrange(1, 4))
    sections = tuple(
        SectionView(layout, line(), layout, (story(2 * number), story(2 * number + 1)))
        for number, layout in enumerate(layouts)
    )
    return replace(
        ordinary(),
        sections=sections,
        subject=line() or "News",
        preheader=line(),
        greeting=line(),
        introduction=line(),
        sign_off=line(),
        direction=dice.choice(["ltr", "rtl"]),
    )


def reader(dice: random.Random, number: int) -> ReaderValues:
    at = "https://courier.example.org/{}/" + f"k.morning.{number:022x}.7.{number:x}"
    odd = f"https://courier.example.org/v/?{hostile.drawn(dice)}"
    return ReaderValues(
        address=dice.choice(NO_ADDRESSES if dice.random() < 0.125 else ADDRESSES).replace("{x}", f"{number:x}"),
        first_name=words(dice) if dice.random() < 0.8 else "",
        unsubscribe_url=at.format("u"),
        preferences_url=at.format("p"),
        view_url=odd if dice.random() < 0.3 else at.format("v"),
        message_id=f"morning.{number:x}@courier.example.org",
        unsubscribe_mailto=dice.choice(["", "leave@courier.example.org?subject=unsubscribe%20k.morning"]),
    )


def messages(dice: random.Random, first: int) -> Iterator[Message | None]:
    """A message for each edition, or None for a reader whose address was refused."""
    for number in range(first, first + FROZEN + PRINTED):
        rendered = printed(dice) if number - first < PRINTED else frozen(dice)
        sender = one_line(words(dice))[:300]
        own = (("X-Newsletter-Test", one_line(words(dice)) or "yes"),)
        headers = replace(mails.HEADERS, sender_name=sender, list_name=sender[:100], extra=own)
        compiled, rita = CompiledMessage.compile(rendered, headers), reader(dice, number)
        if rita.address in NO_ADDRESSES:
            with pytest.raises(DeliveryError) as refusal:
                compiled.build(rita)
            assert refusal.value.permanent
            yield None
            continue
        yield Message(number, compiled.sender, recipient(rita.address), compiled.build(rita))


async def received(made: list[Message]) -> list[tuple[list[str], bytes]]:
    async with ScriptedServer() as server:
        counter = FakeCounter(made)
        backend = SmtpBackend("relay", {"host": server.host, "port": server.port, "tls": "none", "connections": 2})
        await backend.deliver(counter)
        await backend.close()
    assert server.violations == []
    assert {outcome.result for outcome in counter.outcomes.values()} == {Result.ACCEPTED}
    return [(mail.recipients, mail.data) for mail in server.mails]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_ten_thousand_hostile_editions_are_right_on_the_wire_as_they_are_received(chunk: int) -> None:
    dice = random.Random(f"edition {chunk}")
    made = list(messages(dice, chunk * (FROZEN + PRINTED)))
    sent = [message for message in made if message is not None]
    assert len(made) == 500
    assert len(sent) > 400

    came = asyncio.run(received(sent))

    assert sorted(data for _, data in came) == sorted(message.data for message in sent)
    for (address,), data in came:
        assert wire.lint(data) == []
        assert re.findall(rb"(?m)^To: (.*)\r$", data.partition(b"\r\n\r\n")[0]) == [address.encode()]


def test_a_reader_with_letters_beyond_ascii_before_the_at_is_reached_where_the_server_takes_smtputf8() -> None:
    address = recipient("用户.é@例え.test")
    message = Message(1, mails.HEADERS.envelope_sender, address, mails.compiled("ordinary").pieces(rita_at(address)))

    async def scene() -> list[tuple[list[str], bytes]]:
        came: list[tuple[list[str], bytes]] = []

        class Keeper:
            async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802
                assert envelope.smtp_utf8
                assert isinstance(envelope.original_content, bytes)
                came.append((envelope.rcpt_tos, envelope.original_content))
                return "250 2.0.0 kept"

        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(Keeper(), hostname="mx.reader.test", enable_SMTPUTF8=True), "127.0.0.1", 0
        )
        async with server:
            await deliver(relay(*server.sockets[0].getsockname()), [message])
        return came

    [(recipients, data)] = asyncio.run(scene())
    assert recipients == [address] == ["用户.é@xn--r8jz45g.test"]
    assert data == message.data
    assert wire.lint(data, smtputf8=True) == []


def rita_at(address: str) -> ReaderValues:
    return replace(mails.RITA, address=address)
