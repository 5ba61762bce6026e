"""The words to which people said yes. Append-only: a wording is recorded once for each source and never changed."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience.models import Consent
from newsletter.clock import Clock
from newsletter.errors import Refused
from newsletter.text import clean, one_line

MAX_WORDING = 20_000


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
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(Consent)
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
