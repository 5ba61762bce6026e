"""Mails that come in: what the ``mailto:`` of List-Unsubscribe (RFC 2369 section 3.2) makes a mail program send, and
what servers report of mails of ours."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from enum import StrEnum

from newsletter.audience.consent import Said
from newsletter.audience.tokens import BadToken
from newsletter.press import bounces, choices, reports
from newsletter.press.reports import Kind
from newsletter.press.site import Site

MOST_BYTES = 1 << 16
"""How much of a mail is looked at: its headers are in it, and what a report says, or it is none of ours."""
_LONGEST_SUBJECT = 1_000
_SUBJECT = re.compile(r"\s*unsubscribe(?:\s+(\S{1,150}))?\s*", re.IGNORECASE)


class Heard(StrEnum):
    """What a mail was."""

    LEFT = "left"
    """Somebody leaves, or says again that they do."""
    BOUNCED = "bounced"
    """A server reports that an address did not get a mail of ours, for a reason that counts against the address."""
    COMPLAINED = "complained"
    """A provider reports that a reader called a mail of ours spam."""
    UNKNOWN = "unknown"
    """It says that somebody leaves, bounces or complains, and not who: a person has to look at it."""
    OTHER = "other"
    """Something else, for people."""


def hear(site: Site, mail: bytes) -> Heard:
    """Does what a mail asks for by its subject, ``unsubscribe TOKEN``: the sender's address proves nothing and is not
    looked at. A report counts for the reader whose mail it returns. ``mail`` is RFC 5322, of which the first
    `MOST_BYTES` count. Never answers, and never raises for what a mail holds."""
    mail = mail[:MOST_BYTES]
    match = _SUBJECT.fullmatch(_subject(mail))
    if match is None:
        return _report(site, mail)
    try:
        token = site.tokens.read("unsubscribe", match[1] or "")
    except BadToken:
        return Heard.UNKNOWN
    choices.leave(site, token.subscriber_id, token.briefing, Said("unsubscribe", "mail"))
    return Heard.LEFT


def _report(site: Site, mail: bytes) -> Heard:
    report = reports.read(mail)
    if report is None or report.kind is Kind.OTHER:
        return Heard.OTHER
    try:
        token = site.tokens.read("unsubscribe", report.token)
    except BadToken:
        return Heard.UNKNOWN
    if report.kind is Kind.COMPLAINT:
        bounces.complain(site, token.subscriber_id)
        return Heard.COMPLAINED
    assert report.outcome is not None
    return Heard.BOUNCED if bounces.bounce(site, token.subscriber_id, report.outcome) else Heard.OTHER


def _subject(mail: bytes) -> str:
    raw = str(BytesHeaderParser().parsebytes(mail).get("subject", ""))[:_LONGEST_SUBJECT]
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, ValueError):
        return raw
