"""DKIM signatures (RFC 6376, RFC 8463) over the pieces of a message.

Headers are canonicalised relaxed, since servers on the way fold them anew. The body is canonicalised simple, which
costs nothing: its lines are ASCII of at most 76 columns without blanks at their ends, and it ends with one CRLF, so the
simple form is what is on the wire, and no server has a reason to touch it. There is no ``l=``: nothing may be added.

Fields that a stranger could add to a signed message are oversigned: named once more than they stand, so that another
one breaks the signature (RFC 6376 section 8.15). The same values give the same bytes: ``t=`` is the edition's date, and
both RSA with PKCS #1 v1.5 and Ed25519 are deterministic.
"""

from __future__ import annotations

import hashlib
import os
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from newsletter.errors import ConfigError

LEAST_BITS = 1024
"""A shorter RSA key is no key to a verifier (RFC 8301 section 3.2)."""
GOOD_BITS = 2048
MOST_BITS = 4096
"""Longer ones need not be understood by verifiers (RFC 8301 section 3.2)."""

OVERSIGNED = (
    *("from", "reply-to", "to", "cc", "subject", "date", "message-id"),
    *("mime-version", "content-type", "content-transfer-encoding"),
    *("list-id", "list-unsubscribe", "list-unsubscribe-post", "feedback-id"),
)
OF_READER = ("to", "message-id", "list-unsubscribe", "list-unsubscribe-post")
"""The fields that differ by reader, in the order in which they are written."""

_MAKE = "make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out dkim.pem`"
_FOLD = 72
_FIELD = re.compile(rb"([^:\r\n]+):([^\r]*+(?:\r\n[ \t][^\r]*+)*+)\r\n")
_BLANKS = re.compile(rb"[ \t]+")
_PREHASHED, _PADDING = Prehashed(SHA256()), PKCS1v15()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the name under which its public half stands in the DNS. Made by `load`."""

    domain: str
    """The signing domain (``d=``), in small letters and A-labels."""
    selector: str
    algorithm: Literal["rsa-sha256", "ed25519-sha256"]
    _private: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @property
    def remark(self) -> str:
        """What is weak in it, in one line; empty when nothing is."""
        if isinstance(self._private, RSAPrivateKey) and (bits := self._private.key_size) < GOOD_BITS:
            return f"the DKIM key {self.selector} of {self.domain} has {bits} bits, fewer than {GOOD_BITS}: {_MAKE}"
        return ""

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest. Ed25519 signs the digest as a message (RFC 8463 section 3)."""
        if isinstance(self._private, RSAPrivateKey):
            return self._private.sign(digest, _PADDING, _PREHASHED)
        return self._private.sign(digest)


def load(pem: bytes, *, domain: str, selector: str) -> SigningKey:
    """Reads a private key in PEM (PKCS #8 or PKCS #1), RSA or Ed25519, without a password.

    Raises `ConfigError`, which says what is wrong with it and never shows any of it.
    """
    what = f"the DKIM key {selector} of {domain}"
    try:
        private = load_pem_private_key(pem, password=None)
    except TypeError:
        raise ConfigError(f"{what} is encrypted: write it without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{what} is no private key in PEM: {_MAKE}") from None
    if isinstance(private, Ed25519PrivateKey):
        return SigningKey(domain, selector, "ed25519-sha256", private)
    if not isinstance(private, RSAPrivateKey):
        raise ConfigError(f"{what} is neither RSA nor Ed25519: {_MAKE}")
    if not LEAST_BITS <= private.key_size <= MOST_BITS:
        raise ConfigError(f"{what} has {private.key_size} bits, where verifiers take 1024 to 4096: {_MAKE}")
    return SigningKey(domain, selector, "rsa-sha256", private)


@dataclass(frozen=True, slots=True)
class Record:
    """A TXT record to publish (RFC 6376 section 3.6.1)."""

    name: str
    """Where: ``selector._domainkey.example.org``, without a dot at its end."""
    value: str
    """What, as one text. Many name servers want it cut: see `zone`."""

    def zone(self) -> str:
        """The line of a zone file, the value in strings of at most 255 characters (RFC 1035 section 3.3)."""
        strings = " ".join(f'"{self.value[at : at + 255]}"' for at in range(0, len(self.value), 255))
        return f"{self.name}. IN TXT ( {strings} )"


def record(key: SigningKey) -> Record:
    """The DNS record of a key's public half."""
    public = key._private.public_key()
    if key.algorithm == "rsa-sha256":
        kind, data = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind, data = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Record(f"{key.selector}._domainkey.{key.domain}", f"v=DKIM1; k={kind}; p={b64encode(data).decode('ascii')}")


class Signer:
    """Signs the messages of one variant with every key. What is the same for all readers has been canonicalised."""

    def __init__(self, keys: Sequence[SigningKey], at: datetime, constant: bytes, opening: bytes) -> None:
        """``at`` is the UTC instant that ``t=`` says. ``constant`` are the header fields that all readers get alike,
        ``opening`` is what every body begins with."""
        self._headers = hashlib.sha256(relaxed(constant))
        self._body = hashlib.sha256(opening)
        names = [name.lower().decode("ascii") for name, _ in _FIELD.findall(constant)]
        signed = ":".join([*names, *OF_READER, *OVERSIGNED])
        self._templates = [(key, *_template(key, int(at.timestamp()), signed)) for key in keys]

    def sign(self, reader: bytes, body: Iterable[bytes]) -> bytes:
        """The DKIM-Signature fields of one message, to stand before all others.

        ``reader`` are the reader's own header fields as they are sent; ``body`` what follows the opening, in pieces.
        """
        hashed = self._body.copy()
        for piece in body:
            hashed.update(piece)
        body_hash = b64encode(hashed.digest())
        headers = self._headers.copy()
        headers.update(relaxed(reader))
        out = []
        for key, template, canonical in self._templates:
            digest = headers.copy()
            digest.update(canonical % body_hash)
            signature = b64encode(key.sign(digest.digest()))
            rows = [signature[at : at + _FOLD] for at in range(0, len(signature), _FOLD)]
            out.append(template % (body_hash, b"\r\n ".join(rows)))
        return b"".join(out)

    def many(self, readers: Sequence[bytes], bodies: Sequence[Sequence[bytes]]) -> list[bytes]:
        """`sign` for many messages, on all cores that this process may use: neither RSA nor the hash of a body holds
        Python's lock."""
        hands = _hands()
        if hands is None:
            return self._each(readers, bodies)
        share = -(-len(readers) // _cores())
        cuts = [slice(at, at + share) for at in range(0, len(readers), share)]
        others = [hands.submit(self._each, readers[cut], bodies[cut]) for cut in cuts[1:]]
        signed = self._each(readers[cuts[0]], bodies[cuts[0]])
        for other in others:
            signed += other.result()
        return signed

    def _each(self, readers: Sequence[bytes], bodies: Sequence[Sequence[bytes]]) -> list[bytes]:
        return [self.sign(reader, body) for reader, body in zip(readers, bodies, strict=True)]


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _hands() -> ThreadPoolExecutor | None:
    """Threads that sign beside whoever asks; none where there is one core."""
    cores = _cores()
    return ThreadPoolExecutor(cores - 1, "signer") if cores > 1 else None


def _template(key: SigningKey, at: int, signed: str) -> tuple[bytes, bytes]:
    """The field with places for the body's hash and the signature, and what of it is hashed: relaxed, without b=."""
    head = (
        f"v=1; a={key.algorithm}; c=relaxed/simple; t={at};\r\n d={key.domain}; s={key.selector};\r\n"
        f" h={_folded(signed)};\r\n bh="
    )
    written = f"DKIM-Signature: {head}%b;\r\n b=%b\r\n"
    return written.encode("ascii"), f"dkim-signature:{head}%b; b=".replace("\r\n ", " ").encode("ascii")


def _folded(names: str) -> str:
    """Names behind colons, folded between them."""
    lines = [""]
    for name in names.split(":"):
        if len(lines[-1]) + len(name) > _FOLD:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n ".join(lines).removesuffix(":")


def relaxed(headers: bytes) -> bytes:
    """Header fields as RFC 6376 section 3.4.2 wants them hashed."""
    return b"".join(
        name.rstrip(b" \t").lower() + b":" + _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t") + b"\r\n"
        for name, value in _FIELD.findall(headers)
    )
