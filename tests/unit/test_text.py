"""Characters at the door."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from newsletter.text import clean, one_line, without_bidi_controls

ANY = st.text(st.characters(exclude_categories=()), max_size=60)  # lone surrogates, too


def test_every_kind_of_line_end_becomes_one() -> None:
    assert clean("a\r\nb\rc\u2028d\u2029e") == "a\nb\nc\nd\ne"


def test_the_c1_range_is_read_as_windows_1252() -> None:
    assert clean("\x93quoted\x94 \x96 \x80 5") == "“quoted” – € 5"
    assert clean("a\x81\x8d\x8f\x90\x9db") == "ab"


def test_one_line_keeps_the_no_break_space() -> None:
    assert one_line("  640\u00a0million \n\t euros ") == "640\u00a0million euros"


def test_bidi_controls_are_dropped_and_marks_stay() -> None:
    assert without_bidi_controls("a\u202eb\u2066c\u2069\u200fd") == "abc\u200fd"


@given(ANY)
def test_cleaned_text_has_no_control_but_line_ends_and_tabs(words: str) -> None:
    cleaned = clean(words)
    assert not [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    cleaned.encode()


@given(ANY)
def test_cleaning_twice_changes_nothing(words: str) -> None:
    assert clean(clean(words)) == clean(words)
    assert one_line(one_line(words)) == one_line(words)


@given(ANY)
def test_one_line_is_one_line(words: str) -> None:
    line = one_line(words)
    assert "\n" not in line
    assert "  " not in line
    assert line == line.strip(" ")
