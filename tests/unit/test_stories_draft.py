"""Drafts: what may be stored, and what is said of the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.stories.draft import BulletDraft, ImageDraft, StoryDraft, Unfit
from newsletter.stories.links import is_link, web_url
from newsletter.stories.slugs import MAX_LENGTH, candidates, slugify


def draft(**content: Any) -> StoryDraft:
    return StoryDraft(**({"external_id": "x", "headline": "Voters back the plan", "source": "note"} | content))


def test_text_is_cleaned_at_the_door() -> None:
    """Windows-1252 quotes in the C1 range become quotes, controls go, line fields become one line."""
    story = draft(headline="  The\tcity\x92s\r\nplan\x00 ", body="One\r\n\r\ntwo\x07\n\n", internal_note=" a\nb ")
    assert story.headline == "The city’s plan"
    assert story.body == "One\n\ntwo"
    assert story.internal_note == "a\nb"


def test_a_no_break_space_and_typography_stay() -> None:
    words = "“71\u00a0percent” — the city’s\u202f…"
    assert draft(headline=words).headline == words


def test_tags_are_kept_once_and_in_order() -> None:
    assert draft(tags=("b", " a ", "", "b")).tags == ("b", "a")


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        ({"headline": " "}, "headline", "write one"),
        ({"headline": "x" * 301}, "headline", "has 301 characters, and 300 is the most"),
        ({"external_id": ""}, "external_id", "needs a key"),
        ({"slug": "Not A Slug"}, "slug", "small letters"),
        ({"url": "/relative"}, "url", "from the beginning"),
        ({"url": "javascript:alert(1)"}, "url", "from the beginning"),
        ({"priority": 0}, "priority", "1 (the most urgent) to 9"),
        ({"priority": 10}, "priority", "1 (the most urgent) to 9"),
        ({"internal_note": "x" * 4001}, "internal_note", "4000 is the most"),
        ({"body": "x" * 100_001}, "body", "100000 is the most"),
        ({"body": "Hello <b>you</b>"}, "body", "raw HTML"),
        ({"body": "![x](https://images.example.org/a.jpg)"}, "body", "picture"),
        ({"body": "[x](/here)"}, "body", "leads nowhere"),
        ({"body": "[x](javascript:alert(1))"}, "body", "leads nowhere"),
        ({"tags": tuple(str(n) for n in range(51))}, "tags", "50 is the most"),
        ({"regions": ("x" * 65,)}, "regions", "64 is the most"),
        ({"bullets": (BulletDraft("a", "b"),) * 21}, "bullets", "20 is the most"),
        ({"bullets": (BulletDraft("", "b"),)}, "bullets", "bullet 1 is not whole"),
        ({"bullets": (BulletDraft("l" * 61, "b"),)}, "bullets", "60 is the most"),
        ({"bullets": (BulletDraft("a", "<i>b</i>"),)}, "bullets", "raw HTML"),
        ({"bullets": (BulletDraft("a", "b", "ftp://x"),)}, "bullets", "wrong link"),
        ({"image": ImageDraft("https://images.example.org/a.jpg")}, "image", "no alternative text"),
        ({"image": ImageDraft("https://images.example.org/a.jpg", "a", decorative=True)}, "image", "take one"),
        ({"image": ImageDraft("a.jpg", "a")}, "image", "from the beginning"),
        ({"image": ImageDraft("https://images.example.org/a.jpg", "a", width=-1)}, "image", "pixels"),
        ({"published_at": datetime(2026, 11, 23)}, "published_at", "no time zone"),  # noqa: DTZ001
        (
            {"embargo_until": datetime(2026, 11, 24, tzinfo=UTC), "expires_at": datetime(2026, 11, 23, tzinfo=UTC)},
            "expires_at",
            "later time",
        ),
    ],
)
def test_what_breaks_a_rule_is_named(content: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(Unfit) as unfit:
        draft(**content)
    assert [problem.field for problem in unfit.value.problems] == [field]
    assert words in unfit.value.problems[0].message
    assert "\n" not in unfit.value.problems[0].message


def test_every_broken_rule_is_named_at_once() -> None:
    with pytest.raises(Unfit) as unfit:
        draft(headline="", priority=0, body="<p>", url="x")
    assert [problem.field for problem in unfit.value.problems] == ["headline", "body", "priority", "url"]


def test_a_problem_in_the_body_has_its_line() -> None:
    with pytest.raises(Unfit) as unfit:
        draft(body="One\n\nTwo\nthree <br> four")
    assert unfit.value.problems[0].line == 4


def test_a_decorative_image_needs_no_text() -> None:
    assert draft(image=ImageDraft("https://images.example.org/a.jpg", decorative=True)).image is not None


@given(st.text(max_size=200), st.text(max_size=400), st.text(max_size=80))
def test_no_control_character_gets_in(headline: str, body: str, label: str) -> None:
    try:
        story = draft(headline=headline, body=body, bullets=(BulletDraft(label, "x"),))
    except Unfit:
        return
    for words in (story.headline, story.body, story.bullets[0].label):
        assert not [char for char in words if (char < " " and char not in "\t\n") or "\x7f" <= char < "\xa0"]
    assert not {"\n", "\t"} & set(story.headline + story.bullets[0].label)


@pytest.mark.parametrize(
    "url",
    [
        "https://images.example.org/a.jpg?quality=75&auto=webp&disable=upscale",
        "http://example.org:8080/ä?x=%20#y",
        "https://[2001:4860:4860::8888]/",
    ],
)
def test_a_web_url_stays_as_it_is(url: str) -> None:
    assert web_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "", "a.jpg", "//example.org/a", "ftp://example.org", "https://", "https:///a", "https://omar:pw@example.org/",
        "https://example.org/a b", "https://example.org/\\a", "https://example.org:x/", "https://[::1", "data:text/html,x",
        "https://example.org/\u202egpj.a", "https://example.org/" + "x" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_web_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        web_url(url)


def test_a_password_in_a_link_is_not_repeated() -> None:
    with pytest.raises(ValueError) as error:
        web_url("https://omar:secret@example.org/")
    assert "secret" not in str(error.value)


def test_a_text_may_link_to_an_address() -> None:
    assert is_link("mailto:edith@example.org")
    assert not is_link("mailto:")
    assert not is_link("tel:1")


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        ("Voters back the harbour plan", "voters-back-the-harbour-plan"),
        ("The city’s “plan” — Größe, Ærø", "the-citys-plan-grosse-r"),
        ("Московский", ""),
        ("x" * 100, "x" * MAX_LENGTH),
        ("word " * 30, "-".join(["word"] * 16)),
    ],
)
def test_a_slug_is_short_and_plain(words: str, slug: str) -> None:
    assert slugify(words) == slug


def test_a_taken_slug_gets_an_end_that_only_this_story_has() -> None:
    wanted, *others = candidates("plan", "id-1")
    assert wanted == "plan"
    assert others == list(candidates("plan", "id-1"))[1:]
    assert not set(others) & set(candidates("plan", "id-2"))
    assert all(slug.startswith("story-") for slug in candidates("", "id-1"))
