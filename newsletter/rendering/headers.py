"""Header fields, written byte by byte.

`email.policy` RFC 2047-encodes a List-Unsubscribe of 78 characters, and accepts NUL; so nothing of it is used. Each
writer returns the whole field with its CRLF, or raises `Refused`, which says what to write instead. A control character
is refused everywhere, so no value can end its field.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta

import idna

from newsletter.errors import Refused
from newsletter.rendering.model import ReaderColumns

_LINE = 78
"""Columns that a line should stay within (RFC 5322 section 2.1.1)."""
_WORD_LINE = 76
"""Columns of a line that carries encoded-words (RFC 2047 section 2)."""
_WORD = 75
"""Columns of one encoded-word (RFC 2047 section 2)."""
_HARD_LINE = 998

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_BEYOND_ASCII = re.compile("[\x80-\U0010ffff]")
_PHRASE = re.compile(rf"{_ATOM}(?: {_ATOM})*")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_URI = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_USUAL_ADDRESS = r"[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*+@[A-Za-z0-9]++(?:[.-][A-Za-z0-9]++)*+"
_USUAL_LENGTH = 63
"""Characters of an address of which no part can be too long."""
_USUAL_ONE = re.compile(_USUAL_ADDRESS)
_USUAL_LINE = 240
"""Characters of a value that makes no line too long."""
_POST = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
_ONE_CLICK = _POST.encode("ascii")
_USUAL_READERS = re.compile(
    rf"(?:To: {_USUAL_ADDRESS}\r\n"
    r"Message-ID: <[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+@[A-Za-z0-9]++(?:[.-][A-Za-z0-9]++)*+>\r\n"
    r"List-Unsubscribe: <https://[A-Za-z0-9._~/:-]++>,\r\n"
    rf" <mailto:{_USUAL_ADDRESS}\?subject=[A-Za-z0-9._%-]++>\r\n"
    rf"{_POST})++"
)
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def addr_spec(address: str, field: str = "address") -> str:
    """The address as it goes on the wire, in the envelope and in a header: ASCII, its domain as A-labels (RFC 5891).

    Raises `Refused` for what is no plain ``local@domain``, and for a local part that would need SMTPUTF8 (RFC 6531), or
    that holds ``=?``, which is legal and which some programs decode to another address (RFC 2047 section 5).
    """
    spec = recipient(address, field)
    if not spec.isascii():
        raise Refused(
            f"{field}: {address!r} has letters before the @ that need SMTPUTF8; write an address with plain ASCII there"
        )
    return spec


def recipient(address: str, field: str = "address") -> str:
    """A reader's address as it goes on the wire: as `addr_spec`, but with any letters before the @.

    If there are such beyond ASCII, mail to it needs a server that takes SMTPUTF8 (RFC 6531). Raises `Refused`.
    """
    local, _, domain = address.rpartition("@")
    if not _DOT_ATOM.fullmatch(local) and not _is_international(local):
        raise Refused(f"{field}: {address!r} is no address; write name@example.org")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise Refused(f"{field}: {address!r} has no valid domain; write name@example.org") from None
    if len(local.encode()) > 64 or len(domain) > 253 or "=?" in local or not _DOMAIN.fullmatch(domain):
        raise Refused(f"{field}: {address!r} is no address; write name@example.org")
    return f"{local}@{domain}"


def _is_international(local: str) -> bool:
    # Neither white space of any kind, nor what nobody sees, such as controls that turn the words around them.
    return local.isprintable() and bool(_DOT_ATOM.fullmatch(_BEYOND_ASCII.sub("x", local)))


def _printable(field: str, value: str) -> None:
    if found := _CONTROL.search(value):
        raise Refused(f"{field}: {value!r} holds the control character U+{ord(found[0]):04X}; write it without")


def _q(char: str) -> str:
    return "".join("_" if byte == 0x20 else chr(byte) if byte in _Q_SAFE else f"={byte:02X}" for byte in char.encode())


def _encoded_words(value: str, column: int) -> str:
    """The value as encoded-words (RFC 2047), each on a line of its own, cut between characters.

    ``column`` is how much of the first line is taken. Q or B, whichever is shorter.
    """
    as_q = [_q(char) for char in value]
    base64_wins = sum(map(len, as_q)) > 4 * ((len(value.encode()) + 2) // 3)
    words: list[str] = []
    room = min(_WORD, _WORD_LINE - column) - len("=?utf-8?q??=")
    start = 0
    while start < len(value):
        stop, size = start, 0
        while stop < len(value):
            size += len(value[stop].encode()) if base64_wins else len(as_q[stop])
            if (4 * ((size + 2) // 3) if base64_wins else size) > room:
                break
            stop += 1
        piece = value[start:stop]
        text = base64.b64encode(piece.encode()).decode() if base64_wins else "".join(as_q[start:stop])
        words.append(f"=?utf-8?{'b' if base64_wins else 'q'}?{text}?=")
        start, room = stop, min(_WORD, _WORD_LINE - 1) - len("=?utf-8?q??=")
    return "\r\n ".join(words)


def unstructured(name: str, value: str) -> bytes:
    """A field of free words, such as Subject: plain where it is ASCII and folds well, encoded-words otherwise."""
    _printable(name, value)
    if not _NAME.fullmatch(name) or len(name) > 40:
        raise Refused(f"{name!r} is no header name; write up to 40 letters, digits and hyphens")
    if not value:
        raise Refused(f"{name}: is empty")
    tokens = re.findall(r" *[^ ]+", value)
    plain = value.isascii() and "=?" not in value and value == value.strip()
    if not plain or any(len(token) >= _LINE - len(name) - 2 for token in tokens):
        return f"{name}: {_encoded_words(value, len(name) + 2)}\r\n".encode("ascii")
    lines = [f"{name}: "]
    for token in tokens:
        if len(lines[-1]) + len(token) > _LINE:
            lines.append("")
        lines[-1] += token
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def _phrase(words: str, column: int) -> str:
    """A display name (RFC 5322 section 3.2.5): atoms, a quoted string, or encoded-words."""
    if words.isascii() and "=?" not in words and column + len(words) + words.count('"') + words.count("\\") < _LINE - 3:
        if _PHRASE.fullmatch(words):
            return words
        return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _encoded_words(words, column)


def _named(name: str, words: str, angle: str) -> bytes:
    _printable(name, words)
    if not words:
        return f"{name}: {angle}\r\n".encode("ascii")
    phrase = _phrase(words, len(name) + 2)
    last = f"{name}: {phrase}".rpartition("\r\n")[2]
    fold = "" if len(last) + 1 + len(angle) <= _WORD_LINE else "\r\n"
    return f"{name}: {phrase}{fold} {angle}\r\n".encode("ascii")


def mailbox(name: str, words: str, address: str) -> bytes:
    """A field of one mailbox, such as From: display name (may be empty) and address."""
    spec = addr_spec(address, name)
    return _named(name, words, f"<{spec}>" if words else spec)


def to(address: str) -> bytes:
    """To: the one reader. UTF-8 where the address has letters beyond ASCII before the @ (RFC 6532 section 3.2)."""
    return f"To: {recipient(address, 'To')}\r\n".encode()


def list_id(words: str, identifier: str) -> bytes:
    """List-Id (RFC 2919): a description, may be empty, and an identifier that looks like a domain."""
    if len(identifier) > 255 or "." not in identifier or not _DOMAIN.fullmatch(identifier):
        raise Refused(f"List-Id: {identifier!r} is no list identifier; write for example morning.news.example.org")
    return _named("List-Id", words, f"<{identifier}>")


def date(instant: datetime) -> bytes:
    """Date (RFC 5322 section 3.3) of an aware instant in UTC."""
    if instant.utcoffset() != timedelta(0):
        raise Refused(f"Date: {instant!r} is no instant in UTC")
    day, month = _DAYS[instant.weekday()], _MONTHS[instant.month - 1]
    return f"Date: {day}, {instant.day:02d} {month} {instant.year:04d} {instant:%H:%M:%S} +0000\r\n".encode("ascii")


def message_id(identifier: str) -> bytes:
    """Message-ID (RFC 5322 section 3.6.4). ``identifier`` comes without angle brackets."""
    left, _, right = identifier.partition("@")
    if len(identifier) > 250 or not _DOT_ATOM.fullmatch(left) or not _DOMAIN.fullmatch(right):
        raise Refused(f"Message-ID: {identifier!r} is none; write for example edition.reader@news.example.org")
    return f"Message-ID: <{identifier}>\r\n".encode("ascii")


def list_unsubscribe(url: str, mailto: str = "") -> bytes:
    """List-Unsubscribe and List-Unsubscribe-Post (RFC 2369, RFC 8058): raw, folded only behind the comma.

    ``url`` is the one-click address, https; ``mailto`` an address with an optional ``?subject=``, may be empty.
    """
    if not url.startswith("https://") or not _URI.fullmatch(url):
        raise Refused(f"List-Unsubscribe: {url!r} is no https URL in plain ASCII")
    uris = [f"<{url}>"]
    if mailto:
        address, _, query = mailto.partition("?")
        if addr_spec(address, "List-Unsubscribe") != address or (query and not _URI.fullmatch(query)):
            raise Refused(f"List-Unsubscribe: {mailto!r} is no address with a query in plain ASCII")
        uris.append(f"<mailto:{mailto}>")
    if max(map(len, uris)) > _HARD_LINE - len("List-Unsubscribe: ,"):
        raise Refused("List-Unsubscribe: the URL is too long for a header line; keep it under 900 characters")
    field = ",\r\n ".join(uris)
    return f"List-Unsubscribe: {field}\r\n".encode("ascii") + _ONE_CLICK


def is_usual(address: str) -> bool:
    """Whether one look says that an address can stand everywhere as it is: `recipient` would change nothing in it."""
    return len(address) <= _USUAL_LENGTH and _USUAL_ONE.fullmatch(address) is not None


def usual_readers(readers: ReaderColumns) -> list[bytes]:
    """The fields that differ by reader, as `mailbox`, `message_id` and `list_unsubscribe` would write them, for many
    readers, where one look says that nothing in any of them needs a second; else nothing, and those have to judge."""
    addresses, identifiers = readers.address, readers.message_id
    urls, mailtos = readers.unsubscribe_url, readers.unsubscribe_mailto
    if (
        max(map(len, addresses)) > _USUAL_LENGTH
        or max(map(len, identifiers)) > _USUAL_LINE
        or max([len(identifier) - identifier.find("@") for identifier in identifiers]) > _USUAL_LENGTH
        or max(map(len, urls)) > _USUAL_LINE
        or max(map(len, mailtos)) > _USUAL_LINE
        or max([mailto.find("?") for mailto in mailtos]) > _USUAL_LENGTH
    ):
        return []
    both = zip(addresses, identifiers, urls, mailtos, strict=True)
    heads = [
        f"To: {address}\r\nMessage-ID: <{identifier}>\r\nList-Unsubscribe: <{url}>,\r\n <mailto:{mailto}>\r\n{_POST}"
        for address, identifier, url, mailto in both
    ]
    together = "".join(heads)
    # Each has five line ends, so that none of them passes for two.
    if together.count("\n") != 5 * len(heads) or not _USUAL_READERS.fullmatch(together):
        return []
    return "\0".join(heads).encode("ascii").split(b"\0")


def feedback_id(value: str) -> bytes:
    """Feedback-ID as Google reads it: up to three fields and a sender id of 5 to 15 characters, none of them twice."""
    fields = value.split(":")
    if (
        not re.fullmatch(r"[A-Za-z0-9._/-]*(?::[A-Za-z0-9._/-]*){0,3}", value)
        or not 5 <= len(fields[-1]) <= 15
        or len(value) > 200
    ):
        raise Refused(
            f"Feedback-ID: {value!r} is none; write for example morning:europe:daily:newsroom, "
            "the last field of 5 to 15 characters"
        )
    filled = [field for field in fields if field]
    if len(set(filled)) != len(filled):
        raise Refused(f"Feedback-ID: {value!r} says the same thing twice; leave one of the two empty")
    return f"Feedback-ID: {value}\r\n".encode("ascii")
