"""Signing in: one answer for whatever is wrong, in about the same time, and a limit on how often one may guess."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.accounts import attempts, sessions, users
from newsletter.accounts.models import FirstLink, User
from newsletter.accounts.names import normal, proper
from newsletter.accounts.passwords import hash_password, is_password
from newsletter.accounts.roles import Role
from newsletter.accounts.secrets import new_token, token_hash
from newsletter.database import Database
from newsletter.errors import NotFound, Refused

LINK_LASTS = timedelta(hours=24)


class WrongPassword(Refused):
    """This name and this password do not belong together."""


def sign_in(database: Database, name: str, password: str, now: datetime, *, address: str, agent: str = "") -> str:
    """The token of a new session. Raises `WrongPassword` and `TooOften`, as `prove` does."""
    user = prove(database, name, password, now, address=address)
    with database.writing() as session:
        return sessions.begin(session, user.id, now, agent=agent, address=address)


def prove(database: Database, name: str, password: str, now: datetime, *, address: str) -> User:
    """The account whose name and password these are. Raises `WrongPassword`, the same for a name that is unknown or
    disabled, and `TooOften`.

    An attempt counts before the password is looked at, so that guessing at once from many connections gains nothing.
    """
    with database.writing() as session:
        attempts.count_one(session, name, address, now)
        user = session.scalars(select(User).where(User.name_norm == normal(name))).one_or_none()
    right = is_password(user.password if user is not None else None, password)
    if user is None or user.disabled_at is not None or not right:
        raise WrongPassword
    with database.writing() as session:
        attempts.forget(session, name)
    return user


def first_link(database: Database, now: datetime) -> str | None:
    """The token of a link that makes the first account, None where there is one already."""
    token = new_token()
    with database.writing() as session:
        if users.exist(session):
            return None
        session.execute(delete(FirstLink).where(FirstLink.expires_at < now))
        session.add(FirstLink(token_hash=token_hash(token), created_at=now, expires_at=now + LINK_LASTS))
    return token


def is_first_link(session: Session, token: str, now: datetime) -> bool:
    """Whether a link would make the first account now."""
    return _open_link(session, token, now) is not None and not users.exist(session)


def make_first(database: Database, token: str, name: str, password: str, now: datetime) -> User:
    """Makes the first account, an admin's, and uses the link up. Raises `NotFound` for a link that is used up, over or
    never was; `Refused` and `BadPassword` for a name or password that will not do, which leaves the link as it is."""
    with database.reading() as session:
        if not is_first_link(session, token, now):
            raise NotFound(USED_UP)
    hashed = hash_password(password, proper(name))
    with database.writing() as session:
        # Of two who use one link at once the row lock lets one through; SQLite has one writer.
        if (link := _open_link(session, token, now, lock=True)) is None or users.exist(session):
            raise NotFound(USED_UP)
        link.used_at = now
        return users.make(session, name, Role.ADMIN, hashed, now)


USED_UP = "this link was used or is over: `newsletter serve` prints a new one while there is no account"


def _open_link(session: Session, token: str, now: datetime, *, lock: bool = False) -> FirstLink | None:
    wanted = select(FirstLink).where(
        FirstLink.token_hash == token_hash(token), FirstLink.used_at.is_(None), FirstLink.expires_at > now
    )
    return session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
