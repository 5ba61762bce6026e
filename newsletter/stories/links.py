"""Which links a story may carry."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

MAX_URL = 2000

_FORBIDDEN = re.compile(r"[\s\x00-\x20\x7f\\\"<>`{}|^\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_MAIL = re.compile(r"mailto:[^\s<>\"@]+@[^\s<>\"@]+", re.IGNORECASE)


def web_url(value: str) -> str:
    """The http or https URL that ``value`` is, unchanged: a query string is never touched.

    Raises ValueError, with what to write instead, for any other scheme, relative paths, white space, user names and
    passwords, or more than `MAX_URL` characters.
    """
    shown = value if len(value) <= 80 else value[:77] + "…"
    if len(value) > MAX_URL:
        raise ValueError(f"{shown} is longer than {MAX_URL} characters")
    if _FORBIDDEN.search(value):
        raise ValueError(f'{shown!r} has characters that no link has: write blanks as %20, a " as %22')
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  a property that raises
        host = parts.hostname
    except ValueError:
        raise ValueError(f"{shown!r} is no link: write for example https://news.example.org/story") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError(f"{shown!r} is no absolute link: write it from the beginning, https://…")
    if not host:
        raise ValueError(f"{shown!r} names no host: write for example https://news.example.org/story")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"the link to {host} has a user name in it: take it out")
    return value


def is_link(value: str) -> bool:
    """Whether a text may link there: http, https, or mailto with one address."""
    if _MAIL.fullmatch(value) and len(value) <= MAX_URL:
        return True
    try:
        web_url(value)
    except ValueError:
        return False
    return True
