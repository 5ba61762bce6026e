"""Segments in SQL: on both engines the same readers as the rule's own meaning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, not_, select

from newsletter.audience.models import Consent, Subscriber
from newsletter.audience.rules import Rule
from newsletter.audience.segments import _Reader, load_segments
from newsletter.audience.subscribers import count, listing
from newsletter.audience.transfer import import_csv
from newsletter.database import Database
from newsletter.testing import FixedClock
from newsletter.yamlfile import YamlFile

WORDS = ["a", "A", "ab", "b", "%", "_", "é", "É", "'", "\\", '"', "10", "1", "true", "日本", "😀x"]
TAGS = ["a", "ab", "é", '"', "\\", "%"]
NAMES = ["plan", "città", "x_1", "国"]
NUMBERS = [
    0,
    1,
    -1,
    10,
    2**53,
    2**53 - 1,
    10**15,
    10**15 - 1,
    0.1,
    0.5,
    1.5,
    -2.25,
    1e16,
    1e22,
    0.30000000000000004,
    3.0,
]
DAYS = ["2026-01-01", "2026-02-28", "2026-03-01"]
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)

attribute_values = st.one_of(
    st.sampled_from(WORDS), st.sampled_from(NUMBERS), st.sampled_from([True, False, None, "", [], ["a"], {"a": 1}]),
    st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4),
)  # fmt: skip
readers = st.fixed_dictionaries(
    {
        "country": st.sampled_from(["", "DE", "FR", "NO"]),
        "region": st.sampled_from(["", *WORDS]),
        "language": st.sampled_from(["", "en", "en-GB", "enm", "de", "de-AT"]),
        "frequency": st.sampled_from(["", "daily", "day", "weekly"]),
        "timezone": st.sampled_from(["", "Europe/Berlin", "America/Lima"]),
        "tags": st.lists(st.sampled_from(TAGS), max_size=3, unique=True),
        "attributes": st.dictionaries(st.sampled_from(NAMES), attribute_values, max_size=4),
        "created": st.sampled_from([-1, 0, 1]).flatmap(
            lambda ms: st.sampled_from([-60, -59, -1, 0, 1]).map(
                lambda d: MIDNIGHT + timedelta(days=d, milliseconds=ms)
            )
        ),
    }
)


def _compared(field: st.SearchStrategy[str], operators: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    one = st.sampled_from(sorted(operators)).flatmap(
        lambda operator: operators[operator].map(lambda operand: {operator: operand})
    )
    return st.builds(lambda name, comparison: {name: comparison}, field, one)


def _one_of(values: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    many = st.lists(values, min_size=1, max_size=3)
    return {"is": values, "is_not": values, "in": many, "not_in": many}


some = {"exists": st.booleans()}
words = st.sampled_from(WORDS)
starts = {"starts_with": words}
tags = st.sampled_from(TAGS)
limits = st.one_of(st.sampled_from([n for n in NUMBERS if abs(n) <= 2**53]), st.floats(-1e6, 1e6))
comparisons = st.one_of(
    _compared(st.just("country"), _one_of(st.sampled_from(["DE", "FR", "NO"])) | some),
    _compared(st.just("region"), _one_of(words) | some | starts),
    _compared(st.just("language"), _one_of(st.sampled_from(["en", "de", "en-GB"])) | some),
    _compared(st.just("frequency"), _one_of(st.sampled_from(["daily", "day"])) | some | {"starts_with": st.just("day")}),
    _compared(st.just("timezone"), _one_of(st.just("Europe/Berlin")) | some | {"starts_with": st.just("America/")}),
    _compared(st.just("tags"), {"has": tags, "has_any": st.lists(tags, min_size=1, max_size=3),
                                "has_all": st.lists(tags, min_size=1, max_size=3)} | some),
    _compared(st.just("created"), dict.fromkeys(("is", "is_not", "at_least", "at_most"), st.sampled_from(DAYS))),
    _compared(st.sampled_from(NAMES).map("attributes.{}".format),
              _one_of(st.one_of(words, limits, st.booleans())) | some | starts | {"at_least": limits, "at_most": limits}),
    st.just({"everyone": True}),
)  # fmt: skip
rules = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(lambda rule: {"not": rule}, inner),
        st.builds(
            lambda joint, parts: {joint: parts},
            st.sampled_from(["all", "any"]),
            st.lists(inner, min_size=1, max_size=4),
        ),
    ),
    max_leaves=8,
)


def read(data: Any) -> Rule:
    return _Reader(YamlFile(Path("segments.yaml"), data, {})).rule((), data, 1)


def store(database: Database, found: list[dict[str, Any]]) -> None:
    with database.writing() as session:
        session.execute(delete(Subscriber))
        if (consent := session.scalar(select(Consent.id))) is None:
            session.add(Consent(digest="x", wording="yes", source="form", at=MIDNIGHT))
            session.flush()
            consent = session.scalars(select(Consent.id)).one()
        session.execute(
            insert(Subscriber),
            [
                {
                    **{name: value for name, value in reader.items() if name != "created"},
                    "email": f"reader{number}@example.org",
                    "email_norm": f"reader{number}@example.org",
                    "address_hash": bytes([number]) * 32,
                    "first_name": "",
                    "last_name": "",
                    "consent_id": consent,
                    "created_at": reader["created"],
                    "updated_at": reader["created"],
                }
                for number, reader in enumerate(found)
            ],
        )


def who(database: Database, rule: Rule, *, inverted: bool = False) -> set[int]:
    with database.reading() as session:
        clause = not_(rule.clause()) if inverted else rule.clause()
        emails = session.scalars(select(Subscriber.email).where(clause))
        return {int(email.removeprefix("reader").removesuffix("@example.org")) for email in emails}


@settings(max_examples=60)
@given(st.lists(readers, min_size=6, max_size=12), st.lists(rules, min_size=8, max_size=16))
def test_the_sql_of_a_rule_finds_whom_the_rule_means(
    database: Database, found: list[dict[str, Any]], data: list[Any]
) -> None:
    """And its ``not_`` finds everybody else: no null comes of it."""
    store(database, found)
    for rule in map(read, data):
        meant = {number for number, reader in enumerate(found) if rule.matches(reader)}
        assert who(database, rule) == meant
        assert who(database, rule, inverted=True) == set(range(len(found))) - meant


def test_the_largest_rules_run(database: Database) -> None:
    """A thousand terms side by side, and nineteen levels with a hundred at every other one."""
    store(database, [{"country": "DE", "region": "", "language": "", "frequency": "", "timezone": "", "tags": ["t7"],
                      "attributes": {}, "created": MIDNIGHT}])  # fmt: skip
    flat = read({"any": [{"tags": f"t{number}"} for number in range(1000)]})
    assert who(database, flat) == {0}
    strict = read({"all": [{"not": {"tags": f"u{number}"}} for number in range(1000)]})
    assert who(database, strict) == {0}
    deep: Any = {"country": "DE"}
    for level in range(9):
        deep = {"not": {"any": [deep, *({"tags": f"t{level}-{number}"} for number in range(100))]}}
    assert who(database, read(deep)) == set()
    assert who(database, read({"not": deep})) == {0}


def test_the_sample_readers_fall_into_the_sample_segments(database: Database, clock: FixedClock) -> None:
    root = Path(__file__).parents[2] / "subscribers"
    report = import_csv(
        database, root / "sample.csv", consent="Yes, send me the briefing.", source="sample", clock=clock
    )
    assert (report.rows, report.added, report.rejected) == (24, 24, 0)
    segments = load_segments(root / "segments.yaml")
    with database.reading() as session:
        assert {key: count(session, segment.clause()) for key, segment in segments.items()} == {
            "europe": 11,
            "americas": 6,
            "world": 24,
        }
        assert count(session) == 24
        names = [reader.first_name for reader in listing(session, segments["americas"].clause(), limit=3)]
        assert names == ["José", "Conceição", "Dakota"]
