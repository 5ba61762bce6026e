"""How often somebody may: counted in the database, so that a restart forgives nothing and processes count together."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from sqlalchemy import case, delete, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience.models import Allowance
from newsletter.audience.sitevalues import ADDRESS_SALT, make_secret

LONGEST = timedelta(days=1)
"""No window is longer."""


def spend(session: Session, what: str, who: str, *, most: int, window: timedelta, now: datetime) -> bool:
    """Counts one of ``what`` for ``who``, kept as a salted hash, and returns whether that is within ``most`` a
    ``window``; what is beyond is not counted.

    A window begins with the first that is counted in it, so that with ``most=1`` two are never nearer to each other.
    One statement, whoever else does the same at that moment.
    """
    key = hmac.digest(make_secret(session, ADDRESS_SALT), f"{what}\0{who}".encode("utf-8", "replace"), "sha256")
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = insert(Allowance).values(key_hash=key, since=now, used=1)
    over = Allowance.since <= now - window
    done = session.execute(
        new.on_conflict_do_update(
            index_elements=["key_hash"],
            set_={
                "since": case((over, new.excluded.since), else_=Allowance.since),
                "used": case((over, 1), else_=Allowance.used + 1),
            },
            where=or_(over, Allowance.used < most),
        ).returning(Allowance.key_hash)
    )
    return done.first() is not None


def forget(session: Session, now: datetime) -> None:
    """Deletes what no window looks at any more."""
    session.execute(delete(Allowance).where(Allowance.since <= now - LONGEST))
