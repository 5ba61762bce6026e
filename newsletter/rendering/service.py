"""A service mail as bytes: one message to one person, outside any edition, that no list has anything to do with."""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from newsletter.errors import Refused
from newsletter.rendering import headers as fields
from newsletter.rendering.fillings import Fillings
from newsletter.rendering.model import Rendered
from newsletter.rendering.parts import Frame, part

if TYPE_CHECKING:
    from newsletter.rendering.dkim import SigningKey

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}\.json")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of JSON that goes along."""

    name: str
    """``your-data.json``: small, plain ASCII. Raises ValueError for another kind of name."""
    text: str

    def __post_init__(self) -> None:
        if not _FILE.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of an attachment: write for example your-data.json")


@dataclass(frozen=True, slots=True)
class ServiceHeaders:
    """Who writes to whom, and when (a UTC instant, the same for each attempt)."""

    sender_name: str
    sender_address: str
    to: str
    date: datetime
    message_id: str
    """Without angle brackets."""
    reply_to: str = ""


def message(
    rendered: Rendered, head: ServiceHeaders, attachment: Attachment | None = None, keys: Sequence[SigningKey] = ()
) -> bytes:
    """The message in wire form (see `backends.base.Message`), signed by every key. Same inputs, same bytes.

    It says that no person wrote it, so that none is answered by a program (RFC 3834 section 5: auto-generated), and
    names no list: there is nothing to unsubscribe from. Raises `Refused` for a header that cannot be written.
    """
    if rendered.slots:
        raise Refused("a service mail has no reader slots: take them out of its template")
    constant = b"".join(
        [
            fields.mailbox("From", head.sender_name, head.sender_address),
            fields.unstructured("Subject", rendered.subject),
            fields.date(head.date),
            fields.mailbox("Reply-To", "", head.reply_to) if head.reply_to else b"",
            b"Auto-Submitted: auto-generated\r\n",
            b"MIME-Version: 1.0\r\n",
        ]
    )
    kind, body = _body(rendered)
    if attachment is not None:
        kind, body = _with(attachment, kind, body, rendered.nonce)
    constant += kind
    reader = fields.to(head.to) + fields.message_id(head.message_id)
    signatures = b""
    if keys:
        from newsletter.rendering.dkim import Signer  # 9 MB, for who signs

        signatures = Signer(keys, head.date, constant, b"").sign(reader, [body])
    return b"".join([signatures, constant, reader, b"\r\n", body])


def _body(rendered: Rendered) -> tuple[bytes, bytes]:
    """The Content-Type of text and HTML together, and both."""
    # "=_" cannot come out of quoted-printable, nor a hyphen out of base64, so this line is in no part.
    boundary = f"=_{rendered.nonce}"
    fillings = Fillings((), ())

    def encoded(kind: str, document: str, after: str) -> bytes:
        def before(encoding: str) -> bytes:
            return (
                f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
                f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
            ).encode()

        # Without holes there is nothing behind the opening.
        return part(document, (), (), fillings, Frame(before, after.encode())).opening

    body = encoded("plain", rendered.text, "") + encoded("html", rendered.html, f"--{boundary}--\r\n")
    return f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'.encode(), body


def _with(attachment: Attachment, kind: bytes, body: bytes, nonce: str) -> tuple[bytes, bytes]:
    boundary = f"=_{nonce}_mixed"
    content = encodebytes(attachment.text.encode()).replace(b"\n", b"\r\n")
    return f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n'.encode(), b"".join(
        [
            f"--{boundary}\r\n".encode(), kind, b"\r\n", body,
            f"--{boundary}\r\nContent-Type: application/json\r\nContent-Transfer-Encoding: base64\r\n"
            f'Content-Disposition: attachment; filename="{attachment.name}"\r\n\r\n'.encode(),
            content, f"--{boundary}--\r\n".encode(),
        ]
    )  # fmt: skip
