"""Slugs: the short names by which people and links call a story."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator

MAX_LENGTH = 80


def slugify(words: str) -> str:
    """Small letters, digits and single hyphens, at most `MAX_LENGTH`, cut between words; empty if nothing is left."""
    decomposed = unicodedata.normalize("NFKD", words.replace("ß", "ss").replace("’", "").replace("'", ""))
    letters = decomposed.encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")
    if len(slug) > MAX_LENGTH:
        slug = slug[: MAX_LENGTH + 1].rpartition("-")[0] or slug[:MAX_LENGTH]
    return slug.strip("-")


def candidates(wanted: str, external_id: str) -> Iterator[str]:
    """The slugs that a story may have, best first: the wanted one, then with longer and longer ends that only this
    story has, so that the outcome does not hang on what a counter stood at."""
    digest = hashlib.sha256(external_id.encode()).hexdigest()
    if wanted:
        yield wanted
    base = wanted[:120].strip("-") or "story"
    for length in (6, 12, 24, 64):
        yield f"{base}-{digest[:length]}"
