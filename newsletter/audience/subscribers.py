"""Readers, one by one and all of them: show, list, count, export."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TextIO

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from newsletter.audience.addresses import address_hash, normalise
from newsletter.audience.columns import FIELDS
from newsletter.audience.consent import lookup
from newsletter.audience.exports import attribute_names
from newsletter.audience.models import Bounce, Consent, Subscriber, Suppression
from newsletter.audience.sheet import cell
from newsletter.audience.sitevalues import ADDRESS_SALT, find_secret
from newsletter.audience.suppression import suppressions_of
from newsletter.database import Database
from newsletter.errors import NotFound

_CHUNK = 1000


@dataclass(frozen=True)
class Person:
    """What is known of an address. ``subscriber`` and ``consent`` are None for one who is only suppressed."""

    subscriber: Subscriber | None
    consent: Consent | None
    suppressions: tuple[Suppression, ...]


def show(session: Session, email: str) -> Person:
    """What is known of an address. Raises `AddressRefused`, and `NotFound` where nothing is."""
    norm = normalise(email).email_norm
    subscriber = session.scalar(select(Subscriber).where(Subscriber.email_norm == norm))
    suppressions = tuple(suppressions_of(session, email))
    if subscriber is None and not suppressions:
        raise NotFound("there is no reader with this address, and it is not suppressed")
    consent = None if subscriber is None else lookup(session, subscriber.consent_id)
    return Person(subscriber, consent, suppressions)


def listing(
    session: Session, clause: ColumnElement[bool] | None = None, *, after: int = 0, limit: int = 100
) -> list[Subscriber]:
    """The readers whom a clause fits (a segment's, or all), by number, from the one after ``after``."""
    wanted = select(Subscriber).where(Subscriber.id > after, true() if clause is None else clause)
    return list(session.scalars(wanted.order_by(Subscriber.id).limit(limit)))


def count(session: Session, clause: ColumnElement[bool] | None = None) -> int:
    """How many readers a clause fits; all of them without one."""
    wanted = select(func.count()).select_from(Subscriber)
    return session.scalar(wanted if clause is None else wanted.where(clause)) or 0


def bounce_score(session: Session, email: str) -> Bounce | None:
    """What speaks against an address; None where nothing does. Raises `AddressRefused`."""
    norm = normalise(email).email_norm
    if (salt := find_secret(session, ADDRESS_SALT)) is None:
        return None
    return session.get(Bounce, address_hash(salt, norm))


def export(database: Database, out: TextIO) -> int:
    """Writes every reader as CSV, and returns how many. `import_csv` reads the file back.

    One column for each attribute; tags with commas between; ``suppressed`` says ``unsubscribed``, or
    ``morning=unsubscribed`` for one briefing. A cell that a spreadsheet would run as a formula has an apostrophe in
    front.
    """
    fields = ("email", *FIELDS)
    with database.reading() as session:
        names = attribute_names(session)
        sheet = csv.writer(out)
        sheet.writerow(
            [*fields, *(f"attributes.{n}" for n in names), "created", "consent", "consent source", "suppressed"]
        )
        written = 0
        for subscriber, consent, suppressed in _everybody(session):
            values = [subscriber.email, *(getattr(subscriber, name) for name in FIELDS)]
            values[-1] = ",".join(subscriber.tags)
            values += [subscriber.attributes.get(name) for name in names]
            values += [subscriber.created_at.isoformat(), consent.wording, consent.source, suppressed]
            sheet.writerow([cell(value) for value in values])
            written += 1
        return written


def _everybody(session: Session) -> Iterator[tuple[Subscriber, Consent, str]]:
    rows = session.execute(
        select(Subscriber, Consent, Suppression.briefing, Suppression.reason)
        .join(Consent, Consent.id == Subscriber.consent_id)
        .outerjoin(Suppression, Suppression.address_hash == Subscriber.address_hash)
        .order_by(Subscriber.id, Suppression.briefing)
        .execution_options(yield_per=_CHUNK)
    )
    for _, same in groupby(rows, key=lambda row: row[0].id):
        found = list(same)
        reasons = [f"{briefing}={reason}" if briefing else reason for _, _, briefing, reason in found if reason]
        yield found[0][0], found[0][1], ", ".join(reasons)
