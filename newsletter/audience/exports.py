"""Readers written down for another system, as a stream: those who get mail, and those who must not."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.audience.columns import FIELDS
from newsletter.audience.consent import Decision
from newsletter.audience.formats import Format, Person, State
from newsletter.audience.models import ConsentEvent, Subscriber, Suppression
from newsletter.audience.sheet import cell
from newsletter.audience.suppression import Reason
from newsletter.database import Database
from newsletter.errors import Refused

_CHUNK = 1_000
_STATES = {
    Reason.MANUAL: State.STOPPED,
    Reason.UNSUBSCRIBED: State.LEFT,
    Reason.BOUNCE: State.BOUNCED,
    Reason.COMPLAINT: State.COMPLAINED,
}


def export_for(database: Database, form: Format, out: Path, *, briefing: str = "") -> Mapping[str, int]:
    """Writes everybody for another system into the folder ``out``, which must not be there; returns the people by file.

    With ``briefing`` who has left that one counts as having left. Who was erased has no address to write. Files are for
    their owner's eyes alone, and cells that a spreadsheet would run have an apostrophe in front, but for addresses and
    JSON, which the other system would take it for a part of. Raises `Refused`.
    """
    try:
        out.mkdir(mode=0o700)
    except FileExistsError:
        raise Refused(f"{out} is there already: name a new folder") from None
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from None
    with database.reading() as session, ExitStack() as stack:
        names = attribute_names(session)
        heads = form.files(names)
        raw = {
            name: [place for place, column in enumerate(head) if column.lower() in _RAW] for name, head in heads.items()
        }
        sheets: dict[str, Any] = {}
        for name, head in heads.items():
            path = out / name
            path.touch(mode=0o600)
            file: TextIO = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            sheets[name] = csv.writer(file)
            sheets[name].writerow(head)
        counts = dict.fromkeys(heads, 0)
        for person in _people(session, briefing):
            name, values = form.write(person, names)
            cells = [cell(value) for value in values]
            for place in raw[name]:
                cells[place] = str(values[place])
            sheets[name].writerow(cells)
            counts[name] += 1
        return counts


_RAW = ("email", "email address", "attributes")


def attribute_names(session: Session) -> list[str]:
    """The names of all readers' attributes, in order."""
    names: set[str] = set()
    for attributes in session.scalars(select(Subscriber.attributes).execution_options(yield_per=_CHUNK)):
        names.update(attributes)
    return sorted(names)


_WANTED = tuple(
    getattr(Subscriber, name) for name in ("id", "email", "address_hash", "created_at", "attributes", *FIELDS)
)


def _people(session: Session, briefing: str) -> Iterator[Person]:
    here = or_(Suppression.briefing == "", Suppression.briefing == briefing)
    # Plain columns: rows of a million need no identity.
    readers = (
        select(*_WANTED, Suppression.reason, Suppression.at, Suppression.note)
        .outerjoin(Suppression, (Suppression.address_hash == Subscriber.address_hash) & here)
        .order_by(Subscriber.id, Suppression.briefing)
        .execution_options(yield_per=_CHUNK)
    )
    last = 0
    for part in session.execute(readers).partitions():
        confirmed = _confirmed(session, [row.address_hash for row in part])
        for row in part:
            if row.id != last:  # the stop for every briefing comes first, and is enough
                last = row.id
                yield _person(row, confirmed)
    known = exists().where(Subscriber.address_hash == Suppression.address_hash)
    others = select(Suppression).where(here, Suppression.email_norm.is_not(None), ~known)
    others = others.order_by(Suppression.address_hash, Suppression.briefing).execution_options(yield_per=_CHUNK)
    gone = b""
    for stop in session.scalars(others):
        if stop.address_hash != gone and stop.reason in _STATES:
            gone = stop.address_hash
            state = _STATES[Reason(stop.reason)]
            yield Person(str(stop.email_norm), state, stop.at, ended=stop.at, note=stop.note)


def _person(row: Any, confirmed: Mapping[bytes, datetime]) -> Person:
    return Person(
        email=row.email,
        state=State.SUBSCRIBED if row.reason is None else _STATES.get(Reason(row.reason), State.LEFT),
        since=row.created_at,
        confirmed=confirmed.get(row.address_hash),
        ended=row.at,
        note=row.note or "",
        fields={name: getattr(row, name) for name in FIELDS if name != "tags"},
        tags=row.tags,
        attributes=row.attributes,
    )


def _confirmed(session: Session, hashes: list[bytes]) -> dict[bytes, datetime]:
    when = func.max(ConsentEvent.at, type_=ConsentEvent.at.type)
    rows = select(ConsentEvent.address_hash, when).where(
        ConsentEvent.address_hash.in_(hashes), ConsentEvent.decision == Decision.CONFIRMED.value
    )
    return {bytes(hashed): at for hashed, at in session.execute(rows.group_by(ConsentEvent.address_hash))}
