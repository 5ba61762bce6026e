"""Real mail servers that deliver everything into one Maildir: where they are, what they add, and what came."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import servers

PATIENCE = 20.0
"""Seconds that a real server has."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """One of the servers that `.ci/servers.sh` starts."""

    name: str
    where: str
    """``host:port:maildir``, empty where there is none."""
    added: tuple[str, ...]
    """The header fields, in small letters, that it writes before a message; nothing else of it may change."""
    whose: str
    """The one of them that holds the recipient of the envelope."""
    line_end: bytes
    """What ends a line in its Maildir."""

    @property
    def host(self) -> str:
        return self.where.split(":", 2)[0]

    @property
    def port(self) -> int:
        return int(self.where.split(":", 2)[1])

    def delivered(self, recipients: Iterable[str]) -> dict[str, bytes]:
        """The messages to these recipients as they lie in the Maildir, when all have come or patience ends. Holds that
        nobody got two."""
        wanted = set(recipients)
        new = Path(self.where.split(":", 2)[2], "new")
        seen: dict[Path, tuple[str, bytes]] = {}
        end = time.monotonic() + PATIENCE
        while True:
            for file in set(new.glob("*")) - seen.keys():
                raw = file.read_bytes()
                seen[file] = (dict(raw_headers(raw))[self.whose].strip().decode("utf-8"), raw)
            mine = [(address, raw) for address, raw in seen.values() if address in wanted]
            assert len(mine) == len({address for address, _ in mine}), "somebody got it twice"
            if len(mine) == len(wanted) or time.monotonic() > end:
                return dict(mine)
            time.sleep(0.1)

    def without_added(self, delivered: bytes) -> bytes:
        """A message without what the server wrote before it, its lines ended by CRLF as they travelled."""
        assert (b"\r" in delivered) == (self.line_end == b"\r\n"), "line ends that this server does not write"
        raw = delivered.replace(self.line_end, b"\r\n")
        while (name := raw.partition(b":")[0].decode("latin-1").lower()) in self.added:
            raw = raw.partition(b"\r\n")[2]
            while raw[:1] in b" \t" and name:
                raw = raw.partition(b"\r\n")[2]
        return raw


# virtual(8) and smtpd(8); the Exim specification, chapters 24 and 47; smtpd.conf(5); our plugin for Haraka.
POSTFIX = MailServer(
    "postfix", servers.POSTFIX, ("return-path", "x-original-to", "delivered-to", "received"), "delivered-to", b"\n"
)
EXIM = MailServer("exim", servers.EXIM, ("return-path", "envelope-to", "received"), "envelope-to", b"\n")
OPENSMTPD = MailServer(
    "opensmtpd", servers.OPENSMTPD, ("return-path", "delivered-to", "received"), "delivered-to", b"\n"
)
HARAKA = MailServer("haraka", servers.HARAKA, ("return-path", "delivered-to", "received"), "delivered-to", b"\r\n")

EVERY = [
    pytest.param(one, marks=pytest.mark.needs(one.name), id=one.name) for one in (POSTFIX, EXIM, OPENSMTPD, HARAKA)
]
"""For ``parametrize``: each of them, where it is there."""


def raw_headers(raw: bytes) -> list[tuple[str, bytes]]:
    """The fields as they travelled, folds and all; line ends are LF."""
    head = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    fields: list[tuple[str, bytes]] = []
    for line in head.split(b"\n"):
        if line[:1] in b" \t":
            fields[-1] = (fields[-1][0], fields[-1][1] + b"\n" + line)
        else:
            name, _, value = line.partition(b":")
            fields.append((name.decode("ascii").lower(), value))
    return fields
