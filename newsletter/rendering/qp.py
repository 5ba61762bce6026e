"""Quoted-printable as RFC 2045 section 6.7 wants it, and a little stricter.

`binascii.b2a_qp` writes lines of 77 and 78 columns for some inputs, so this is our own. What it promises of its output:

- every line has at most 75 columns, so that a soft break (``=``) always fits behind it within the 76 of the RFC;
- no ``=XX`` is split, and no line ends with a blank;
- no line begins with a dot or with ``From ``. SMTP then needs no dot-stuffing, an mbox no quoting: the same bytes go
  to a server and to a file;
- only printable ASCII, tabs and CRLF, whatever comes in.
"""

from __future__ import annotations

import re

SOFT_BREAK = b"=\r\n"
_COLUMNS = 75

_TABLE = tuple(b"=%02X" % byte for byte in range(256))
_UNSAFE = re.compile(rb"[^\t\n\x20-\x7e]+")
_PLAIN = re.compile(r"(?!\.|From )[ -~]{1,75}")


def _escape(match: re.Match[bytes]) -> bytes:
    return b"".join([_TABLE[byte] for byte in match[0]])


def _wrap(line: bytes, out: list[bytes]) -> None:
    """Appends an escaped line as one output line or more, all but the last ending with ``=``."""
    start, end = 0, len(line)
    while True:
        first, room = b"", _COLUMNS
        # What stands at the start of a line decides how much fits on it: the escape is two columns longer.
        if line.startswith((b".", b"From "), start):
            first, room = _TABLE[line[start]], _COLUMNS - 3
            start += 1
        stop = start + room
        if stop >= end:
            out.append(first + line[start:])
            return
        if line[stop - 1] == 0x3D:
            stop -= 1
        elif line[stop - 2] == 0x3D:
            stop -= 2
        out.append(first + line[start:stop] + b"=")
        start = stop


def encode(text: str) -> bytes:
    """Encodes text as UTF-8 quoted-printable. ``\\n`` and ``\\r\\n`` become CRLF; a lone ``\\r`` becomes ``=0D``."""
    data = text.encode().replace(b"\r\n", b"\n").replace(b"=", b"=3D")
    out: list[bytes] = []
    for line in _UNSAFE.sub(_escape, data).split(b"\n"):
        if line.endswith((b" ", b"\t")):
            line = line[:-1] + _TABLE[line[-1]]
        if len(line) <= _COLUMNS and not line.startswith((b".", b"From ")):
            out.append(line)
        else:
            _wrap(line, out)
    return b"\r\n".join(out)


def encode_fenced(text: str) -> bytes:
    """Encodes a piece that starts on a line of its own and is followed by another such piece.

    Ends with a soft break unless it ends with a line break, so that pieces may be joined in any order and the columns
    of one never depend on the other. An empty piece is no bytes at all.
    """
    if not text:
        return b""
    if _PLAIN.fullmatch(text) and len(line := text.replace("=", "=3D")) <= _COLUMNS:
        return line.encode("ascii") + SOFT_BREAK
    encoded = encode(text)
    return encoded if encoded.endswith(b"\r\n") else encoded + SOFT_BREAK
