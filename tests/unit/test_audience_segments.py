"""Segments: what a rule means for one reader, and what is refused with its line."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.audience.segments import load_segments
from newsletter.audience.vocabulary import attribute_name, country, language, tags
from newsletter.errors import SegmentError

RITA = {
    "country": "DE",
    "region": "Berlin",
    "language": "en-GB",
    "timezone": "Europe/Berlin",
    "frequency": "daily",
    "tags": ["founders", "politics"],
    "created": datetime(2026, 3, 1, 23, 30, tzinfo=UTC),
    "attributes": {"plan": "pro", "visits": 12, "score": 2.5, "vip": True, "zip": 10115, "empty": "", "none": None},
}


def load(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "segments.yaml"
    path.write_text(text, encoding="utf-8")
    return load_segments(path)


def matches(tmp_path: Path, rule: str, reader: dict[str, Any] = RITA) -> bool:
    found = load(tmp_path, f"some:\n  backend: outbox\n  rule: {rule}\n")["some"].rule.matches(reader)
    assert isinstance(found, bool)
    return found


@pytest.mark.parametrize(
    "rule",
    [
        "{everyone: true}", "{country: DE}", "{country: de}", "{country: [FR, DE]}", "{country: {in: [DE]}}",
        "{country: {is_not: FR}}", "{country: {not_in: [FR, GB]}}", "{country: {exists: true}}",
        "{tags: founders}", "{tags: Founders}", "{tags: [x, politics]}", "{tags: {has: politics}}",
        "{tags: {has_any: [x, politics]}}", "{tags: {has_all: [founders, politics]}}", "{not: {tags: {has_all: [founders, x]}}}",
        "{language: en}", "{language: en-GB}", "{language: EN_gb}", "{not: {language: en-US}}", "{language: [de, en]}",
        "{frequency: Daily}", "{timezone: Europe/Berlin}", "{timezone: {starts_with: Europe/}}", "{region: {starts_with: Ber}}",
        "{created: {at_least: 2026-03-01}}", "{created: {at_most: 2026-03-01}}", "{created: 2026-03-01}",
        "{created: {at_least: 2026-01-01, at_most: 2026-06-30}}", "{created: {is_not: 2026-03-02}}",
        "{attributes.plan: pro}", "{attributes.plan: {in: [pro, team]}}", "{attributes.plan: {starts_with: pr}}",
        "{attributes.visits: 12}", "{attributes.visits: {at_least: 12}}", "{attributes.visits: {at_least: 3, at_most: 12.5}}",
        "{attributes.score: 2.5}", "{attributes.vip: true}", '{attributes.zip: "10115"}', '{attributes.zip: {starts_with: "10"}}',
        '{attributes.visits: {in: [a, 12]}}', "{attributes.plan: {exists: true}}", "{attributes.empty: {exists: false}}",
        "{attributes.none: {exists: false}}", "{attributes.gone: {exists: false}}", "{attributes.gone: {is_not: x}}",
        "{country: DE, language: en}", "{all: [{country: DE}, {language: en}]}", "{any: [{country: FR}, {language: en}]}",
        "{not: {any: [{country: FR}, {country: GB}]}}",
    ],
)  # fmt: skip
def test_a_rule_that_fits_rita(tmp_path: Path, rule: str) -> None:
    assert matches(tmp_path, rule)
    assert not matches(tmp_path, f"{{not: {rule}}}")


@pytest.mark.parametrize(
    "rule",
    [
        "{country: FR}", "{language: de}", "{language: en-GB-oed}", "{tags: x}", "{created: {at_least: 2026-03-02}}",
        "{created: {at_most: 2026-02-28}}", "{attributes.gone: x}", "{attributes.gone: {at_most: 5}}",
        "{attributes.plan: {at_least: 0}}", "{attributes.vip: 1}", '{attributes.score: "2.5"}', "{attributes.empty: {is: x}}",
        "{region: {starts_with: ber}}", "{country: DE, language: de}", "{attributes.visits: {at_least: 1, at_most: 5}}",
    ],
)  # fmt: skip
def test_a_rule_that_does_not_fit_rita(tmp_path: Path, rule: str) -> None:
    assert not matches(tmp_path, rule)
    assert matches(tmp_path, f"{{not: {rule}}}")


@pytest.mark.parametrize("field", ["country", "region", "language", "timezone", "frequency", "attributes.plan"])
def test_what_a_reader_does_not_have_fits_no_is_and_every_is_not(tmp_path: Path, field: str) -> None:
    word = {"country": "DE", "timezone": "Europe/Berlin", "language": "en"}.get(field, "x")
    for nobody in ({}, {field: "", "attributes": {}}, {"attributes": {"plan": None}}):
        assert not matches(tmp_path, f"{{{field}: {word}}}", nobody)
        assert matches(tmp_path, f"{{{field}: {{is_not: {word}}}}}", nobody)
        assert matches(tmp_path, f"{{not: {{{field}: {word}}}}}", nobody)
        assert matches(tmp_path, f"{{{field}: {{exists: false}}}}", nobody)


def test_a_norwegian_is_no_falsehood(tmp_path: Path) -> None:
    assert matches(tmp_path, "{country: [NO, SE]}", {"country": "NO"})


def test_segments_keep_the_order_of_the_file_and_their_backends(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "world:\n  backend: outbox\n  rule: {everyone: true}\n"
        "deutschland-ost:\n  title: Der Osten\n  backend: [relay, spare]\n  rule: {country: DE}\n",
    )
    assert [(s.key, s.title, s.backends, s.line) for s in found.values()] == [
        ("world", "World", ("outbox",), 1),
        ("deutschland-ost", "Der Osten", ("relay", "spare"), 4),
    ]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{contry: DE}", "unknown field “contry”: did you mean country?"),
        ("{plan: pro}", "or attributes.plan"),
        ("{attributes.Home town: x}", "did you mean attributes.home_town?"),
        ("{attributes.: x}", "makes no attribute's name"),
        ("{country: {iss: DE}}", "unknown operator of country “iss”: did you mean is?"),
        ("{country: {at_least: 3}}", "unknown operator of country “at_least”"),
        ("{tags: {is: x}}", "unknown operator of tags “is”: write has, has_any, has_all, exists"),
        ("{country: Germany}", "“Germany” is no ISO 3166 country code"),
        ("{country: ZZ}", "“ZZ” is no ISO 3166 country code"),
        ("{country: 49}", "country is text"),
        ("{country: false}", "country is text"),
        ("{country: }", "country has no value"),
        ("{country: []}", "empty list"),
        ("{country: {in: DE}}", r"in wants a list: write in: \[one, another\]"),
        ("{country: {is: [DE]}}", "is wants one value"),
        ("{country: {}}", "country has no comparison"),
        ("{country: {exists: maybe}}", "exists is true or false"),
        ('{region: ""}', "exists: false"),
        ("{language: english}", "“english” is no language tag"),
        ("{timezone: Berlin}", "“Berlin” is no IANA time zone"),
        ("{tags: [a, [b]]}", "tags is text"),
        ('{tags: "a,b"}', "is no tag"),
        ("{created: {at_least: yesterday}}", "created wants a date"),
        ("{created: 2026-02-30}", "created wants a date"),
        ("{attributes.age: {at_least: old}}", "at_least wants a number"),
        ("{attributes.age: {starts_with: 4}}", "starts_with wants text"),
        ("{attributes.age: 1.0e+999}", "at most 9007199254740992"),
        ("{attributes.age: 9007199254740993}", "at most 9007199254740992"),
        ("{everyone: false}", "everyone: true"),
        ("{all: []}", "all wants a list of rules"),
        ("{any: {country: DE}}", "any wants a list of rules"),
        ("{not: [country]}", "a rule is a field and what it must be"),
        ("[]", "a rule is a field and what it must be"),
        ("DE", "a rule is a field and what it must be"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line(tmp_path: Path, rule: str, message: str) -> None:
    with pytest.raises(SegmentError, match=message) as error:
        load(
            tmp_path,
            f"# readers\nsome:\n  backend: outbox\n  rule:\n    any:\n      - everyone: true\n      - {rule}\n",
        )
    assert error.value.line == 7
    assert str(error.value).startswith(f"{tmp_path}/segments.yaml:7: ")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "no segments here"),
        ("- a\n", 1, "no segments here"),
        ("some: x\n", 1, "needs title, backend and rule"),
        ("Some One:\n  rule: {everyone: true}\n", 1, "is no key"),
        ("some:\n  backend: outbox\n", 1, "has no rule"),
        ("some:\n  rule: {everyone: true}\n", 1, "needs a backend"),
        ("some:\n  backend: []\n  rule: {everyone: true}\n", 2, "needs a backend"),
        ("some:\n  backend: [a, a]\n  rule: {everyone: true}\n", 2, "names one twice"),
        ("some:\n  backend: a\n  title: 3\n  rule: {everyone: true}\n", 3, "title must be text"),
        ("some:\n  backend: a\n  rules: {everyone: true}\n", 3, "did you mean rule?"),
        ("some:\n  backend: a\n  rule: {country: DE\n", 4, "no YAML"),
        ("some:\n  backend: a\n  rule:\n    country:\n      in:\n        - DE\n        - XX\n", 7, "“XX”"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(SegmentError, match=message) as error:
        load(tmp_path, text)
    assert error.value.line == line


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SegmentError, match="cannot be read"):
        load_segments(tmp_path / "none.yaml")


def test_twenty_levels_are_read_and_twenty_one_refused(tmp_path: Path) -> None:
    assert matches(tmp_path, "{not: " * 18 + "{country: DE}" + "}" * 18)
    with pytest.raises(SegmentError, match="at most 20 levels"):
        matches(tmp_path, "{not: " * 20 + "{country: DE}" + "}" * 20)


def test_a_thousand_values_are_read_and_one_more_refused(tmp_path: Path) -> None:
    assert not matches(tmp_path, f"{{tags: [{', '.join(f't{n}' for n in range(1000))}]}}")
    with pytest.raises(SegmentError, match="at most 1000 values"):
        matches(tmp_path, "{any: [" + ", ".join(f"{{country: DE}}, {{tags: t{n}}}" for n in range(501)) + "]}")


def test_the_vocabulary_writes_words_one_way() -> None:
    assert (country(" uk "), country("el")) == ("GB", "GR")
    assert [language(tag) for tag in ("EN", "en_gb", "ZH-hANT-tw")] == ["en", "en-GB", "zh-Hant-TW"]
    assert tags("Founders; politics,founders |  Été ") == ("founders", "politics", "été")
    assert [attribute_name(name) for name in ("Favourite colour", "Città", "お名前 ", "a--b")] == [
        "favourite_colour",
        "città",
        "お名前",
        "a_b",
    ]
    for wrong in (
        lambda: country("Germany"),
        lambda: language("12"),
        lambda: attribute_name("!!!"),
        lambda: tags("x" * 65),
    ):
        with pytest.raises(ValueError, match="write"):
            wrong()


def test_the_sample_segments_part_the_sample_readers() -> None:
    root = Path(__file__).parents[2] / "subscribers"
    segments = load_segments(root / "segments.yaml")
    assert list(segments) == ["europe", "americas", "world"]
    with (root / "sample.csv").open(encoding="utf-8", newline="") as file:
        readers = list(csv.DictReader(file))
    fits = [next(key for key, segment in segments.items() if segment.rule.matches(reader)) for reader in readers]
    assert {key: fits.count(key) for key in segments} == {"europe": 11, "americas": 6, "world": 7}
