"""E-mail addresses: one normal form to send to, one to compare by, and the salted hash that outlives an erased person.

What the domain may be is email-validator's judgement (RFC 5321, RFC 5322, IDNA 2008), but for the plain ASCII common
case, where a pattern that accepts less comes to the same result two hundred times faster.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

from newsletter.errors import Refused

MAX_LENGTH = 254
"""Octets of a whole address (RFC 5321 section 4.5.3.1.3, less the angle brackets)."""

_MAX_LOCAL = 64
"""Octets before the @ (RFC 5321 section 4.5.3.1.1)."""


class Address(NamedTuple):
    """``email`` is what we send to: the domain in lower case and A-labels, the local part as it was written.
    ``email_norm`` is what we compare by: all of it in lower case."""

    email: str
    email_norm: str


class AddressRefused(Refused):
    """That is no e-mail address."""


# Letters, digits and the usual joiners before the @; after it labels without a double hyphen (Punycode has one), and
# at most 63 octets in all, so that no label can be too long. The reserved names and RFC 2142's take the slow path.
_PLAIN = re.compile(
    r"([a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)@((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,})", re.ASCII | re.IGNORECASE
)
_RESERVED = ("arpa", "invalid", "local", "localhost", "onion", "test")
# fmt: off
_ROLES = frozenset({
    "info", "marketing", "sales", "support", "abuse", "noc", "security", "postmaster", "hostmaster", "usenet", "news",
    "webmaster", "www", "uucp", "ftp",
})
# fmt: on


def normalise(address: str) -> Address:
    """The two forms of an address as somebody wrote it; white space around it is dropped.

    Letters beyond ASCII before the @ are taken (RFC 6531), in the composed form (NFC); mail to them needs a server that
    takes SMTPUTF8. Raises `AddressRefused`, whose message says what is wrong and does not repeat the address. Quoted
    local parts, address literals, display names, and ``=?``, which some programs decode, are refused.
    """
    address = address.strip(" \t\r\n")
    if address.isascii() and (plain := _PLAIN.fullmatch(address)):
        local, domain = plain.groups()
        domain = domain.lower()
        lowered = local.lower()
        if (
            len(local) <= _MAX_LOCAL
            and len(domain) <= 63
            and lowered not in _ROLES
            and domain.rpartition(".")[2] not in _RESERVED
        ):
            return Address(f"{local}@{domain}", f"{lowered}@{domain}")
    return _validated(address)


def _validated(address: str) -> Address:
    if len(address.encode(errors="replace")) > MAX_LENGTH:
        raise AddressRefused(f"the address is longer than {MAX_LENGTH} bytes")
    if "=?" in address:
        raise AddressRefused("no e-mail address: =? is the beginning of an encoded word")
    try:
        found = validate_email(address, check_deliverability=False, strict=True, test_environment=True)
    except EmailNotValidError as error:
        raise AddressRefused(f"no e-mail address: {error}") from None
    email = f"{found.local_part}@{found.ascii_domain}"
    if not email.isprintable():
        raise AddressRefused("no e-mail address: it holds a character that nobody sees")
    if len(found.local_part.encode()) > _MAX_LOCAL or len(email.encode()) > MAX_LENGTH:
        raise AddressRefused(f"the address is longer than {MAX_LENGTH} bytes, or {_MAX_LOCAL} before the @")
    return Address(email, unicodedata.normalize("NFC", email.lower()))


def address_hash(salt: bytes, email_norm: str) -> bytes:
    """HMAC-SHA256 of the compared form under the database's salt: 32 bytes."""
    return hmac.digest(salt, email_norm.encode(), "sha256")
