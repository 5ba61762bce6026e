"""What a format is, and what it says of a person."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from newsletter.audience.columns import person_name
from newsletter.audience.instants import instant


class State(StrEnum):
    """What somebody is in another system."""

    SUBSCRIBED = "subscribed"
    UNCONFIRMED = "unconfirmed"
    """Never said yes, or not a second time: not stored, not mailed."""
    LEFT = "left"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    STOPPED = "stopped"
    """Switched off by whoever runs that system."""


class Standing(NamedTuple):
    """What a row says beside the fields of a reader. Instants are UTC, None where the row has none."""

    state: State = State.SUBSCRIBED
    since: datetime | None = None
    confirmed: datetime | None = None
    ended: datetime | None = None
    note: str = ""
    labels: tuple[str, ...] = ()
    """Lists, groups and tags as they are called there."""
    left: tuple[str, ...] = ()
    """Briefings of ours that they do not want."""
    fields: Mapping[str, Any] = {}
    """Of a reader's, by the names in `columns.FIELDS`."""
    attributes: Mapping[str, Any] = {}


@dataclass
class Person:
    """Somebody to write down for another system."""

    email: str
    state: State
    since: datetime
    confirmed: datetime | None = None
    ended: datetime | None = None
    note: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    """All of `columns.FIELDS` but the tags, and empty ones."""
    tags: Sequence[str] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.fields.get('first_name', '')} {self.fields.get('last_name', '')}".strip()


class Format(ABC):
    """How one system's CSV is read and written."""

    key: ClassVar[str]
    """What ``--from`` and ``--to`` call it."""
    title: ClassVar[str]
    known_by: ClassVar[tuple[frozenset[str], ...]]
    """Columns, in small letters, that only its files have together."""
    columns: ClassVar[Mapping[str, str]]
    """What its columns are, by their names in small letters: as in ``--map``, or ``-`` for what `read` sees to."""

    @abstractmethod
    def read(self, row: Mapping[str, str], file: str) -> Standing:
        """What a row says. ``row`` has the cells by the columns' names in small letters, ``file`` is the file's name.
        Raises ValueError for a cell that cannot be meant."""

    def files(self, attributes: Sequence[str]) -> dict[str, list[str]]:
        """The files of an export by name, each with its header. ``attributes`` are the names that readers have. Raises
        NotImplementedError where nothing is written for it."""
        raise NotImplementedError

    def write(self, person: Person, attributes: Sequence[str]) -> tuple[str, list[object]]:
        """The file that somebody stands in, and their cells."""
        raise NotImplementedError


def named(name: str) -> dict[str, str]:
    """A whole name as first and last name: the first word is the first. Raises ValueError."""
    first, _, last = person_name(name).partition(" ")
    return {"first_name": first, "last_name": last}


def date(words: str) -> datetime | None:
    """The instant of a cell, None for an empty one. Raises ValueError."""
    return instant(words) if words.strip() else None


def truth(words: str) -> bool:
    """A yes or no; an empty cell is a no. Raises ValueError."""
    word = words.strip().lower()
    if word in ("true", "yes", "1", "t", "y"):
        return True
    if word in ("false", "no", "0", "f", "n", ""):
        return False
    raise ValueError(f"“{words[:40]}” is neither true nor false")


def known(**values: Any) -> dict[str, Any]:
    """What is not empty."""
    return {name: value for name, value in values.items() if value not in ("", None)}


def iso(at: datetime | None) -> str:
    """``2026-11-23T04:00:00.000Z``, empty for None."""
    return "" if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
