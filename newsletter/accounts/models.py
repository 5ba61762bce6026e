"""Accounts of the desk, what proves who somebody is, and the attempts that did not."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.database.types import Base, BigId

_ROLES = "role IN ('viewer', 'editor', 'operator', 'admin')"


class User(Base):
    """Somebody who works at the desk. ``name`` is as it was written, ``name_norm`` how names are compared."""

    __tablename__ = "desk_user"
    __table_args__ = (CheckConstraint(_ROLES, name="role"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    name_norm: Mapped[str] = mapped_column(String(256), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    password: Mapped[str] = mapped_column(String(255))
    """Argon2id with its parameters, in the usual encoding."""
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    looked_at: Mapped[datetime]
    """Up to when this person has seen what changed."""


class DeskSession(Base):
    """Somebody who is signed in, in one browser. The token itself is in the browser's cookie alone."""

    __tablename__ = "desk_session"
    __table_args__ = (Index("ix_desk_session_user", "user_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("desk_user.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """When it was last used, to a few minutes."""
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    agent: Mapped[str] = mapped_column(String(200), default="")
    """What the browser called itself."""
    address: Mapped[str] = mapped_column(String(64), default="")
    """The network address from which it was begun."""

    user: Mapped[User] = relationship()


class ApiToken(Base):
    """What a script proves itself by. Shown once, kept as a hash."""

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint(_ROLES, name="role"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    name_norm: Mapped[str] = mapped_column(String(256), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class FirstLink(Base):
    """A link that makes the first account, once."""

    __tablename__ = "first_link"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """One attempt to sign in that was not a success, by name and by network address; both as hashes, since people
    type passwords where names belong."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index("ix_sign_in_attempt_name", "name_hash", "at"),
        Index("ix_sign_in_attempt_address", "address_hash", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    at: Mapped[datetime]
