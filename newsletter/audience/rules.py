"""A segment's rule, with one meaning in two forms: SQL over subscribers, and Python over one reader.

There are two truth values. What a reader does not have (an empty field, an absent, null or empty attribute) fits no
comparison but ``exists: false``, and so fits the ``not`` of every other one; null never comes of it, in either engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import ColumnElement, String, and_, cast, false, func, not_, or_, true

from newsletter.audience.models import Subscriber
from newsletter.audience.sql import attribute_exists, attribute_number, attribute_text, has_tag, parenthesised

Value = str | int | float | bool | date


class Rule(Protocol):
    """Who is meant."""

    def clause(self) -> ColumnElement[bool]:
        """The rule over `Subscriber` columns; never null."""

    def matches(self, reader: Mapping[str, Any]) -> bool:
        """The rule for one reader: a mapping of the `Subscriber` columns' names, ``created`` for ``created_at``."""


@dataclass(frozen=True)
class Everyone:
    """Every reader."""

    def clause(self) -> ColumnElement[bool]:
        return true()

    def matches(self, reader: Mapping[str, Any]) -> bool:
        return True


@dataclass(frozen=True)
class All:
    """Every one of these."""

    rules: tuple[Rule, ...]

    def clause(self) -> ColumnElement[bool]:
        return _joined([rule.clause() for rule in self.rules], both=True)

    def matches(self, reader: Mapping[str, Any]) -> bool:
        return all(rule.matches(reader) for rule in self.rules)


@dataclass(frozen=True)
class Either:
    """At least one of these."""

    rules: tuple[Rule, ...]

    def clause(self) -> ColumnElement[bool]:
        return _joined([rule.clause() for rule in self.rules], both=False)

    def matches(self, reader: Mapping[str, Any]) -> bool:
        return any(rule.matches(reader) for rule in self.rules)


@dataclass(frozen=True)
class Not:
    """Not this."""

    rule: Rule

    def clause(self) -> ColumnElement[bool]:
        return not_(self.rule.clause())

    def matches(self, reader: Mapping[str, Any]) -> bool:
        return not self.rule.matches(reader)


def _joined(clauses: list[ColumnElement[bool]], *, both: bool) -> ColumnElement[bool]:
    """All or any of many. In groups: SQLite parses a chain of a thousand into a tree deeper than it allows."""
    join = and_ if both else or_
    width = max(8, math.isqrt(len(clauses)) + 1)
    if len(clauses) > width:
        clauses = [parenthesised(join(*clauses[at : at + width])) for at in range(0, len(clauses), width)]
    return join(*clauses)


_COLUMNS: dict[str, ColumnElement[str]] = {
    name: getattr(Subscriber, name) for name in ("country", "region", "language", "frequency", "timezone")
}


@dataclass(frozen=True)
class Text:
    """``is``, ``in`` or ``starts_with`` on a text column: one of ``values`` is the whole of it, or begins it."""

    field: str
    values: tuple[str, ...]
    prefix: bool = False

    def clause(self) -> ColumnElement[bool]:
        return _text_clause(_COLUMNS[self.field], self.values, self.prefix)

    def matches(self, reader: Mapping[str, Any]) -> bool:
        return _text_matches(reader.get(self.field) or "", self.values, self.prefix)


@dataclass(frozen=True)
class Language:
    """A language, in any of its regional forms: ``en`` means en-GB too."""

    values: tuple[str, ...]

    def clause(self) -> ColumnElement[bool]:
        column = Subscriber.language
        regional = [func.substr(column, 1, len(value) + 1) == f"{value}-" for value in self.values]
        return _joined([column.in_(self.values), *regional], both=False)

    def matches(self, reader: Mapping[str, Any]) -> bool:
        language = reader.get("language") or ""
        return any(language == value or language.startswith(f"{value}-") for value in self.values)


@dataclass(frozen=True)
class Tagged:
    """A reader's tags hold all of ``values``, or any."""

    values: tuple[str, ...]
    every: bool = False

    def clause(self) -> ColumnElement[bool]:
        return _joined([has_tag(value) for value in self.values], both=self.every)

    def matches(self, reader: Mapping[str, Any]) -> bool:
        tags = reader.get("tags") or []
        return (all if self.every else any)(value in tags for value in self.values)


@dataclass(frozen=True)
class Exists:
    """A column has something in it."""

    field: str

    def clause(self) -> ColumnElement[bool]:
        if self.field == "tags":
            return cast(Subscriber.tags, String) != "[]"  # which both engines write so
        return _COLUMNS[self.field] != ""

    def matches(self, reader: Mapping[str, Any]) -> bool:
        return bool(reader.get(self.field))


@dataclass(frozen=True)
class Since:
    """``created`` lies on a day of UTC not before ``first``, and not after ``last``."""

    first: date | None = None
    last: date | None = None

    def _bounds(self) -> tuple[datetime | None, datetime | None]:
        return (
            None if self.first is None else datetime.combine(self.first, time(), UTC),
            None if self.last is None else datetime.combine(self.last + timedelta(days=1), time(), UTC),
        )

    def clause(self) -> ColumnElement[bool]:
        since, before = self._bounds()
        parts = [] if since is None else [Subscriber.created_at >= since]
        return and_(true(), *parts, *([] if before is None else [Subscriber.created_at < before]))

    def matches(self, reader: Mapping[str, Any]) -> bool:
        since, before = self._bounds()
        created: datetime | None = reader.get("created")
        return created is not None and (since is None or created >= since) and (before is None or created < before)


@dataclass(frozen=True)
class AttributeText:
    """``is``, ``in`` or ``starts_with`` on an attribute with texts: compares with its text, see `_text_of`."""

    name: str
    values: tuple[str, ...]
    prefix: bool = False

    def clause(self) -> ColumnElement[bool]:
        return _text_clause(func.coalesce(attribute_text(self.name), ""), self.values, self.prefix)

    def matches(self, reader: Mapping[str, Any]) -> bool:
        return _text_matches(_text_of((reader.get("attributes") or {}).get(self.name)), self.values, self.prefix)


@dataclass(frozen=True)
class AttributeNumber:
    """An attribute is a number, one of ``values`` or in the range. A text is no number, whatever stands in it."""

    name: str
    values: tuple[int | float, ...] = ()
    least: int | float | None = None
    most: int | float | None = None

    def clause(self) -> ColumnElement[bool]:
        number = attribute_number(self.name)
        found: ColumnElement[bool]
        if self.values:
            found = number.in_([_decimal(value) for value in self.values])
        elif self.least is not None:
            found = number >= _decimal(self.least)
        else:
            assert self.most is not None
            found = number <= _decimal(self.most)
        return func.coalesce(found, false())

    def matches(self, reader: Mapping[str, Any]) -> bool:
        value = (reader.get("attributes") or {}).get(self.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.values:
            return value in self.values
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True)
class AttributeExists:
    """An attribute is there, and is neither null nor an empty text."""

    name: str

    def clause(self) -> ColumnElement[bool]:
        return attribute_exists(self.name)

    def matches(self, reader: Mapping[str, Any]) -> bool:
        value = (reader.get("attributes") or {}).get(self.name)
        return value is not None and value != ""


def _text_clause(column: ColumnElement[str], values: Iterable[str], prefix: bool) -> ColumnElement[bool]:
    if not prefix:
        return column.in_(list(values))
    # Not LIKE: that is blind to case in one of the engines.
    return _joined([func.substr(column, 1, len(value)) == value for value in values], both=False)


def _text_matches(text: str, values: Iterable[str], prefix: bool) -> bool:
    return any(text.startswith(value) if prefix else text == value for value in values)


def _text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**15 else ""
    return value if isinstance(value, str) else ""


def _decimal(value: int | float) -> Decimal:
    """Exact in PostgreSQL, where the attribute is exact too; a double again in SQLite."""
    return Decimal(repr(value))
