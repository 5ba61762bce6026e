"""Mails that come in: what the ``mailto:`` of List-Unsubscribe (RFC 2369 section 3.2) makes a mail program send."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from enum import StrEnum

from newsletter.audience.consent import Said
from newsletter.audience.tokens import BadToken
from newsletter.press import choices
from newsletter.press.site import Site

MOST_BYTES = 1 << 16
"""How much of a mail is looked at: its headers are in it, or it is none of ours."""
_LONGEST_SUBJECT = 1_000
_SUBJECT = re.compile(r"\s*unsubscribe(?:\s+(\S{1,150}))?\s*", re.IGNORECASE)


class Heard(StrEnum):
    """What a mail was."""

    LEFT = "left"
    """Somebody leaves, or says again that they do."""
    UNKNOWN = "unknown"
    """It says that somebody leaves, and not who: a person has to look at it."""
    OTHER = "other"
    """Something else, for people."""


def hear(site: Site, mail: bytes) -> Heard:
    """Does what a mail asks for by its subject, ``unsubscribe TOKEN``: the sender's address proves nothing and is not
    looked at. ``mail`` is RFC 5322, of which the first `MOST_BYTES` count. Never answers, and never raises for what a
    mail holds."""
    match = _SUBJECT.fullmatch(_subject(mail[:MOST_BYTES]))
    if match is None:
        return Heard.OTHER
    try:
        token = site.tokens.read("unsubscribe", match[1] or "")
    except BadToken:
        return Heard.UNKNOWN
    choices.leave(site, token.subscriber_id, token.briefing, Said("unsubscribe", "mail"))
    return Heard.LEFT


def _subject(mail: bytes) -> str:
    raw = str(BytesHeaderParser().parsebytes(mail).get("subject", ""))[:_LONGEST_SUBJECT]
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, ValueError):
        return raw
