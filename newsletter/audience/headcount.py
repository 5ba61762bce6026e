"""How many readers each segment and each briefing has at this moment, of a million in a fraction of a second.

Readers who are alike in all that a rule mostly asks (country, language, region, zone, frequency, tags) are counted in
groups along an index, and the rules are asked once a group. Who has left one briefing or is on a break is counted by
themselves and taken off: they are few. Only a rule that asks for an attribute or a date has to see every reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, literal, not_, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import replacement_traverse

from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.rules import All, Either, Everyone, Exists, Language, Not, Rule, Tagged, Text
from newsletter.audience.suppression import suppressed_clause

_GROUPED = ("country", "language", "region", "timezone", "frequency", "tags", "stopped")
"""In the order of the index ``ix_subscriber_profile``."""


@dataclass(frozen=True, slots=True)
class Head:
    """One segment. ``fits`` counts everybody whom its rule fits, ``mailed`` those of them who get mail at all: neither
    suppressed for every briefing nor on a break."""

    fits: int
    mailed: int


@dataclass(frozen=True, slots=True)
class Headcount:
    """Everybody at one moment."""

    segments: Mapping[str, Head]
    briefings: Mapping[str, Mapping[str, int]]
    """By briefing and segment who would get it now: each reader in the first segment that fits, none who has left."""


def grouped(rule: Rule) -> bool:
    """Whether a rule can be asked of a group of readers."""
    match rule:
        case All(rules) | Either(rules):
            return all(grouped(one) for one in rules)
        case Not(inner):
            return grouped(inner)
        case _:
            return isinstance(rule, Everyone | Text | Language | Tagged | Exists)


def headcount(
    session: Session, rules: Mapping[str, Rule], briefings: Mapping[str, Sequence[str]], now: datetime
) -> Headcount:
    """Counts. ``rules`` are those of the segments, ``briefings`` the segments of each briefing in their order; ``now``
    (UTC) tells whose break lasts."""
    # What is cheap is asked first, so that a rule is asked once for each reader, be they stopped or not.
    mailed, stopped = (
        {key: _Clause(and_(Subscriber.stopped == value, rule.clause()), grouped(rule)) for key, rule in rules.items()}
        for value in (0, 1)
    )
    paused = Subscriber.paused_until > now
    awake = or_(Subscriber.paused_until.is_(None), Subscriber.paused_until <= now)
    all_fit = _sums(session, mailed | {("", key): one for key, one in stopped.items()} | _firsts(mailed, briefings))
    resting = _sums(session, mailed | _firsts(mailed, briefings), paused)
    segments = {key: Head(all_fit[key] + all_fit["", key], all_fit[key] - resting[key]) for key in rules}
    found: dict[str, dict[str, int]] = {}
    for briefing, names in briefings.items():
        wanted = _firsts(mailed, {briefing: names})
        left = _sums(session, wanted, and_(Subscriber.address_hash.in_(_left(briefing)), awake))
        keys = zip(names, wanted, strict=True)
        found[briefing] = {name: all_fit[key] - resting[key] - left[key] for name, key in keys}
    return Headcount(segments, found)


@dataclass(frozen=True, slots=True)
class _Clause:
    clause: ColumnElement[bool]
    grouped: bool
    """Whether it can be asked of a group."""


_Key = str | tuple[str, str]


def _firsts(mailed: Mapping[str, _Clause], briefings: Mapping[str, Sequence[str]]) -> dict[_Key, _Clause]:
    """By briefing and segment: who gets mail, and fits this segment of the briefing first."""
    found: dict[_Key, _Clause] = {}
    for briefing, names in briefings.items():
        before: list[_Clause] = []
        for name in names:
            one = mailed[name]
            clause = and_(one.clause, not_(or_(*(other.clause for other in before)))) if before else one.clause
            found[briefing, name] = _Clause(clause, one.grouped and all(other.grouped for other in before))
            before.append(one)
    return found


def _sums(session: Session, clauses: Mapping[Any, _Clause], only: ColumnElement[bool] | None = None) -> dict[_Key, int]:
    """How many readers each clause fits; of those whom ``only`` fits, where it is given."""
    found: dict[_Key, int] = {}
    for in_groups in (True, False):
        wanted = {key: one.clause for key, one in clauses.items() if (one.grouped and only is None) == in_groups}
        if not wanted:
            continue
        if in_groups:
            columns = [getattr(Subscriber, name) for name in _GROUPED]
            groups = select(*columns, func.count().label("n")).group_by(*columns).subquery()
            statement = _sum([_of(groups, clause) for clause in wanted.values()], groups.c.n)
        else:
            statement = _sum(list(wanted.values()), literal(1)).select_from(Subscriber)
            statement = statement if only is None else statement.where(only)
        row = session.execute(statement).one()
        found |= {key: int(value or 0) for key, value in zip(wanted, row, strict=True)}
    return found


def _sum(clauses: list[ColumnElement[bool]], number: ColumnElement[int]) -> Select[Any]:
    return select(*(func.sum(case((clause, number), else_=0)) for clause in clauses))


def _of(groups: FromClause, clause: ColumnElement[bool]) -> ColumnElement[bool]:
    """The clause, asked of the groups."""

    def instead(element: Any, **_: Any) -> Any:
        table = getattr(element, "table", None)
        return groups.c[element.name] if getattr(table, "name", "") == Subscriber.__tablename__ else None

    found: ColumnElement[bool] = replacement_traverse(clause, {}, instead)
    return found


def _left(briefing: str) -> Select[Any]:
    return select(Suppression.address_hash).where(Suppression.briefing == briefing, Suppression.briefing != "")


def sample(session: Session, rule: Rule, now: datetime, number: int) -> list[Subscriber]:
    """So many readers by chance of those whom a rule fits and who get mail; by number."""
    gets = rule.clause(), not_(suppressed_clause("", now))
    chosen = select(Subscriber.id).where(*gets).order_by(func.random()).limit(number)
    return list(session.scalars(select(Subscriber).where(Subscriber.id.in_(chosen)).order_by(Subscriber.id)))
