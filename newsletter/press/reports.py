"""What other servers write about a mail of ours: that it could not be delivered (RFC 3464), that somebody complained
(RFC 5965). Hostile until proven otherwise: what it says counts only with the signed link of a mail of ours in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser, HeaderParser
from enum import StrEnum

from newsletter.backends.base import Outcome, Result

_TOKEN = re.compile(r"[a-z0-9]{1,4}\.[a-z0-9-]{0,32}\.[A-Za-z0-9_-]{22}\.[0-9a-f]{1,12}\.[0-9a-f]{1,12}")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_DIAGNOSIS = re.compile(r"\s*([45]\d\d)(?:[ -]+(?:([45]\.\d{1,3}\.\d{1,3})\b)?|$)")
_LONGEST = 2_000
"""Characters of a field that are looked at."""
_MOST_PARTS = 20


class Kind(StrEnum):
    """What a report reports."""

    FAILED = "failed"
    """Given up by some server on the way; ``outcome`` says why."""
    COMPLAINT = "complaint"
    OTHER = "other"
    """Delayed, relayed, no spam after all …"""


@dataclass(frozen=True, slots=True)
class Report:
    """A report, and the token of the unsubscribe link in the mail that it returns; empty where it returns none."""

    kind: Kind
    token: str
    outcome: Outcome | None = None


def read(mail: bytes) -> Report | None:
    """The report in a mail, None where it is none. The mail may be cut off. Never raises for what it holds."""
    try:
        message = BytesParser().parsebytes(mail)
        parts = message.get_payload()
        if message.get_content_type() != "multipart/report" or not isinstance(parts, list):
            return None
        found = {one.get_content_type(): one for one in reversed(parts[:_MOST_PARTS]) if isinstance(one, Message)}
        if (part := found.get("message/delivery-status")) is not None:
            kind, outcome = _delivery(part)
        elif (part := found.get("message/feedback-report")) is not None:
            kind, outcome = _feedback(part), None
        else:
            return None
        return Report(kind, _token(found), outcome)
    except (RecursionError, LookupError, ValueError, TypeError, AttributeError):
        return None  # what the standard library's parser makes of some nonsense


def _field(message: Message, name: str) -> str:
    return re.sub(r"\s+", " ", str(message.get(name, ""))[:_LONGEST]).strip()


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _delivery(part: Message) -> tuple[Kind, Outcome | None]:
    """The first recipient of a delivery status: a mail of ours has one (RFC 3464 section 2.3)."""
    block = next((one for one in _blocks(part)[:_MOST_PARTS] if one.get("Action")), None)
    if block is None or _field(block, "Action").lower() != "failed":
        return Kind.OTHER, None
    told = _STATUS.search(_field(block, "Status"))
    _, _, words = _field(block, "Diagnostic-Code").partition(";")
    diagnosis = _DIAGNOSIS.match(words)
    status = told[1] if told else ""
    if diagnosis and diagnosis[2] and (not status or status.endswith(".0.0")):
        status = diagnosis[2]  # what the server said, where the one that reports it made it general
    code = int(diagnosis[1]) if diagnosis else 0
    permanent = status.startswith("5") or (not status and code >= 500)
    result = Result.REJECTED if permanent else Result.DEFERRED
    return Kind.FAILED, Outcome(result, code, status, words.strip())


def _feedback(part: Message) -> Kind:
    blocks = _blocks(part)
    text = part.get_payload() if not blocks else None
    fields = blocks[0] if blocks else HeaderParser().parsestr(text if isinstance(text, str) else "")
    return Kind.COMPLAINT if _field(fields, "Feedback-Type").lower() == "abuse" else Kind.OTHER


def _token(found: dict[str, Message]) -> str:
    """From the headers of the mail that is returned: whole, or its headers alone (RFC 6522 section 3)."""
    for kind in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"):
        if (part := found.get(kind)) is None:
            continue
        payload = part.get_payload()
        returned = payload[0] if isinstance(payload, list) else HeaderParser().parsestr(str(payload))
        if isinstance(returned, Message):
            links = re.sub(r"\s+", "", str(returned.get("List-Unsubscribe", ""))[:_LONGEST])
            if (match := _TOKEN.search(links)) is not None:
                return match[0]
    return ""
