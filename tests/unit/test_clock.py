"""Local times, gaps and overlaps, and durations in words."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.clock import format_duration, local_date, local_instant, parse_duration


@pytest.mark.parametrize(
    ("day", "at", "zone", "instant"),
    [
        (date(2026, 11, 23), time(6), "Europe/Berlin", "2026-11-23T05:00"),
        (date(2026, 7, 1), time(6), "Europe/Berlin", "2026-07-01T04:00"),
        (date(2026, 11, 23), time(6), "America/New_York", "2026-11-23T11:00"),
        (date(2026, 11, 23), time(6), "Pacific/Kiritimati", "2026-11-22T16:00"),
    ],
)
def test_a_wall_time_is_an_instant_in_its_zone(day: date, at: time, zone: str, instant: str) -> None:
    assert local_instant(day, at, zone) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


def test_a_time_that_the_clocks_jump_over_moves_forward_by_the_gap() -> None:
    """RFC 5545 section 3.3.5: 02:30 on the day that summer time begins is 03:30."""
    assert local_instant(date(2026, 3, 29), time(2, 30), "Europe/Berlin") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_that_the_clocks_pass_twice_is_the_first(fold: int) -> None:
    at = time(2, 30, fold=fold)
    assert local_instant(date(2026, 10, 25), at, "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_the_date_is_that_of_the_zone() -> None:
    instant = datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert local_date(instant, "America/New_York") == date(2026, 11, 22)
    assert local_date(instant, "Europe/Berlin") == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("words", "span"),
    [
        ("2h", timedelta(hours=2)),
        ("90m", timedelta(minutes=90)),
        ("1d 6h", timedelta(hours=30)),
        (" 45s ", timedelta(seconds=45)),
        ("1h30m", timedelta(minutes=90)),
    ],
)
def test_durations_are_read(words: str, span: timedelta) -> None:
    assert parse_duration(words) == span


@pytest.mark.parametrize("words", ["", "2", "h", "2 hours", "-2h", "1.5h", "6h 1d", "99999999999999d"])
def test_what_is_no_duration_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(words)


@given(st.integers(min_value=0, max_value=10**10))
def test_a_duration_that_is_written_is_read_back(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert parse_duration(format_duration(span)) == span


@given(st.text(max_size=30))
def test_no_words_make_parse_duration_raise_anything_but_a_value_error(words: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_duration(words) >= timedelta(0)
