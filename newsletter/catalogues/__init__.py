"""The words of readers' pages and service mails, one catalogue a language: ``en.yaml`` and its siblings.

A translator copies ``en.yaml`` to ``LANGUAGE.yaml``, keeps the keys and what stands in ``{braces}``, and writes the
rest anew; the tests say what is missing. Nothing else has to be told of a new language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CATALOGUES = Path(__file__).parent
_FALLBACK = "en"
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")
_MOST_RANGES = 20


class Words:
    """The words of one language; call it with a key and what stands in the braces."""

    def __init__(self, language: str, catalogue: Mapping[str, Any]) -> None:
        self.language = language
        self.name: str = catalogue["language"]
        self.direction: str = catalogue["direction"]
        self.catalogue = catalogue

    def __call__(self, key: str, **values: str) -> str:
        """The words of a key. Raises KeyError for one that is in no catalogue."""
        said: str = self.catalogue[key]
        if self.direction == "rtl":
            # A name in Latin letters keeps its own order and turns nothing around it (UAX 9: FSI … PDI).
            values = {name: f"\u2068{value}\u2069" for name, value in values.items()}
        return said.format(**values)

    def pattern(self, key: str) -> str:
        """The words of a key with their braces."""
        said: str = self.catalogue[key]
        return said

    def date(self, day: date) -> str:
        """``3 December 2026``"""
        written: str = self.catalogue["date"]
        return written.format(day=day.day, month=self.catalogue["months"][day.month - 1], year=day.year)


@cache
def languages() -> dict[str, Words]:
    """Every language that there is a catalogue of, by its code, read once."""
    found = {}
    for path in sorted(CATALOGUES.glob("*.yaml")):
        found[path.stem] = Words(path.stem, yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def words_for(own: str, accepted: str, otherwise: str) -> Words:
    """The words in a reader's own language (a BCP 47 tag, perhaps empty), else in the first that there is of an
    Accept-Language header (RFC 9110 section 12.5.4), else in ``otherwise``, else in English."""
    for tag in (own, *_preferred(accepted), otherwise):
        if (found := languages().get(tag.partition("-")[0].lower())) is not None:
            return found
    return languages()[_FALLBACK]


def _preferred(accepted: str) -> list[str]:
    matches = [match for part in accepted.split(",")[:_MOST_RANGES] if (match := _RANGE.fullmatch(part))]
    wanted = [(float(match[2] or 1), match[1]) for match in matches]
    return [tag for weight, tag in sorted(wanted, key=lambda one: -one[0]) if weight > 0]
