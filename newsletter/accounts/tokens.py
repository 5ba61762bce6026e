"""Tokens for scripts: a name, a role, and a secret that is shown once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.accounts.models import ApiToken
from newsletter.accounts.names import normal, proper
from newsletter.accounts.roles import Role
from newsletter.accounts.secrets import new_token, token_hash
from newsletter.database import Database
from newsletter.errors import NotFound, Refused

PREFIX = "nl_"
"""What a token begins with, so that programs that look for lost secrets find it."""
_TOUCH = timedelta(minutes=5)


def make(database: Database, name: str, role: Role, now: datetime) -> str:
    """Makes a token and returns it; nobody can see it again. Raises `Refused` where the name is taken."""
    name, token = proper(name), new_token(PREFIX)
    try:
        with database.writing() as session:
            session.add(
                ApiToken(
                    name=name, name_norm=normal(name), role=role.value, token_hash=token_hash(token), created_at=now
                )
            )  # fmt: skip
    except IntegrityError:
        raise Refused(f"there is a token {name!r} already, or was: choose another name") from None
    return token


def use(database: Database, token: str, now: datetime) -> ApiToken | None:
    """The token that a script brought, None where it was ended or never was."""
    with database.reading() as session:
        found = session.scalars(
            select(ApiToken).where(ApiToken.token_hash == token_hash(token), ApiToken.ended_at.is_(None))
        ).one_or_none()
    if found is not None and (found.seen_at is None or found.seen_at < now - _TOUCH):
        with database.writing() as session:
            session.execute(update(ApiToken).where(ApiToken.id == found.id).values(seen_at=now))
    return found


def listing(session: Session) -> list[ApiToken]:
    """Every token there was, by name."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.name_norm)))


def end(database: Database, name: str, now: datetime) -> None:
    """Ends a token for good. Raises `NotFound`."""
    with database.writing() as session:
        ended = session.execute(
            update(ApiToken)
            .where(ApiToken.name_norm == normal(name), ApiToken.ended_at.is_(None))
            .values(ended_at=now)
            .returning(ApiToken.id)
        ).all()
    if not ended:
        raise NotFound(f"there is no token {name!r} that could be ended")
