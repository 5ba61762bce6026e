"""Dates in words and patterns for subject and preheader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editions.dates import LANGUAGES, long_date, weekday, weekdays
from newsletter.editions.patterns import check_pattern, fill
from newsletter.errors import TemplateError
from newsletter.testing.samples import ordinary

DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("language", "day", "words"),
    [
        ("en", DAY, "Monday, 23 November 2026"),
        ("en-GB", DAY, "Monday, 23 November 2026"),
        ("en-US", DAY, "Monday, November 23, 2026"),
        ("de", DAY, "Montag, 23. November 2026"),
        ("de-AT", date(2026, 3, 1), "Sonntag, 1. März 2026"),
        ("fr", DAY, "lundi 23 novembre 2026"),
        ("fr", date(2026, 8, 1), "samedi 1er août 2026"),
        ("es", DAY, "lunes, 23 de noviembre de 2026"),
        ("ar", DAY, "الاثنين، 23 نوفمبر 2026"),
        ("no", DAY, "mandag 23. november 2026"),
        ("tlh", DAY, "Monday, 23 November 2026"),
    ],
)
def test_a_date_is_written_as_its_language_writes_it(language: str, day: date, words: str) -> None:
    assert long_date(day, language) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_seven_days_and_twelve_months(language: str) -> None:
    assert len(set(weekdays(language))) == 7
    months = {long_date(date(2026, month, 15), language).replace(weekday(date(2026, month, 15), language), "")
              for month in range(1, 13)}  # fmt: skip
    assert len(months) == 12


@dataclass
class Told:
    headline: str = "Voters back the harbour plan"
    short_headline: str = ""
    kicker: str = "Port Maren"
    dek: str = "A dek."
    preheader: str = ""


def filled(pattern: str, *stories: Any, day: date = DAY, language: str = "en") -> str:
    return fill(
        pattern,
        day=day,
        language=language,
        stories=stories or (Told(),),
        briefing="Morning Briefing",
        publication="The Courier",
        segment="europe",
    )


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("{{ weekday }} Briefing: {{ lead.short_headline }}", "Monday Briefing: Voters back the harbour plan"),
        ("{{ lead.preheader }}", "A dek."),
        ("{{ long_date }}", "Monday, 23 November 2026"),
        ("{{ date.day }}/{{ date.month }}", "23/11"),
        ("{{ briefing }}, {{ publication }} ({{ segment }})", "Morning Briefing, The Courier (europe)"),
        ("{{ stories | map(attribute='kicker') | join(', ') }}", "Port Maren"),
        ("  two\n lines\x07 ", "two lines"),
        ("{{ lead.headline | upper }} & more", "VOTERS BACK THE HARBOUR PLAN & more"),
    ],
)
def test_a_pattern_is_filled_to_one_line(pattern: str, line: str) -> None:
    assert filled(pattern) == line


def test_the_weekday_is_the_edition_dates_in_its_language() -> None:
    assert filled("{{ weekday | capitalize }}", day=date(2026, 11, 24), language="fr") == "Mardi"


def test_a_short_headline_is_used_where_there_is_one() -> None:
    assert filled("{{ lead.short_headline }}", Told(short_headline="Plan wins")) == "Plan wins"


def test_the_stories_of_a_rendered_edition_can_be_handed_in() -> None:
    assert filled("{{ lead.short_headline }}", *ordinary().stories) == "Harbour plan wins"


@pytest.mark.parametrize(
    "pattern",
    [
        "{{ weekda }}",
        "{{ lead.headlin }}",
        "{{ lead.headline",
        "{% for %}",
        "{{ 1 / 0 }}",
        "{{ stories[9].headline }}",
        "{{ ().__class__.__bases__ }}",
        "{{ lead.__init__.__globals__ }}",
        "{{ nothing() }}",
        "{{ stories.append(1) }}",
        "{{ date.replace(month=13) }}",
        "{{ range(10 ** 9) | list }}",
        "{% include 'x' %}",
        "{{ 'x' | nofilter }}",
    ],
)
def test_a_pattern_that_does_not_work_out_is_refused_before_the_morning(pattern: str) -> None:
    with pytest.raises(TemplateError, match="the pattern"):
        check_pattern(pattern)


def test_the_patterns_that_briefings_come_with_are_good() -> None:
    check_pattern("{{ weekday }} Briefing: {{ lead.short_headline }}")
    check_pattern("{{ lead.preheader }}")


@given(st.text(max_size=60), st.text(alphabet="{}%#.|[]() leadstorix0'\"", max_size=40))
def test_any_pattern_is_filled_to_one_clean_line_or_refused(headline: str, pattern: str) -> None:
    try:
        line = filled(pattern + "{{ lead.headline }}", Told(headline=headline))
    except TemplateError:
        return
    assert line == line.strip()
    assert not any(char in line for char in "\r\n\t\x00\x7f\x85")
