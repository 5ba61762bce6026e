"""Accounts: made, found, given another role or password, disabled; never without an admin once there is one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.accounts.attempts import forget
from newsletter.accounts.models import User
from newsletter.accounts.names import MOST, normal, proper
from newsletter.accounts.passwords import hash_password
from newsletter.accounts.roles import Role
from newsletter.accounts.sessions import end_all
from newsletter.database import Database
from newsletter.errors import NotFound, Refused
from newsletter.text import one_line


def exist(session: Session) -> bool:
    """Whether there is any account."""
    return session.scalar(select(User.id).limit(1)) is not None


def everyone(session: Session) -> list[User]:
    """Every account, by name."""
    return list(session.scalars(select(User).order_by(User.name_norm)))


def find(session: Session, name: str) -> User:
    """An account by its name. Raises `NotFound`."""
    user = session.scalars(select(User).where(User.name_norm == normal(name))).one_or_none()
    if user is None:
        raise NotFound(f"there is no account {one_line(name)[:MOST]!r}: `newsletter users list` shows all")
    return user


def make(session: Session, name: str, role: Role, hashed: str, now: datetime) -> User:
    """A new account, in the caller's write transaction. Raises `Refused` where the name is taken."""
    name = proper(name)
    user = User(name=name, name_norm=normal(name), role=role.value, password=hashed, created_at=now, looked_at=now)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError:
        raise Refused(f"there is an account {name!r} already: choose another name") from None
    return user


def add(database: Database, name: str, role: Role, password: str, now: datetime) -> User:
    """Makes an account. Raises `Refused` and `BadPassword`."""
    hashed = hash_password(password, proper(name))  # slow: before the transaction
    with database.writing() as session:
        return make(session, name, role, hashed, now)


def set_password(database: Database, name: str, password: str, now: datetime) -> None:
    """Gives an account another password, ends its sessions and forgets failed attempts.

    Raises `NotFound` and `BadPassword`.
    """
    hashed = hash_password(password, name)
    with database.writing() as session:
        user = find(session, name)
        user.password = hashed
        forget(session, user.name)
        end_all(session, user.id, now)


def set_role(database: Database, name: str, role: Role) -> User:
    """Gives an account another role, from its next request on. Raises `NotFound`; `Refused` for the last admin."""
    with database.writing() as session:
        user = find(session, name)
        if role != Role.ADMIN:
            _refuse_last_admin(session, user)
        user.role = role.value
        return user


def disable(database: Database, name: str, now: datetime) -> User:
    """Lets an account sign in no more, and ends its sessions. Raises `NotFound`; `Refused` for the last admin."""
    with database.writing() as session:
        user = find(session, name)
        _refuse_last_admin(session, user)
        session.execute(update(User).where(User.id == user.id, User.disabled_at.is_(None)).values(disabled_at=now))
        end_all(session, user.id, now)
        return user


def enable(database: Database, name: str) -> User:
    """Lets a disabled account sign in again. Raises `NotFound`."""
    with database.writing() as session:
        user = find(session, name)
        user.disabled_at = None
        return user


def has_looked(database: Database, user_id: int, until: datetime) -> None:
    """Keeps that somebody has seen what changed until then; never back in time."""
    with database.writing() as session:
        session.execute(update(User).where(User.id == user_id, User.looked_at < until).values(looked_at=until))


def _refuse_last_admin(session: Session, user: User) -> None:
    if user.role != Role.ADMIN or user.disabled_at is not None:
        return
    # Two who demote each other at once: on PostgreSQL the rows are locked, SQLite has one writer.
    admins = session.scalars(
        select(User.id).where(User.role == Role.ADMIN.value, User.disabled_at.is_(None)).with_for_update()
    ).all()
    if len(admins) == 1:
        raise Refused(f"{user.name} is the only admin: make another one first")
