"""The message of a variant: its headers, and how a reader's bytes are made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from newsletter.audience.subscribers import show
from newsletter.backends.base import Message
from newsletter.delivery.ledger import Recipient
from newsletter.editions import store
from newsletter.editions.models import Edition, Variant
from newsletter.errors import NotFound
from newsletter.press.render import variants
from newsletter.press.site import Site
from newsletter.rendering import headers as fields
from newsletter.rendering.mime import CompiledMessage, MessageHeaders
from newsletter.rendering.model import ReaderColumns, ReaderValues, Rendered, Slot
from newsletter.rendering.slots import fill, scan

NEUTRAL = 0
"""The subscriber number of copies that are nobody's: their links name no reader."""


def headers(
    site: Site, edition: Edition, segment: str, date: datetime, extra: tuple[tuple[str, str], ...] = ()
) -> MessageHeaders:
    """The headers that all readers of a segment get alike. ``date`` is the Date header's instant."""
    briefing = site.briefing(edition.briefing)
    host = urlsplit(site.settings.publication.base_url).hostname or "localhost"
    return MessageHeaders(
        sender_name=briefing.sender.name,
        sender_address=briefing.sender.address,
        envelope_sender=briefing.sender.envelope or briefing.sender.address,
        date=date,
        list_id=briefing.list_id or f"{edition.briefing}.{host}",
        list_name=briefing.name,
        reply_to=briefing.sender.reply_to or "",
        feedback_id=f"{edition.edition_date:%Y%m%d}:{segment[:20]}:{edition.briefing}:{_sender_id(host)}",
        extra=extra,
    )


def _sender_id(host: str) -> str:
    """The constant last field of Feedback-ID: 5 to 15 characters (Gmail's Feedback-ID rules)."""
    return "n" + hashlib.sha256(host.encode()).hexdigest()[:11]


class Readers:
    """Makes the values of each reader of an edition: what differs for one. They are a function of edition and
    subscriber, so that a message sent again is the same bytes.

    A briefing that was taken out of the configuration has no sender any more, and the two values that name it, which
    stand in headers alone, are empty: its editions can be read, and no message can be made of them.
    """

    def __init__(self, site: Site, edition: Edition) -> None:
        briefing = site.settings.briefings.get(edition.briefing)
        self._links = site.links.of(edition.id, edition.briefing)
        self._before = self._behind = self._leave = ""
        if briefing is not None:
            sender, reply_to = briefing.sender.address, briefing.sender.reply_to
            self._before = f"{edition.briefing}.{edition.edition_date:%Y%m%d}."
            self._behind = f".{edition.id:x}@{fields.addr_spec(sender).rpartition('@')[2]}"
            self._leave = f"{fields.addr_spec(reply_to or sender)}?subject=unsubscribe%20"

    def __call__(self, recipient: Recipient) -> ReaderValues:
        """Those of one reader."""
        return self.many([recipient]).readers()[0]

    def many(self, recipients: Sequence[Recipient]) -> ReaderColumns:
        """Those of many readers."""
        numbers, emails, names, _ = zip(*recipients, strict=True)
        leaving, change, view = self._links.many(numbers)
        before, behind, leave = self._before, self._behind, self._leave
        if not leave:
            nothing = [""] * len(numbers)
            return ReaderColumns(emails, names, leaving, change, view, nothing, nothing)
        # The token is the last part of a link. It has nothing that a URL would have to escape.
        token = leaving[0].rfind("/") + 1
        return ReaderColumns(
            emails,
            names,
            leaving,
            change,
            view,
            [f"{before}{number:x}{behind}" for number in numbers],
            [leave + url[token:] for url in leaving],
        )


def reader_values(site: Site, edition: Edition, recipient: Recipient) -> ReaderValues:
    """The values of one reader; `Readers` for many."""
    return Readers(site, edition)(recipient)


def compiled_for(site: Site, edition: Edition, rendered: Rendered, head: MessageHeaders) -> CompiledMessage:
    """The compiled message of a variant, signed with the briefing's keys. Raises `Refused`, `ConfigError`."""
    return CompiledMessage.compile(rendered, head, site.signing_keys(edition.briefing))


class MessageBuilder:
    """Makes the messages of one variant's readers."""

    def __init__(self, site: Site, edition: Edition, compiled: CompiledMessage) -> None:
        self._values, self._compiled = Readers(site, edition), compiled

    def __call__(self, recipient: Recipient) -> Message:
        """The message of one reader. Raises as `CompiledMessage.pieces`, and ValueError as `Message` does."""
        number, email, _, _ = recipient
        compiled = self._compiled
        pieces = compiled.pieces(self._values(recipient))
        return Message(
            number, compiled.sender, fields.recipient(email), pieces, plain=compiled.plain and email.isascii()
        )

    def many(self, recipients: Sequence[Recipient]) -> list[Message]:
        """The messages of those of many readers who need no closer look, in a fifth of the time: what works on one of
        them is at hand for the next."""
        usual = [recipient for recipient in recipients if fields.is_usual(recipient.email)]
        if not usual:
            return []
        made = self._compiled.many(self._values.many(usual))
        sender, plain = self._compiled.sender, self._compiled.plain
        return [
            Message(number, sender, email, pieces, plain=plain, usual=True)
            for (number, email, _, _), pieces in zip(usual, made, strict=False)
        ]


def frozen(variant: Variant) -> Rendered:
    """A stored variant as rendering knows it."""
    slots: list[Mapping[str, Any]] = variant.slots
    return Rendered(
        subject=variant.subject,
        preheader=variant.preheader,
        html=variant.html,
        text=variant.text,
        slots=tuple(Slot(**slot) for slot in slots),
        nonce=variant.nonce,
        digest=variant.digest,
    )


def rendered_for(site: Site, key: str, segment: str) -> tuple[Edition, Rendered]:
    """What a segment gets: the frozen variant once there is one, else as it would be now. Raises `NotFound`."""
    with site.database.reading() as session:
        edition = store.find(session, key)
        row = session.scalars(
            select(Variant).where(Variant.edition_id == edition.id, Variant.segment == segment)
        ).one_or_none()
        if row is not None:
            return edition, frozen(row)
    site.segment(segment)
    return edition, variants(site, key, segment)[segment].rendered


def html_of(site: Site, edition: Edition, rendered: Rendered, reader: Recipient) -> str:
    """The HTML part alone as one reader sees it; it can be read when no message can be made of it any more."""
    places = scan(rendered.html, rendered.text, rendered.slots, rendered.nonce)
    return fill(rendered.html, places.html, rendered.slots, reader_values(site, edition, reader))


def recipient(site: Site, email: str | None) -> Recipient:
    """A reader of the store, or a neutral one whose links name nobody. Raises `NotFound`."""
    if email is None:
        return Recipient(NEUTRAL, "reader@example.org", "", 0)
    with site.database.reading() as session:
        reader = show(session, email).subscriber
        if reader is None:
            raise NotFound("there is no reader with that address: see `newsletter subscribers list`")
        return Recipient(reader.id, reader.email, reader.first_name, 0)


def compiled_as_now(site: Site, key: str, segment: str) -> tuple[Edition, CompiledMessage]:
    """The compiled message that a segment's backend would be given now. Raises as `rendered_for` and `compiled_for`."""
    edition, rendered = rendered_for(site, key, segment)
    date = edition.dated_at or max(edition.due_at, site.clock.now())
    return edition, compiled_for(site, edition, rendered, headers(site, edition, segment, date))


def documents_for(site: Site, key: str, segment: str, email: str | None = None) -> tuple[bytes, str, str]:
    """The message, the HTML and the text as one reader (a neutral one unless ``email`` is given) would get them."""
    edition, compiled = compiled_as_now(site, key, segment)
    values = reader_values(site, edition, recipient(site, email))
    html, text = compiled.documents(values)
    return compiled.build(values), html, text


def message_for(site: Site, key: str, segment: str, email: str | None = None) -> bytes:
    """The bytes that a backend would get for one reader."""
    return documents_for(site, key, segment, email)[0]
