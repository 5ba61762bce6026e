"""Names of accounts and tokens: how they are kept, and how they are compared."""

from __future__ import annotations

import unicodedata

from newsletter.errors import Refused
from newsletter.text import one_line, without_bidi_controls

MOST = 64
"""Characters."""


def normal(name: str) -> str:
    """A name as names are compared: ``Edith`` is ``edith``."""
    return unicodedata.normalize("NFKC", name).casefold().strip()[: 4 * MOST]


def proper(name: str) -> str:
    """A name as it is kept. Raises `Refused` with what to write instead."""
    name = without_bidi_controls(one_line(name))
    if not 1 <= len(name) <= MOST or not any(letter.isalnum() for letter in name):
        raise Refused(f"a name has 1 to {MOST} characters, and a letter among them: write for example Edith")
    return name
