"""What a message must look like as bytes: a linter over what a server was handed or a mailbox holds.

It knows nothing of how our messages are written, so that it can say that the writer is wrong.
"""

from __future__ import annotations

import base64
import binascii
import email.policy
import quopri
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime

_ONCE = (
    *("from", "to", "subject", "date", "message-id", "mime-version", "content-type"),
    *("list-id", "list-unsubscribe", "list-unsubscribe-post"),
)
_AT_MOST_ONCE = (*_ONCE, "reply-to", "feedback-id", "precedence", "auto-submitted", "content-transfer-encoding")
_NEVER = ("bcc", "cc", "sender", "errors-to", "resent-to", "apparently-to")
_RAW = ("list-unsubscribe", "list-unsubscribe-post", "message-id", "feedback-id", "date", "list-id")

_FIELD = re.compile(rb"([!-9;-~]+):((?:[^\r]|\r\n[ \t])*)\r\n")
_ENCODED_WORD = re.compile(r"=\?([^?\s]*)\?([^?\s]*)\?([^?\s]*)\?=")
_ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@\x80-\U0010ffff]+@[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NO_CONTROLS = bytes(byte for byte in range(256) if not _CONTROLS.match(bytes([byte])))
_BASE64_LINE = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?")
_QP_LINE = re.compile(rb"(?:[\t !-<>-~]|=[0-9A-F]{2})*=?")


class _Letters(dict[int, str]):
    def __missing__(self, char: int) -> str:
        return chr(char) if char < 0x80 or not chr(char).isprintable() else "x"


_LETTERS = _Letters()
"""Puts an ASCII letter in the place of each other printable one."""


def lint(data: bytes, *, smtputf8: bool = False) -> list[str]:
    """What is wrong with one message to one reader, a line for each fault; empty when nothing is.

    Lines (RFC 5322 2.1, RFC 5321 4.5.3.1.6), header fields (RFC 5322 3.6, RFC 2047, RFC 2369, RFC 2919, RFC 8058),
    and the two parts (RFC 2045, 2046). Fields that servers add on the way, such as Received, are left alone.
    With ``smtputf8`` the To: may be UTF-8 (RFC 6532), and has to be.
    """
    if smtputf8:
        to = re.search(rb"(?<=\r\nTo: )[^\r]+(?=\r\n)", data)
        if to is None or to[0].isascii() or to[0].decode("utf-8", "replace").encode() != to[0]:
            return ["To is not UTF-8 beyond ASCII"]
        data = data[: to.start()] + to[0].decode().translate(_LETTERS).encode() + data[to.end() :]
    faults = _lines(data)
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        return [*faults, "no blank line ends the headers"]
    found, broken = _fields(head + b"\r\n")
    return faults + broken + _headers(found) + _parts(data, body)


def _lines(data: bytes) -> list[str]:
    faults = []
    pairs = data.count(b"\r\n")
    if data.count(b"\r") > pairs:
        faults.append("a CR without its LF")
    if data.count(b"\n") > pairs:
        faults.append("an LF without its CR")
    if data.translate(None, _NO_CONTROLS) and (control := re.search(_CONTROLS, data)):
        faults.append(f"the control character 0x{control[0].hex()} at byte {control.start()}")
    if not data.isascii() and (high := re.search(rb"[\x80-\xff]", data)):
        faults.append(f"the 8-bit character 0x{high[0].hex()} at byte {high.start()}")
    if not data.endswith(b"\r\n"):
        faults.append("the last line has no CRLF")
    for number, line in enumerate(data.split(b"\r\n"), 1):
        if len(line) > 998:
            faults.append(f"line {number} has {len(line)} bytes, more than 998")
        if line.startswith(b"."):
            faults.append(f"line {number} begins with a dot")
        if line.startswith(b"From "):
            faults.append(f"line {number} begins with 'From '")
    return faults


def _fields(head: bytes) -> tuple[dict[str, list[str]], list[str]]:
    """The header fields by lower-case name, as written after the colon, folds included."""
    found: dict[str, list[str]] = {}
    faults, at = [], 0
    while at < len(head):
        field = _FIELD.match(head, at)
        if field is None:
            end = head.find(b"\r\n", at)
            faults.append(f"no header field: {head[at : min(end, at + 60)]!r}")
            at = end + 2
            continue
        name, value = field[1].decode("ascii"), field[2].decode("latin-1")
        found.setdefault(name.lower(), []).append(value)
        if any(not line.strip() for line in value.split("\r\n")[1:]):
            faults.append(f"{name} has a folded line of blanks alone")
        at = field.end()
    return found, faults


def _headers(found: dict[str, list[str]]) -> list[str]:
    faults = [f"{name} is missing" for name in _ONCE if name not in found]
    faults += [f"{name} stands {len(found[name])} times" for name in _AT_MOST_ONCE if len(found.get(name, ())) > 1]
    faults += [f"{name} has no place in it" for name in _NEVER if name in found]
    for name, values in found.items():
        faults += [fault for value in values for fault in _encoded_words(name, value)]
    for name in ("from", "to"):
        for value in found.get(name, ())[:1]:
            addresses = getaddresses([_unfolded(value)])
            if len(addresses) != 1 or not _ADDRESS.fullmatch(addresses[0][1]):
                faults.append(f"{name} holds not exactly one address: {value.strip()!r}")
    for value in found.get("date", ())[:1]:
        faults += _date(value.strip())
    for value in found.get("message-id", ())[:1]:
        if not re.fullmatch(r" <[^\s<>@]+@[^\s<>@]+>", value):
            faults.append(f"message-id is none: {value.strip()!r}")
    return faults + _list(found)


def _unfolded(value: str) -> str:
    return value.replace("\r\n", "").strip()


def _date(value: str) -> list[str]:
    if not _DATE.fullmatch(value):
        return [f"date has no numeric zone or is none: {value!r}"]
    try:
        parsedate_to_datetime(value)
    except ValueError:
        return [f"date is none: {value!r}"]
    return []


def _encoded_words(name: str, value: str) -> list[str]:
    faults = []
    for line in f"{name}:{value}".split("\r\n"):
        words = list(_ENCODED_WORD.finditer(line))
        if words and len(line) > 76:
            faults.append(f"{name} has a line of {len(line)} columns with an encoded-word, more than 76")
        if "=?" in _ENCODED_WORD.sub("", line):
            faults.append(f"{name} has a broken encoded-word: {line[:100]!r}")
        for word in words:
            if len(word[0]) > 75:
                faults.append(f"{name} has an encoded-word of {len(word[0])} characters, more than 75")
            if not re.search(r"(?:^|\s)$", line[: word.start()]) or not re.match(r"\s|$", line[word.end() :]):
                faults.append(f"{name} has an encoded-word that touches its neighbour: {word[0]!r}")
            faults += _decodes(name, word)
    return faults


def _decodes(name: str, word: re.Match[str]) -> list[str]:
    try:
        if word[2].lower() == "b":
            data = base64.b64decode(word[3], validate=True)
        else:
            data = quopri.decodestring(word[3].encode("ascii"), header=True)
        data.decode(word[1])
    except (LookupError, ValueError, binascii.Error):
        return [f"{name} has an encoded-word that does not decode by itself: {word[0]!r}"]
    return []


def _list(found: dict[str, list[str]]) -> list[str]:
    first = {name: values[0] for name, values in found.items()}
    faults = []
    for name in (name for name in _RAW if name in first):
        raw = first[name][first[name].rfind("<") :] if name == "list-id" else first[name]
        if "=?" in raw or not raw.isascii():
            faults.append(f"{name} is not raw ASCII: {raw.strip()[:100]!r}")
    if not re.search(r"<[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+>$", first.get("list-id", "<x.y>")):
        faults.append(f"list-id is none: {first['list-id'].strip()!r}")
    if "list-unsubscribe" in first:
        uris = first["list-unsubscribe"].removeprefix(" ").split(",\r\n ")
        if not all(re.fullmatch(r"<(?:https|mailto):[!-;=?-~]+>", uri) for uri in uris):
            faults.append(f"list-unsubscribe is not URIs in <>, folded only behind a comma: {uris!r}")
        if sum(uri.startswith("<https:") for uri in uris) != 1:
            faults.append("list-unsubscribe holds not exactly one https URL")
    if first.get("list-unsubscribe-post", " List-Unsubscribe=One-Click") != " List-Unsubscribe=One-Click":
        faults.append("list-unsubscribe-post is not List-Unsubscribe=One-Click")
    return faults


def _parts(data: bytes, body: bytes) -> list[str]:
    # The modern policy reads every header again at each look, so it looks at them once and the older one at the parts.
    headers = BytesHeaderParser(EmailMessage, policy=email.policy.default).parsebytes(data[: len(data) - len(body)])
    message = message_from_bytes(data)
    faults = [f"the parser finds {type(defect).__name__}" for part in message.walk() for defect in part.defects]
    for name, value in headers.items():
        faults += [f"{name}: {type(defect).__name__}" for defect in getattr(value, "defects", ())]
    kinds = [part.get_content_type() for part in message.walk()]
    if kinds != ["multipart/alternative", "text/plain", "text/html"]:
        return [*faults, f"not multipart/alternative with text first, then HTML: {', '.join(kinds)}"]
    delimiter = b"--" + str(message.get_boundary()).encode("ascii", "replace")
    pieces = body.split(delimiter)
    if len(pieces) != 4 or pieces[3] != b"--\r\n":
        return [*faults, "the boundary does not stand exactly where the parts begin and end"]
    faults += [
        f"line {number} of the body has {len(line)} columns, more than 76"
        for number, line in enumerate(body.split(b"\r\n"), 1)
        if len(line) > 76
    ]
    for kind, part, raw in zip(("text", "html"), message.get_payload(), pieces[1:3], strict=True):
        encoding = str(part.get("content-transfer-encoding", "")).lower()
        if part.get_content_charset() != "utf-8" or encoding not in ("quoted-printable", "base64"):
            faults.append(f"the {kind} part is not UTF-8 in quoted-printable or base64")
            continue
        check = _quoted_printable if encoding == "quoted-printable" else _base64
        faults += check(kind, raw.partition(b"\r\n\r\n")[2])
        decoded = part.get_payload(decode=True)
        if not isinstance(decoded, bytes) or decoded.decode("utf-8", "replace").encode() != decoded:
            faults.append(f"the {kind} part does not decode as UTF-8")
    return faults


def _quoted_printable(kind: str, encoded: bytes) -> list[str]:
    faults = []
    for number, line in enumerate(encoded.split(b"\r\n"), 1):
        if not _QP_LINE.fullmatch(line):
            faults.append(f"line {number} of the {kind} part is no quoted-printable: {line[:80]!r}")
        if line.endswith((b" ", b"\t")):
            faults.append(f"line {number} of the {kind} part ends with a blank")
    return faults


def _base64(kind: str, encoded: bytes) -> list[str]:
    *lines, last = encoded.split(b"\r\n")
    faults = [
        f"line {number} of the {kind} part is no base64 that stands by itself: {line[:80]!r}"
        for number, line in enumerate(lines, 1)
        if not _BASE64_LINE.fullmatch(line) or (b"=" in line and number < len(lines))
    ]
    return [*faults, f"the {kind} part has something behind its base64"] if last else faults
