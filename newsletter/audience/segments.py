"""Segments: named rules over subscribers, read from ``subscribers/segments.yaml``.

::

    europe:
      title: Europe
      backend: outbox            # or a list, tried in this order
      rule:
        any:
          - country: [DE, FR, PL]
          - all: [{language: en}, {tags: {has: berlin}}]

Several keys beside each other hold together, as under ``all``. Dates are days of UTC.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import ColumnElement

from newsletter.audience import rules, vocabulary
from newsletter.audience.rules import Rule
from newsletter.errors import ConfigError, SegmentError
from newsletter.text import one_line
from newsletter.yamlfile import Where, YamlFile, load_yaml

MAX_DEPTH = 20
MAX_TERMS = 1000
_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

_ONE_OF = ("is", "is_not", "in", "not_in")
_OPERATORS: dict[str, tuple[str, ...]] = {
    "country": (*_ONE_OF, "exists"),
    "region": (*_ONE_OF, "starts_with", "exists"),
    "tags": ("has", "has_any", "has_all", "exists"),
    "language": (*_ONE_OF, "exists"),
    "frequency": (*_ONE_OF, "starts_with", "exists"),
    "timezone": (*_ONE_OF, "starts_with", "exists"),
    "created": ("is", "is_not", "at_least", "at_most"),
}
_ATTRIBUTE_OPERATORS = (*_ONE_OF, "starts_with", "at_least", "at_most", "exists")
_JOINTS = ("all", "any", "not", "everyone")


@dataclass(frozen=True)
class Segment:
    """A named rule, and the backends that its readers' mail goes to, in the order in which they are tried."""

    key: str
    title: str
    rule: Rule
    backends: tuple[str, ...]
    line: int
    """Where it stands in the file."""

    def clause(self) -> ColumnElement[bool]:
        """The rule over `Subscriber` columns; never null, so that its ``not_`` is everybody else."""
        return self.rule.clause()


def load_segments(path: Path) -> dict[str, Segment]:
    """The segments of a file by key, in its order. Raises `SegmentError` with file and line."""
    try:
        file = load_yaml(path)
    except ConfigError as error:
        raise SegmentError(error.message, path=error.path, line=error.line) from None
    if not isinstance(file.data, dict) or not file.data:
        raise SegmentError("no segments here: write a key, for example europe:, with title, backend and rule",
                           path=path, line=1)  # fmt: skip
    return {key: _segment(file, key) for key in file.data}


def _segment(file: YamlFile, key: str) -> Segment:
    reader = _Reader(file)
    where: Where = (key,)
    block = file.data[key]
    if not _KEY.fullmatch(key) or len(key) > 64:
        reader.fail(where, f"{key!r} is no key: use small letters, digits and single hyphens")
    if not isinstance(block, dict):
        reader.fail(where, f"segment {key!r} needs title, backend and rule")
    for name in block:
        if name not in ("title", "backend", "rule"):
            reader.fail((*where, name), _unknown("key", name, ("title", "backend", "rule")))
    if "rule" not in block:
        reader.fail(where, f"segment {key!r} has no rule: write one, or rule: {{everyone: true}}")
    title = block.get("title", key.replace("-", " ").capitalize())
    if not isinstance(title, str) or not one_line(title):
        reader.fail((*where, "title"), "title must be text")
    backends = block.get("backend")
    backends = [backends] if isinstance(backends, str) else backends
    if not isinstance(backends, list) or not backends or not all(isinstance(b, str) and b for b in backends):
        reader.fail((*where, "backend"), f"segment {key!r} needs a backend: write for example backend: outbox")
    if len(set(backends)) != len(backends):
        reader.fail((*where, "backend"), "backend names one twice")
    rule = reader.rule((*where, "rule"), block["rule"], 1)
    return Segment(key, one_line(title), rule, tuple(backends), file.line(where))


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, 1, 0.6)
    return f"unknown {what} “{name}”" + (f": did you mean {near[0]}?" if near else f": write {', '.join(known)}")


class _Reader:
    """Reads one segment's rule."""

    def __init__(self, file: YamlFile) -> None:
        self._file = file
        self._terms = 0

    def fail(self, where: Where, message: str) -> NoReturn:
        raise SegmentError(message, path=self._file.path, line=self._file.line(where))

    def rule(self, where: Where, data: Any, depth: int) -> Rule:
        if depth > MAX_DEPTH:
            self.fail(where, f"a rule is at most {MAX_DEPTH} levels deep: split the segment")
        if not isinstance(data, dict) or not data:
            self.fail(where, "a rule is a field and what it must be: write for example country: DE")
        parts = tuple(self._part((*where, key), key, value, depth) for key, value in data.items())
        return parts[0] if len(parts) == 1 else rules.All(parts)

    def _part(self, where: Where, key: str, value: Any, depth: int) -> Rule:
        if key in ("all", "any"):
            if not isinstance(value, list) or not value:
                self.fail(where, f"{key} wants a list of rules, each beginning with a hyphen")
            inner = tuple(self.rule((*where, at), item, depth + 1) for at, item in enumerate(value))
            return rules.All(inner) if key == "all" else rules.Either(inner)
        if key == "not":
            return rules.Not(self.rule(where, value, depth + 1))
        if key == "everyone":
            if value is not True:
                self.fail(where, "write everyone: true, or a rule")
            self._count(where, 1)
            return rules.Everyone()
        return self._comparisons(where, key, value)

    def _comparisons(self, where: Where, field: str, value: Any) -> Rule:
        attribute = field.removeprefix("attributes.") if field.startswith("attributes.") else None
        if attribute is not None:
            try:
                if vocabulary.attribute_name(attribute) != attribute:
                    self.fail(where, f"unknown field “{field}”: did you mean attributes."
                              f"{vocabulary.attribute_name(attribute)}?")  # fmt: skip
            except ValueError as error:
                self.fail(where, str(error))
        elif field not in _OPERATORS:
            fields = [*_OPERATORS, *_JOINTS]
            near = difflib.get_close_matches(field, fields, 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else f"write {', '.join(fields)}, or attributes.{field}"
            self.fail(where, f"unknown field “{field}”: {hint}")
        known = _ATTRIBUTE_OPERATORS if attribute is not None else _OPERATORS[field]
        if not isinstance(value, dict):
            many = isinstance(value, list)
            value = {("has_any" if many else "has") if field == "tags" else "in" if many else "is": value}
            shorthand = True
        else:
            shorthand = False
        if not value:
            self.fail(where, f"{field} has no comparison: write for example {known[0]}: …")
        parts = []
        for operator, operand in value.items():
            at = where if shorthand else (*where, operator)
            if operator not in known:
                self.fail(at, _unknown(f"operator of {field}", operator, known))
            parts.append(self._comparison(at, field, attribute, operator, operand))
        return parts[0] if len(parts) == 1 else rules.All(tuple(parts))

    def _comparison(self, where: Where, field: str, attribute: str | None, operator: str, operand: Any) -> Rule:
        if operator == "exists":
            if not isinstance(operand, bool):
                self.fail(where, "exists is true or false")
            self._count(where, 1)
            found: Rule = rules.Exists(field) if attribute is None else rules.AttributeExists(attribute)
            return found if operand else rules.Not(found)
        if operator in ("in", "not_in", "has_any", "has_all"):
            if not isinstance(operand, list):
                self.fail(where, f"{operator} wants a list: write {operator}: [one, another]")
            if not operand:
                self.fail(where, f"{operator} has an empty list: name at least one value")
            operands = [((*where, at), value) for at, value in enumerate(operand)]
        else:
            if isinstance(operand, list | dict):
                self.fail(where, f"{operator} wants one value")
            operands = [(where, operand)]
        self._count(where, len(operands))
        if attribute is not None:
            found = self._attribute(operator, attribute, operands)
        elif field == "created":
            found = self._date(operator, operands)
        else:
            found = self._column(operator, field, operands)
        return rules.Not(found) if operator in ("is_not", "not_in") else found

    def _column(self, operator: str, field: str, operands: list[tuple[Where, Any]]) -> Rule:
        kinds: dict[str, Callable[[str], str]] = {
            "country": vocabulary.country,
            "language": vocabulary.language,
            "tags": vocabulary.tag,
            "frequency": vocabulary.frequency,
        }
        if operator != "starts_with" and field == "timezone":
            kinds["timezone"] = vocabulary.timezone
        values = tuple(self._word(where, field, value, kinds.get(field)) for where, value in operands)
        if field == "tags":
            return rules.Tagged(values, every=operator == "has_all")
        if field == "language":
            return rules.Language(values)
        return rules.Text(field, values, prefix=operator == "starts_with")

    def _word(self, where: Where, field: str, value: Any, kind: Callable[[str], str] | None) -> str:
        if not isinstance(value, str):
            self.fail(where, f"{field} is text: put it in quotes" if value is not None else f"{field} has no value")
        try:
            word = unicodedata.normalize("NFC", one_line(value)) if kind is None else kind(value)
        except ValueError as error:
            self.fail(where, str(error))
        if not word:
            self.fail(where, f"{field} has an empty value: for readers who have none write {{exists: false}}")
        return word

    def _date(self, operator: str, operands: list[tuple[Where, Any]]) -> Rule:
        ((where, value),) = operands
        try:
            day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
        except ValueError:
            day = None
        if day is None or not 1970 <= day.year <= 2999:
            self.fail(where, "created wants a date: write for example 2026-11-23")
        return rules.Since(
            first=None if operator == "at_most" else day,
            last=None if operator == "at_least" else day,
        )

    def _attribute(self, operator: str, name: str, operands: list[tuple[Where, Any]]) -> Rule:
        texts: list[str] = []
        numbers: list[int | float] = []
        for where, value in operands:
            if isinstance(value, bool):
                texts.append("true" if value else "false")
            elif isinstance(value, int | float):
                if not math.isfinite(value) or abs(value) > 2**53:
                    self.fail(where, "a number here is at most 9007199254740992, which a double holds exactly")
                numbers.append(value)
            else:
                texts.append(self._word(where, f"attributes.{name}", value, None))
        where = operands[0][0]
        if operator in ("at_least", "at_most"):
            if not numbers:
                self.fail(where, f"{operator} wants a number")
            if operator == "at_least":
                return rules.AttributeNumber(name, least=numbers[0])
            return rules.AttributeNumber(name, most=numbers[0])
        if operator == "starts_with":
            if numbers:
                self.fail(where, "starts_with wants text: put the number in quotes")
            return rules.AttributeText(name, tuple(texts), prefix=True)
        parts: list[Rule] = []
        if texts:
            parts.append(rules.AttributeText(name, tuple(texts)))
        if numbers:
            parts.append(rules.AttributeNumber(name, tuple(numbers)))
        return parts[0] if len(parts) == 1 else rules.Either(tuple(parts))

    def _count(self, where: Where, terms: int) -> None:
        self._terms += terms
        if self._terms > MAX_TERMS:
            self.fail(where, f"a rule compares with at most {MAX_TERMS} values: split the segment, or tag its readers")
