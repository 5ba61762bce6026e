"""The compiled message: a frozen variant as pieces of bytes, and for each reader one join of them.

What every reader gets is encoded once (see `parts`). Where readers differ there is a hole; what fills it is encoded for
the reader (see `fillings`), and nothing else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from newsletter.backends.base import is_plain
from newsletter.errors import DeliveryError, Refused
from newsletter.rendering import headers as fields
from newsletter.rendering.assembly import Assembly, assembly
from newsletter.rendering.fillings import Fillings
from newsletter.rendering.model import ReaderColumns, ReaderValues, Rendered
from newsletter.rendering.parts import Frame, part
from newsletter.rendering.slots import Places, clean_url, fill, scan

if TYPE_CHECKING:
    from newsletter.rendering.dkim import Signer, SigningKey

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


_CRLF = "\r\n"


def _of_reader(reader: ReaderValues) -> bytes:
    """The fields that differ by reader, each looked at and encoded by itself."""
    return b"".join(
        [
            fields.to(reader.address),
            fields.message_id(reader.message_id),
            fields.list_unsubscribe(clean_url(reader.unsubscribe_url), reader.unsubscribe_mailto),
        ]
    )


@dataclass(frozen=True, slots=True)
class CompiledMessage:
    """Made by `compile`, once for each variant. `pieces` is what happens for each reader."""

    rendered: Rendered
    sender: str
    """The envelope sender, ASCII."""
    _assembly: Assembly
    _places: Places
    _signer: Signer | None
    plain: bool = False
    """Whether `backends.base.is_plain` holds for the message of every reader whose address is ASCII."""

    @classmethod
    def compile(cls, rendered: Rendered, headers: MessageHeaders, keys: Sequence[SigningKey] = ()) -> CompiledMessage:
        """Encodes what is the same for every reader. With ``keys`` each message is signed by every one of them.

        Raises `Refused` for a header, `MisplacedSlot` for a slot.
        """
        if rendered.nonce in rendered.subject:
            raise Refused("Subject: a slot stands in the subject, which is the same for every reader; take it out")
        places = scan(rendered.html, rendered.text, rendered.slots, rendered.nonce)
        fillings = Fillings(rendered.slots, (*places.text, *places.html))
        # "=_" cannot come out of quoted-printable, nor a hyphen out of base64, so this line is in no part.
        boundary = f"=_{rendered.nonce}"
        constant = headers.before_reader(rendered.subject) + (
            f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n'.encode()
        )

        def before(kind: str, end_of_headers: str, encoding: str) -> bytes:
            return (
                f"{end_of_headers}--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
                f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
            ).encode()

        around_text = Frame(partial(before, "plain", _CRLF), b"")
        around_html = Frame(partial(before, "html", ""), f"--{boundary}--\r\n".encode())
        together = assembly(
            constant,
            part(rendered.text, places.text, rendered.slots, fillings, around_text),
            part(rendered.html, places.html, rendered.slots, fillings, around_html),
        )
        sender = fields.addr_spec(headers.envelope_sender, "envelope sender")
        signer = None
        if keys:
            from newsletter.rendering.dkim import Signer  # 9 MB, for who signs

            signer = Signer(keys, headers.date, constant, together.opening)
        made = cls(rendered, sender, together, places, signer)
        # What a reader's fields and fillings may hold is seen to as each is made; the rest is in every message.
        return replace(made, plain=is_plain(made.build(_LONGEST)))

    def pieces(self, reader: ReaderValues) -> tuple[bytes, ...]:
        """The whole message to one reader, RFC 5322, in wire form (see `backends.base.Message`), as pieces to join.

        A literal of `parts.LARGE` bytes or more is the same object for every reader. Each piece is whole lines (or
        empty): it ends with CRLF, holds no CR or LF but in a pair, and none of its lines begins with a dot, so that
        whoever sends may look at each large one once. The same values give the same bytes, signatures too. Raises
        `DeliveryError` (permanent) for a reader who cannot be written to.

        All is ASCII but the To: of a reader whose address has other letters before the @; see `headers.recipient`.
        """
        if made := self.many(ReaderColumns.of([reader])):
            return made[0]
        try:
            head = _of_reader(reader)
            pieces = self._assembly.pieces(head, reader)
        except (Refused, ValueError) as error:
            raise DeliveryError(str(error), permanent=True) from error
        if self._signer is None:
            return pieces
        return (self._signer.sign(head, pieces[self._assembly.body :]), *pieces)

    def many(self, readers: ReaderColumns) -> list[tuple[bytes, ...]]:
        """`pieces` for many readers, who are looked at together, in a fifth of the time; nothing where one of them
        needs a closer look."""
        heads = fields.usual_readers(readers)
        if not heads:
            return []
        try:
            made = self._assembly.many(heads, readers)
        except ValueError:
            return []
        if self._signer is None:
            return made
        body = self._assembly.body
        signed = self._signer.many(heads, [pieces[body:] for pieces in made])
        return [(signature, *pieces) for signature, pieces in zip(signed, made, strict=True)]

    def build(self, reader: ReaderValues) -> bytes:
        """The `pieces` joined."""
        return b"".join(self.pieces(reader))

    def documents(self, reader: ReaderValues) -> tuple[str, str]:
        """The HTML and the text as one reader sees them."""
        slots, places = self.rendered.slots, self._places
        return fill(self.rendered.html, places.html, slots, reader), fill(
            self.rendered.text, places.text, slots, reader
        )

    def size(self, reader: ReaderValues = _LONGEST) -> Size:
        """How large the message to a reader is; by default to one whose values are as long as any that are likely."""
        html, text = self.documents(reader)
        message = self.build(reader)
        encoded = message[message.index(b"Content-Type: text/html;") :].partition(b"\r\n\r\n")[2]
        tail = len(f"\r\n--=_{self.rendered.nonce}--\r\n")
        return Size(len(html.encode()), len(encoded) - tail, len(text.encode()), len(message))
