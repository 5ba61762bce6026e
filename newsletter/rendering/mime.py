"""The compiled message: a frozen variant as pieces of bytes, and for each reader one join of them.

What every reader gets is encoded once. Where readers differ there is a hole; each hole is fenced by soft line breaks,
so that a value never changes the columns around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from newsletter.errors import DeliveryError, Refused
from newsletter.rendering import headers as fields
from newsletter.rendering import qp
from newsletter.rendering.contexts import Context
from newsletter.rendering.model import ReaderValues, Rendered, Slot
from newsletter.rendering.slots import Place, clean_url, fill, scan, spoken, written

_OURS = frozenset(
    {
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "reply-to",
        "list-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "feedback-id",
        "precedence",
        "auto-submitted",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    }
)
# Written by servers, harmful, or another's to write.
_NEVER = frozenset(
    {
        "bcc",
        "cc",
        "sender",
        "return-path",
        "received",
        "delivered-to",
        "errors-to",
        "dkim-signature",
        "authentication-results",
        "x-mailer",
    }
)


@dataclass(frozen=True, slots=True)
class MessageHeaders:
    """What stands in the headers of every message of a variant.

    ``date`` is a UTC instant, fixed for the edition, so that a message sent again is the same bytes. ``extra`` are
    fields of one's own, such as the mark of a test copy.
    """

    sender_name: str
    sender_address: str
    envelope_sender: str
    """Where bounces go (MAIL FROM). Not in the headers."""
    date: datetime
    list_id: str
    """Looks like a domain: ``morning.news.example.org``."""
    list_name: str = ""
    reply_to: str = ""
    feedback_id: str = ""
    precedence_bulk: bool = False
    auto_generated: bool = False
    """For what no person wrote, such as a test copy: Auto-Submitted. Never for an edition."""
    extra: tuple[tuple[str, str], ...] = ()

    def before_reader(self, subject: str) -> bytes:
        """From, Subject, Date and what else is the same for every reader. Raises `Refused`."""
        out = [
            fields.mailbox("From", self.sender_name, self.sender_address),
            fields.unstructured("Subject", subject),
            fields.date(self.date),
            fields.list_id(self.list_name, self.list_id),
        ]
        if self.reply_to:
            out.append(fields.mailbox("Reply-To", "", self.reply_to))
        if self.feedback_id:
            out.append(fields.feedback_id(self.feedback_id))
        if self.precedence_bulk:
            out.append(b"Precedence: bulk\r\n")
        if self.auto_generated:
            out.append(b"Auto-Submitted: auto-generated\r\n")
        seen = set(_OURS)
        for name, value in self.extra:
            if name.lower() in seen or name.lower() in _NEVER:
                raise Refused(
                    f"{name}: is written by the newsletter itself, or never; leave it out of the extra headers"
                )
            seen.add(name.lower())
            out.append(fields.unstructured(name, value))
        return b"".join(out)


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of one reader's message."""

    html: int
    """The HTML as the reader's program decodes it."""
    html_encoded: int
    """The same as it travels."""
    text: int
    message: int


_LONGEST = ReaderValues(
    address="r" * 64 + "@" + "e" * 50 + ".example.org",
    first_name="和" * 40,
    unsubscribe_url="https://" + "u" * 192,
    preferences_url="https://" + "p" * 192,
    view_url="https://" + "v" * 192,
    message_id="m" * 80 + "@example.org",
    unsubscribe_mailto="leave+" + "t" * 58 + "@example.org?subject=unsubscribe",
)


@dataclass(frozen=True, slots=True)
class CompiledMessage:
    """Made by `compile`, once for each variant. `build` is what happens for each reader."""

    rendered: Rendered
    sender: str
    """The envelope sender, ASCII."""
    _pieces: tuple[bytes, ...]
    """The literals; between each two there is a hole. The first hole is the reader's headers."""
    _holes: tuple[int, ...]
    """For each hole of the body the index of its filling in ``_fillings``."""
    _fillings: tuple[tuple[Slot, Context], ...]
    _html: tuple[Place, ...]
    _text: tuple[Place, ...]

    @classmethod
    def compile(cls, rendered: Rendered, headers: MessageHeaders) -> CompiledMessage:
        """Encodes what is the same for every reader. Raises `Refused` for a header, `MisplacedSlot` for a slot."""
        if rendered.nonce in rendered.subject:
            raise Refused("Subject: a slot stands in the subject, which is the same for every reader; take it out")
        places = scan(rendered.html, rendered.text, rendered.slots, rendered.nonce)
        # "=_" cannot come out of quoted-printable, so this line is in no part.
        boundary = f"=_{rendered.nonce}"
        part = "Content-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        pieces = [
            headers.before_reader(rendered.subject),
            f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode(),
        ]
        fillings: dict[tuple[Slot, Context], int] = {}
        holes: list[int] = []
        for kind, document, found in (("plain", rendered.text, places.text), ("html", rendered.html, places.html)):
            pieces[-1] += f"--{boundary}\r\n{part.format(kind)}".encode()
            at = 0
            for place in found:
                pieces[-1] += qp.encode_fenced(document[at : place.start])
                holes.append(fillings.setdefault((rendered.slots[place.index], place.context), len(fillings)))
                pieces.append(b"")
                at = place.end
            pieces[-1] += qp.encode(document[at:]) + b"\r\n"
        pieces[-1] += f"--{boundary}--\r\n".encode()
        sender = fields.addr_spec(headers.envelope_sender, "envelope sender")
        return cls(rendered, sender, tuple(pieces), tuple(holes), tuple(fillings), places.html, places.text)

    def build(self, reader: ReaderValues) -> bytes:
        """The whole message to one reader, RFC 5322, in wire form (see `backends.base.Message`). The same values give
        the same bytes. Raises `DeliveryError` (permanent) for a reader who cannot be written to."""
        try:
            values = [qp.encode_fenced(written(spoken(slot, reader), context)) for slot, context in self._fillings]
            out = [
                self._pieces[0],
                fields.mailbox("To", "", reader.address),
                fields.message_id(reader.message_id),
                fields.list_unsubscribe(clean_url(reader.unsubscribe_url), reader.unsubscribe_mailto),
                self._pieces[1],
            ]
        except (Refused, ValueError) as error:
            raise DeliveryError(str(error), permanent=True) from error
        for hole, piece in zip(self._holes, self._pieces[2:], strict=True):
            out += (values[hole], piece)
        return b"".join(out)

    def documents(self, reader: ReaderValues) -> tuple[str, str]:
        """The HTML and the text as one reader sees them."""
        slots = self.rendered.slots
        return fill(self.rendered.html, self._html, slots, reader), fill(self.rendered.text, self._text, slots, reader)

    def size(self, reader: ReaderValues = _LONGEST) -> Size:
        """How large the message to a reader is; by default to one whose values are as long as any that are likely."""
        html, text = self.documents(reader)
        message = self.build(reader)
        encoded = message[message.index(b"Content-Type: text/html;") :].partition(b"\r\n\r\n")[2]
        tail = len(f"\r\n--=_{self.rendered.nonce}--\r\n")
        return Size(len(html.encode()), len(encoded) - tail, len(text.encode()), len(message))
