"""Random tokens: what goes out to a person, and the hash that is kept of it."""

from __future__ import annotations

import hmac
import secrets
from hashlib import blake2b, sha256


def new_token(prefix: str = "") -> str:
    """256 random bits as text that is safe in cookies and addresses, after a prefix that says what it is."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token, 32 bytes. It is random enough that no salt and no slowness is needed."""
    return sha256(token.encode()).digest()


def form_token(cookie: str) -> str:
    """The token of the forms that belong to a cookie's value: whoever cannot read the cookie cannot make it."""
    return blake2b(b"form", key=sha256(cookie.encode()).digest(), digest_size=24).hexdigest()


def is_form_token(cookie: str, said: str) -> bool:
    """Whether a form brought the token that belongs to the cookie that came with it."""
    return hmac.compare_digest(form_token(cookie).encode(), said.encode())
