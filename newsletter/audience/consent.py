"""The words with which people said yes or no, and the log of what they decided. Append-only, both of them: a wording is
recorded once for each source, an event once, and neither is ever changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience.models import Consent, ConsentEvent, Subscriber
from newsletter.clock import Clock
from newsletter.errors import Refused
from newsletter.text import clean, one_line

MAX_WORDING = 20_000


class Decision(StrEnum):
    """What a reader decides."""

    CONSENTED = "consented"
    """The yes that they came with."""
    JOINED = "joined"
    LEFT = "left"
    RETURNED = "returned"
    PAUSED = "paused"
    RESUMED = "resumed"
    CONFIRMED = "confirmed"
    FREQUENCY = "frequency"
    MOVED = "moved"
    """To another address; logged of the old one and of the new."""
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Said:
    """The words with which somebody decides, and the way by which they come: ``page``, ``one-click``, ``mail``."""

    wording: str
    source: str


def record(session: Session, wording: str, source: str, clock: Clock) -> Consent:
    """The record of a wording from a source (``form``, ``import march.csv``), written now if it is new.

    Raises `Refused` for an empty or endless wording: consent that cannot be shown is none (GDPR, Art. 7.1).
    """
    wording, source = clean(wording).strip(), one_line(source)[:200]
    if not wording:
        raise Refused("consent is empty: write the words to which these people said yes")
    if len(wording) > MAX_WORDING:
        raise Refused(f"the words of consent are longer than {MAX_WORDING} characters")
    digest = hashlib.sha256(json.dumps([wording, source]).encode()).hexdigest()
    if (known := _by_digest(session, digest)) is not None:
        return known
    upsert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        upsert(Consent)
        .values(digest=digest, wording=wording, source=source, at=clock.now())
        .on_conflict_do_nothing(index_elements=["digest"])
    )
    made = _by_digest(session, digest)
    assert made is not None
    return made


def _by_digest(session: Session, digest: str) -> Consent | None:
    return session.scalar(select(Consent).where(Consent.digest == digest))


def lookup(session: Session, consent_id: int) -> Consent:
    """The wording that a reader's ``consent_id`` names. It cannot be missing: a foreign key holds it."""
    return session.get_one(Consent, consent_id)


def log(
    session: Session,
    reader: Subscriber,
    decision: Decision,
    briefing: str,
    said: Said,
    clock: Clock,
    until: datetime | None = None,
) -> None:
    """Writes down what a reader decided of a briefing, of every one where it is empty. ``until`` ends a pause (UTC)."""
    log_all(session, [(reader.id, reader.address_hash, briefing)], decision, said, clock, until)


def log_all(
    session: Session,
    who: Iterable[tuple[int, bytes, str]],
    decision: Decision,
    said: Said,
    clock: Clock,
    until: datetime | None = None,
) -> None:
    """The same of many who said it with the same words: each one's number, hash and briefing."""
    events = [
        {
            "at": clock.now(),
            "subscriber_id": number,
            "address_hash": address_hash,
            "decision": decision.value,
            "briefing": briefing,
            "until": until,
        }
        for number, address_hash, briefing in who
    ]
    if events:
        consent_id = record(session, said.wording, said.source, clock).id
        session.execute(insert(ConsentEvent), [{**event, "consent_id": consent_id} for event in events])


def keep_first(session: Session, reader: Subscriber) -> None:
    """Writes a reader's first yes into the log, where it is not yet: before they, who hold it, go."""
    mine = ConsentEvent.subscriber_id == reader.id, ConsentEvent.consent_id == reader.consent_id
    if session.scalar(select(ConsentEvent.id).where(*mine).limit(1)) is None:
        values = {"at": reader.created_at, "subscriber_id": reader.id, "address_hash": reader.address_hash}
        values |= {"decision": Decision.CONSENTED.value, "briefing": "", "consent_id": reader.consent_id}
        session.execute(insert(ConsentEvent), [values])
