"""Secrets that belong to the database: random, made once, the same for every process."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience.models import SiteValue

ADDRESS_SALT = "address_salt"
LINK_SECRET = "link_secret"  # noqa: S105
"""Signs readers' links where the configuration has no ``secret_key``: never in production."""


def find_secret(session: Session, name: str) -> bytes | None:
    """The 32 bytes of a secret, or None where it was not needed yet."""
    value = session.scalar(select(SiteValue.value).where(SiteValue.name == name))
    return None if value is None else bytes.fromhex(value)


def make_secret(session: Session, name: str) -> bytes:
    """The 32 bytes of a secret, made now if it was not needed yet. Of two processes at once, one makes it."""
    if (found := find_secret(session, name)) is not None:
        return found
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(insert(SiteValue).values(name=name, value=secrets.token_hex(32)).on_conflict_do_nothing())
    made = find_secret(session, name)
    assert made is not None
    return made
