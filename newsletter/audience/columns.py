"""What each column of a CSV means, and how its cells become what is stored."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from newsletter.audience import vocabulary
from newsletter.audience.sheet import plain
from newsletter.errors import ImportRefused
from newsletter.text import one_line, without_bidi_controls

FIELDS = ("first_name", "last_name", "country", "region", "language", "timezone", "frequency", "tags")
"""The columns of a subscriber that a CSV may fill, in the order of the values of a row; the attributes follow."""
ATTRIBUTES = len(FIELDS)
IGNORED = "-"

_ALIASES = {
    "email": "email|e mail|mail|email address|e mail address|emailaddress|subscriber email",
    "first_name": "first name|firstname|given name|forename|fname|name",
    "last_name": "last name|lastname|surname|family name|lname",
    "country": "country|country code|cc",
    "region": "region|state|province",
    "language": "language|lang|locale",
    "timezone": "timezone|time zone|tz",
    "frequency": "frequency",
    "tags": "tags|labels",
    # What our own export adds: it says what was, and an import must not rewrite it.
    IGNORED: "created|updated|consent|consent source|suppressed",
}
_MEANT = {alias: field for field, aliases in _ALIASES.items() for alias in aliases.split("|")}
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
MAX_ATTRIBUTE = 1000

Values = list[Any]
"""One value for each of `FIELDS`, then the attributes; None where the row says nothing."""


def assign(path: Path, header: list[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """What each column is: ``email``, one of `FIELDS`, ``attributes.NAME``, or ``-`` for not read.

    ``mapping`` is what somebody said about columns by name; the rest is recognised, or becomes an attribute. Raises
    `ImportRefused` for a mapping that names no column or no field, for two columns of one field, and for no email.
    """
    found: dict[str, str] = {}
    by_folded = {name.casefold(): name for name in header}
    for name, field in mapping.items():
        if (column := by_folded.get(name.strip().casefold())) is None:
            raise ImportRefused(f"there is no column “{name}”: there are {', '.join(header)}", path=path, line=1)
        found[column] = _target(path, field.strip())
    for name in header:
        if name not in found:
            field = meaning(name)
            if field == "first_name" and _folded(name) == "name" and _names_first(header):
                field = ""
            if not field or (field != IGNORED and field in mapping.values()):
                field = _target(path, name if name.startswith("attributes.") else f"attributes.{name}")
            found[name] = field
    taken: dict[str, str] = {}
    for name in header:
        if (field := found[name]) != IGNORED and (other := taken.setdefault(field, name)) != name:
            raise ImportRefused(
                f"“{other}” and “{name}” are both {field}: leave one out with --map “{name}=-”", path=path, line=1
            )
    if "email" not in taken:
        near = difflib.get_close_matches("email", header, 1, 0.3)
        raise ImportRefused(
            f"no column is known to be the address: say --map {near[0] if near else 'COLUMN'}=email", path=path, line=1
        )
    return {name: found[name] for name in header}


def meaning(name: str) -> str:
    """What a column of this name is recognised as; empty where it is not."""
    return _MEANT.get(_folded(name), "")


def _folded(name: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", name.casefold()).split())


def _names_first(header: list[str]) -> bool:
    return any(meaning(name) == "first_name" for name in header if name.casefold() != "name")


def _target(path: Path, field: str) -> str:
    if field in ("email", IGNORED, *FIELDS):
        return field
    if not field.startswith("attributes."):
        near = difflib.get_close_matches(field, ("email", *FIELDS), 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else f"write email, {', '.join(FIELDS)}, attributes.NAME, or -"
        raise ImportRefused(f"unknown field “{field}”: {hint}", path=path, line=1)
    try:
        return "attributes." + vocabulary.attribute_name(field.removeprefix("attributes."))
    except ValueError as error:
        raise ImportRefused(str(error), path=path, line=1) from None


class RowReader:
    """Turns cells into an address as it was written, and values. Made once a file, since it runs once a row."""

    def __init__(self, header: list[str], columns: Mapping[str, str]) -> None:
        self._email = next(at for at, name in enumerate(header) if columns[name] == "email")
        self._fields: list[tuple[int, int, str, Callable[[str], Any]]] = []
        self._attributes: list[tuple[int, str]] = []
        for at, name in enumerate(header):
            field = columns[name]
            if field in FIELDS:
                self._fields.append((at, FIELDS.index(field), name, _CONVERT[field]))
            elif field.startswith("attributes."):
                self._attributes.append((at, field.removeprefix("attributes.")))

    def read(self, cells: list[str]) -> tuple[str, Values]:
        """Raises ValueError, with the column's name, for a cell that cannot be meant."""
        values: Values = [None] * (ATTRIBUTES + 1)
        for at, slot, name, convert in self._fields:
            if cell := cells[at]:
                try:
                    values[slot] = convert(cell) or None
                except ValueError as error:
                    if not cell.strip():
                        continue
                    raise ValueError(f"{name}: {error}") from None
        attributes: dict[str, Any] = {}
        for at, name in self._attributes:
            if cell := cells[at]:
                try:
                    value = attribute(cell)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
                if value != "":
                    attributes[name] = value
        values[ATTRIBUTES] = attributes or None
        return plain(cells[self._email]), values


def _text(cell: str, limit: int) -> str:
    words = plain(cell.strip())
    if not words.isascii():
        words = unicodedata.normalize("NFC", without_bidi_controls(words))
    if not words.isprintable() or "  " in words:
        words = one_line(words)
    if len(words) > limit:
        raise ValueError(f"longer than {limit} characters")
    return words


@lru_cache(4096)
def person_name(cell: str) -> str:
    """A first or last name as it is stored: one line. Raises ValueError for more than 100 characters."""
    return _text(cell, 100)


@lru_cache(4096)
def attribute(cell: str) -> str | int | float:
    """Text, or the number that it spells: up to 15 digits, no leading zero, so that codes and numbers stay apart."""
    text = _text(cell, MAX_ATTRIBUTE)
    if len(text) <= 16 and _NUMBER.fullmatch(text) and sum(map(str.isdigit, text)) <= 15 and text != "-0":
        return float(text) if "." in text else int(text)
    return text


_CONVERT: dict[str, Callable[[str], Any]] = {
    "first_name": person_name,
    "last_name": person_name,
    "country": vocabulary.country,
    "region": lru_cache(1024)(lambda cell: _text(cell, 64)),
    "language": vocabulary.language,
    "timezone": vocabulary.timezone,
    "frequency": vocabulary.frequency,
    "tags": vocabulary.tags,
}


def field_value(field: str, cell: str) -> Any:
    """The value of a cell for one of `FIELDS`. Raises ValueError, with the field's name."""
    try:
        return _CONVERT[field](cell)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None
