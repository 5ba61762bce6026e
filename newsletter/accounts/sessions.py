"""Sessions: who is signed in, in which browser, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session, joinedload

from newsletter.accounts.models import DeskSession, User
from newsletter.accounts.secrets import new_token, token_hash
from newsletter.database import Database
from newsletter.errors import NotFound

LASTS = timedelta(days=14)
"""From the sign-in to the next one."""
IDLE = timedelta(days=3)
"""A session that nobody used for so long is over. It outlasts a weekend's end, not a holiday."""
_TOUCH = timedelta(minutes=5)
"""How exactly the last use is kept: a write for every request would wait for the ledger's."""
_KEPT = timedelta(days=90)
"""How long a session that is over is kept, to be looked at."""


def begin(session: Session, user_id: int, now: datetime, *, agent: str = "", address: str = "") -> str:
    """Signs somebody in, in the caller's write transaction, and returns the token for the cookie."""
    token = new_token()
    session.execute(delete(DeskSession).where(DeskSession.expires_at < now - _KEPT))
    session.add(
        DeskSession(
            user_id=user_id, token_hash=token_hash(token), created_at=now, seen_at=now, expires_at=now + LASTS,
            agent=agent[:200], address=address[:64],
        )
    )  # fmt: skip
    session.flush()
    return token


def use(database: Database, token: str, now: datetime) -> DeskSession | None:
    """The session of a cookie's token with its user loaded, None where it is over or never was."""
    with database.reading() as session:
        found = session.scalars(
            select(DeskSession)
            .join(DeskSession.user)
            .where(DeskSession.token_hash == token_hash(token), *_alive(now), User.disabled_at.is_(None))
            .options(joinedload(DeskSession.user))
        ).one_or_none()
    if found is not None and found.seen_at < now - _TOUCH:
        with database.writing() as session:
            session.execute(
                update(DeskSession).where(DeskSession.id == found.id, DeskSession.seen_at < now).values(seen_at=now)
            )
    return found


def alive(session: Session, user_id: int, now: datetime) -> list[DeskSession]:
    """Somebody's sessions that are not over, the last used first."""
    mine = select(DeskSession).where(DeskSession.user_id == user_id, *_alive(now))
    return list(session.scalars(mine.order_by(DeskSession.seen_at.desc(), DeskSession.id.desc())))


def end(session: Session, user_id: int, session_id: int, now: datetime) -> None:
    """Ends one session of somebody's. Raises `NotFound` where it is none of theirs, or over."""
    ended = session.execute(
        update(DeskSession)
        .where(DeskSession.id == session_id, DeskSession.user_id == user_id, DeskSession.ended_at.is_(None))
        .values(ended_at=now)
        .returning(DeskSession.id)
    ).all()
    if not ended:
        raise NotFound("there is no such session, or it is over already")


def end_all(session: Session, user_id: int, now: datetime, *, but: int | None = None) -> int:
    """Ends every session of somebody's, but for one if given; returns how many there were."""
    theirs = update(DeskSession).where(DeskSession.user_id == user_id, *_alive(now))
    if but is not None:
        theirs = theirs.where(DeskSession.id != but)
    return len(session.execute(theirs.values(ended_at=now).returning(DeskSession.id)).all())


def _alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return DeskSession.ended_at.is_(None), DeskSession.expires_at > now, DeskSession.seen_at > now - IDLE
