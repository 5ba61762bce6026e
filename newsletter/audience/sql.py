"""What a rule asks in each engine's own words, of the JSON columns above all, with the same answer.

SQLite is asked through `json_each`, which decodes the names that it compares: a path would be looked up in the JSON
text as it is spelled, where letters beyond ASCII may be escaped (measured on 3.40; it is as fast).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Numeric, String, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from newsletter.audience.models import Subscriber


class _AttributeText(FunctionElement[str]):
    type = String()
    name = "attribute_text"
    inherit_cache = True


class _AttributeNumber(FunctionElement[Any]):
    type = Numeric()
    name = "attribute_number"
    inherit_cache = True


class _AttributeExists(FunctionElement[bool]):
    type = Boolean()
    name = "attribute_exists"
    inherit_cache = True


class _HasTag(FunctionElement[bool]):
    type = Boolean()
    name = "has_tag"
    inherit_cache = True


class _Parenthesised(FunctionElement[bool]):
    type = Boolean()
    name = "parenthesised"
    inherit_cache = True


def parenthesised(clause: ColumnElement[bool]) -> ColumnElement[bool]:
    """The clause in parentheses that SQLAlchemy does not take off again."""
    return _Parenthesised(clause)


@compiles(_Parenthesised)
def _parenthesised(element: _Parenthesised, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)})"


def attribute_text(attribute: str) -> ColumnElement[str]:
    """The text of an attribute: of a text itself, of an integer of up to 15 digits its digits, of a truth value
    ``true`` or ``false``; null for everything else. (Other numbers are spelled differently by the two engines.)"""
    return _AttributeText(Subscriber.attributes, bindparam(None, attribute, String()))


def attribute_number(attribute: str) -> ColumnElement[Any]:
    """The number in an attribute, null where there is none."""
    return _AttributeNumber(Subscriber.attributes, bindparam(None, attribute, String()))


def attribute_exists(attribute: str) -> ColumnElement[bool]:
    """Whether a reader has an attribute that is neither null nor an empty text. Never null."""
    return _AttributeExists(Subscriber.attributes, bindparam(None, attribute, String()))


def has_tag(tag: str) -> ColumnElement[bool]:
    """Whether a tag is among a reader's. Never null."""
    return _HasTag(Subscriber.tags, bindparam(None, tag, String()))


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> tuple[str, str]:
    column, value = (compiler.process(clause, **kw) for clause in element.clauses)
    return column, value


@compiles(_AttributeText, "sqlite")
def _text_sqlite(element: _AttributeText, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    text = (
        "CASE type WHEN 'text' THEN value WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'integer' "
        "THEN CASE WHEN abs(value) < 1000000000000000 THEN CAST(value AS TEXT) END END"
    )
    return f"(SELECT {text} FROM json_each({column}) WHERE key = {name})"  # noqa: S608


@compiles(_AttributeText, "postgresql")
def _text_postgresql(element: _AttributeText, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return (
        f"CASE jsonb_typeof({column} -> {name}) WHEN 'string' THEN {column} ->> {name} "
        f"WHEN 'boolean' THEN {column} ->> {name} "
        f"WHEN 'number' THEN CASE WHEN {column} ->> {name} ~ '^-?[0-9]{{1,15}}$' THEN {column} ->> {name} END END"
    )


@compiles(_AttributeNumber, "sqlite")
def _number_sqlite(element: _AttributeNumber, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return f"(SELECT value FROM json_each({column}) WHERE key = {name} AND type IN ('integer', 'real'))"  # noqa: S608


@compiles(_AttributeNumber, "postgresql")
def _number_postgresql(element: _AttributeNumber, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    # CASE is what keeps the cast away from a text; AND may be evaluated in any order.
    return f"CASE WHEN jsonb_typeof({column} -> {name}) = 'number' THEN CAST({column} ->> {name} AS NUMERIC) END"


@compiles(_AttributeExists, "sqlite")
def _exists_sqlite(element: _AttributeExists, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return f"EXISTS (SELECT 1 FROM json_each({column}) WHERE key = {name} AND type <> 'null' AND value <> '')"  # noqa: S608


@compiles(_AttributeExists, "postgresql")
def _exists_postgresql(element: _AttributeExists, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return f"coalesce(jsonb_typeof({column} -> {name}) <> 'null' AND {column} ->> {name} <> '', false)"


@compiles(_HasTag, "sqlite")
def _has_tag_sqlite(element: _HasTag, compiler: SQLCompiler, **kw: Any) -> str:
    column, tag = _parts(element, compiler, **kw)
    return f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value = {tag})"  # noqa: S608


@compiles(_HasTag, "postgresql")
def _has_tag_postgresql(element: _HasTag, compiler: SQLCompiler, **kw: Any) -> str:
    column, tag = _parts(element, compiler, **kw)
    return f"{column} @> jsonb_build_array(CAST({tag} AS TEXT))"
