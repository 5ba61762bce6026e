"""The consent log, read: who decided what, when, by which way and by which words; of one person, and of all."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from newsletter.audience.addresses import address_hash, normalise
from newsletter.audience.consent import Decision, lookup
from newsletter.audience.models import Consent, ConsentEvent, Subscriber
from newsletter.audience.sheet import cell
from newsletter.audience.sitevalues import ADDRESS_SALT, find_secret

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One decision of the log, with its words."""

    at: datetime
    decision: str
    briefing: str
    """Empty for every briefing."""
    until: datetime | None
    """The end of a pause."""
    wording: str
    source: str
    subscriber: int
    """Their number, also once they are erased."""
    address_hash: bytes


def log_of(session: Session, email: str) -> list[LogEntry]:
    """What was decided at an address, and by the reader who has it now also before they had it; the oldest first, each
    with its words. It begins with the yes that they came with, and is there after an erasure too. Raises
    `AddressRefused`."""
    norm = normalise(email).email_norm
    if (salt := find_secret(session, ADDRESS_SALT)) is None:
        return []
    reader = session.scalars(select(Subscriber).where(Subscriber.email_norm == norm)).one_or_none()
    here = ConsentEvent.address_hash == address_hash(salt, norm)
    found = _decided(session, here if reader is None else or_(here, ConsentEvent.subscriber_id == reader.id))
    if reader is not None:
        first = _first(reader, lookup(session, reader.consent_id))
        same = reader.id, first.wording, first.source
        if same not in {(one.subscriber, one.wording, one.source) for one in found}:
            found.append(first)
    return sorted(found, key=lambda one: (one.at, one.decision != Decision.CONSENTED))


def _first(reader: Subscriber, words: Consent) -> LogEntry:
    return LogEntry(
        reader.created_at, Decision.CONSENTED, "", None, words.wording, words.source, reader.id, reader.address_hash
    )


def _decided(session: Session, which: ColumnElement[bool]) -> list[LogEntry]:
    return [_as_decided(event, words) for event, words in session.execute(_EVENTS.where(which))]


_EVENTS = select(ConsentEvent, Consent).join(Consent, Consent.id == ConsentEvent.consent_id).order_by(ConsentEvent.id)


def _as_decided(event: ConsentEvent, words: Consent) -> LogEntry:
    return LogEntry(
        event.at, event.decision, event.briefing, event.until, words.wording, words.source, event.subscriber_id,
        event.address_hash,
    )  # fmt: skip


def export_log(session: Session, out: TextIO) -> int:
    """Writes the whole log as CSV, and returns how many decisions it has: first the yes that each reader came with,
    then what was decided since, in its order. Whose it is stands there as a number and a hash in hex, and as an address
    while there is one."""
    sheet = csv.writer(out)
    sheet.writerow(["at", "decision", "briefing", "until", "wording", "source", "reader", "address hash", "email"])
    written = 0
    yes = select(Subscriber, Consent).join(Consent, Consent.id == Subscriber.consent_id).order_by(Subscriber.id)
    for reader, words in session.execute(yes.execution_options(yield_per=_CHUNK)):
        _write(sheet, _first(reader, words), reader.email)
        written += 1
    events = _EVENTS.add_columns(Subscriber.email).outerjoin(Subscriber, Subscriber.id == ConsentEvent.subscriber_id)
    for event, words, email in session.execute(events.execution_options(yield_per=_CHUNK)):
        _write(sheet, _as_decided(event, words), email or "")
        written += 1
    return written


def _write(sheet: Any, one: LogEntry, email: str) -> None:
    until = one.until.isoformat() if one.until else ""
    values = (one.at.isoformat(), one.decision, one.briefing, until, one.wording, one.source)
    sheet.writerow([*map(cell, values), one.subscriber, one.address_hash.hex(), cell(email)])
