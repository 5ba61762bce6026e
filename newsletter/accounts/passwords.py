"""Passwords: Argon2id (RFC 9106, its second recommended setting), a few at a time, since each takes 64 MiB."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from newsletter.errors import Refused

LEAST = 12
"""Characters."""
MOST = 200

_HASHER = PasswordHasher()
_AT_ONCE = threading.BoundedSemaphore(2)


class BadPassword(Refused):
    """This password will not do."""


def hash_password(password: str, name: str = "") -> str:
    """What is kept of a new password. Raises `BadPassword` for one that is too short, too long, or is the name."""
    if not LEAST <= len(password) <= MOST:
        raise BadPassword(f"the password has {len(password)} characters: write at least {LEAST} and at most {MOST}")
    if len(set(password)) < 4 or (name and password.casefold().strip() == name.casefold().strip()):
        raise BadPassword("this password is too easy to guess: write a few words that belong to nobody")
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_password(kept: str | None, password: str) -> bool:
    """Whether this is the password. With nothing kept it takes as long, and says no."""
    if len(password) > MOST:
        password = ""
    with _AT_ONCE:
        try:
            return _HASHER.verify(kept or _of_nobody(), password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


@cache
def _of_nobody() -> str:
    return _HASHER.hash("the password of nobody")
