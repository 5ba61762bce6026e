"""YAML with line numbers, safe against surprises of type and of size."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ConfigError
from newsletter.yamlfile import MAX_BYTES, load_yaml, parse_yaml

PATH = Path("x.yaml")


def data(text: str) -> object:
    return parse_yaml(text, PATH).data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("06:00", "06:00"),
        ("10:30:00", "10:30:00"),
        ("2026-11-23", "2026-11-23"),
        ("0123", "0123"),
        ("12", 12),
        ("-3", -3),
        ("1_000", "1_000"),
        ("9" * 5000, "9" * 5000),
        ("0.2", 0.2),
        ('"12"', "12"),
        ("~", None),
    ],
)
def test_a_plain_word_is_what_it_looks_like_to_a_person(text: str, value: object) -> None:
    found = data(f"key: {text}")
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


def test_norway_stays_a_country_in_a_list() -> None:
    assert data("[DE, NO, SE]") == ["DE", "NO", "SE"]


def test_a_key_that_stands_twice_is_refused_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml:3: “a” stands here twice"):
        parse_yaml("a: 1\nb: 2\na: 3\n", PATH)


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "a: 1\nb: &x [1]\n"])
def test_aliases_and_anchors_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="aliases"):
        parse_yaml(text, PATH)


def test_lines_are_those_of_keys_and_items() -> None:
    file = parse_yaml("# above\na:\n  b:\n    - one\n    - two\n", PATH)
    assert file.line(("a", "b")) == 3
    assert file.line(("a", "b", 1)) == 5


def test_what_was_not_written_has_the_line_of_what_is_around_it() -> None:
    assert parse_yaml("x: 1\na:\n  b: 2\n", PATH).line(("a", "missing", 4)) == 2


def test_front_matter_counts_from_where_it_begins() -> None:
    assert parse_yaml("a: 1\nb: 2\n", PATH, first_line=10).line(("b",)) == 11
    with pytest.raises(ConfigError, match=r"x\.yaml:11: "):
        parse_yaml("a: 1\na: 2\n", PATH, first_line=10)


@pytest.mark.parametrize(
    "text", ["a: [1", "a: b: c", "\tx: 1", "[" * 5000, "!!python/object:os.system {a", "? [a]\n: 1"]
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_yaml(text, PATH)


def test_a_tag_makes_no_object() -> None:
    assert data("a: !!python/name:os.system x") == {"a": "x"}


@given(st.text(max_size=80) | st.text(alphabet="ab:-[]{}?&*!|>'\"#%@,~ \n\t01.", max_size=60))
def test_no_text_makes_the_reader_raise_anything_but_a_config_error(text: str) -> None:
    try:
        file = parse_yaml(text, PATH)
    except ConfigError as error:
        line = error.line or 0
    else:
        line = 1
        assert all(1 <= line <= text.count("\n") + len(text.splitlines()) + 1 for line in file.lines.values())
    assert line >= 1


@given(raw=st.binary(max_size=60))
def test_no_bytes_make_the_reader_raise_anything_but_a_config_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(raw)
    try:
        named = load_yaml(path).path
    except ConfigError as error:
        named = Path(error.path or "")
    assert named == path


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: Käse\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: is not UTF-8"):
        load_yaml(path)


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_yaml(tmp_path / "none.yaml")
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load_yaml(large)
