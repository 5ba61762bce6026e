"""How often somebody may guess: kept in the database, so that a restart forgives nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from newsletter.accounts.models import SignInAttempt
from newsletter.accounts.names import normal
from newsletter.errors import Refused

WINDOW = timedelta(minutes=15)
BY_NAME = 10
"""Attempts at one name within the window, from wherever they come."""
BY_ADDRESS = 30
"""Attempts from one network address within the window, at whatever names. A newsroom may share one."""


class TooOften(Refused):
    """Too many attempts: wait a quarter of an hour, or ask an admin for a new password."""


def count_one(session: Session, name: str, address: str, now: datetime) -> None:
    """Counts an attempt, in the caller's write transaction. Raises `TooOften`, and then it counts nothing."""
    by_name, by_address = _hash("name", normal(name)), _hash("address", address)
    session.execute(delete(SignInAttempt).where(SignInAttempt.at <= now - WINDOW))
    if (
        _number(session, SignInAttempt.name_hash == by_name) >= BY_NAME
        or _number(session, SignInAttempt.address_hash == by_address) >= BY_ADDRESS
    ):
        raise TooOften
    session.add(SignInAttempt(name_hash=by_name, address_hash=by_address, at=now))
    session.flush()


def forget(session: Session, name: str) -> None:
    """Forgets the attempts at a name: it was proved, or it has a new password."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.name_hash == _hash("name", normal(name))))


def _number(session: Session, which: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(SignInAttempt).where(which)) or 0


def _hash(kind: str, value: str) -> bytes:
    return blake2b(value.encode("utf-8", "replace"), person=kind.encode(), digest_size=32).digest()
