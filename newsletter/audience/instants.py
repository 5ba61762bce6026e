"""Dates as other systems export them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_GO = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,6})?\d* ([+-]\d{4})(?: [A-Z+-][A-Za-z0-9+-]*)?(?: m=\S+)?")
"""As Go writes an instant: ``2024-02-03 04:05:06.789 +0000 UTC``."""
_SHAPES = ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y")
"""``07/04/2024`` is the Fourth of July: the systems that write it so are American."""


@lru_cache(4096)
def instant(words: str) -> datetime:
    """The instant that a cell means, in UTC; one without a zone is UTC already. Raises ValueError."""
    words = words.strip()
    if (go := _GO.fullmatch(words)) is not None:
        found = datetime.strptime(f"{go[1]}{go[2] or '.0'} {go[3]}", "%Y-%m-%d %H:%M:%S.%f %z")
    else:
        found = _read(words)
    found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    if not 1970 <= found.year <= 2999:
        raise ValueError(f"“{words[:40]}” lies before 1970")
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def _read(words: str) -> datetime:
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", words))
    except ValueError:
        pass
    for shape in _SHAPES:
        try:
            return datetime.strptime(words, shape)  # noqa: DTZ007 - made aware by the caller
        except ValueError:
            continue
    raise ValueError(f"“{words[:40]}” is no date: write for example 2026-11-23 or 2026-11-23T06:00:00Z")
