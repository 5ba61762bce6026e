"""When two versions are the same, and when a change is worth telling again."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.stories.draft import BulletDraft, ImageDraft, StoryDraft
from newsletter.stories.models import StoryStatus, StoryVersion
from newsletter.stories.versions import MATERIAL_SHARE, digest, materially_changed

DRAFT = StoryDraft(
    external_id="x",
    headline="Voters back the harbour plan",
    source="note",
    body="The council said that it had won. " * 5,
    bullets=(BulletDraft("Costs", "Now 640 million."),),
    image=ImageDraft("https://images.example.org/a.jpg", "A harbour"),
    tags=("a", "b"),
    published_at=datetime(2026, 11, 23, 4, tzinfo=UTC),
)


def version(**content: Any) -> StoryVersion:
    base: dict[str, Any] = {"headline": "Voters back the plan", "dek": "", "body": "", "bullets": []}
    return StoryVersion(**(base | content))


@pytest.mark.parametrize(
    "change",
    [
        {"external_id": "y"},
        {"slug": "other"},
        {"source": "feed"},
        {"status": StoryStatus.USABLE},
        {"tags": ("b", "a")},
        {"published_at": datetime(2026, 11, 23, 5, tzinfo=timezone(timedelta(hours=1)))},
        {"published_at": datetime(2026, 11, 23, 4, 0, 0, 999, tzinfo=UTC)},
    ],
)
def test_what_is_no_content_leaves_the_digest(change: dict[str, Any]) -> None:
    assert digest(dataclasses.replace(DRAFT, **change)) == digest(DRAFT)


_OTHER: dict[str, Any] = {
    "bullets": (),
    "image": None,
    "tags": ("a",),
    "regions": ("europe",),
    "priority": 1,
    "url": "https://news.example.org/",
}


@pytest.mark.parametrize(
    "name",
    [f.name for f in dataclasses.fields(StoryDraft) if f.name not in ("external_id", "slug", "source", "status")],
)
def test_every_field_of_content_is_in_the_digest(name: str) -> None:
    other = datetime(2030, 1, 1, tzinfo=UTC) if name.endswith(("_at", "_until")) else _OTHER.get(name, "other")
    change: dict[str, Any] = {name: other}
    assert digest(dataclasses.replace(DRAFT, **change)) != digest(DRAFT)


def test_the_digest_does_not_change_between_releases() -> None:
    """Another digest for the same content would give every stored story a new version at the next import."""
    assert digest(StoryDraft(external_id="x", headline="One", source="note")) == EMPTY


EMPTY = "748f8b43d71444a6198de2a7b520fd58b4eccfc176e440102689f52d27e76864"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"headline": "Voters ‘back’ the plan"}, {"headline": "voters  'Back' The—Plan!"}),
        ({"body": "The city's *plan* is here."}, {"body": "The city’s\nplan is **here**"}),
        ({"body": "[Here](https://news.example.org/a)"}, {"body": "[Here](https://news.example.org/b)"}),
        ({"body": "One two.\n\nThree four."}, {"body": "Three four.\n\nOne two."}),
        ({"tags": ["a"], "priority": 5}, {"tags": ["b"], "priority": 1}),
        ({"image": {"url": "https://images.example.org/a?crop=1"}}, {"image": {"url": "https://images.example.org/a?crop=2"}}),
        ({"internal_note": "a", "rights": "x"}, {"internal_note": "b", "rights": "y"}),
        ({"body": "Co\u00adoperation of\u200b all"}, {"body": "Cooperation of all"}),
        ({"body": "ﬁve ½"}, {"body": "five 1⁄2"}),
        ({"body": "word " * 50}, {"body": "word " * 55}),
    ],
)  # fmt: skip
def test_what_readers_would_not_notice_is_not_material(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert not materially_changed(version(**old), version(**new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"headline": "Voters reject the plan"}),
        ({"headline": "Plan beats voters"}, {"headline": "Voters beats plan"}),
        ({"body": "word " * 50}, {"body": "word " * 50 + "and then something new was said by the mayor of the town in public today"}),
        ({"dek": "One"}, {"dek": "Something else altogether"}),
        ({"bullets": []}, {"bullets": [{"label": "Costs", "text": "Now it is *640* million.", "link": ""}]}),
        ({"headline": "港口计划获得通过"}, {"headline": "港口计划未获通过"}),
    ],
)  # fmt: skip
def test_what_readers_would_notice_is_material(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert materially_changed(version(**old), version(**new))


def test_the_share_is_of_the_longer_text_and_must_be_exceeded() -> None:
    """Six words of headline and 94 of body are a hundred: twenty more or less are not material, twenty-one are."""
    headline = "one two three four five six"
    body = [f"w{n}" for n in range(94)]
    for changed, material in ((20, False), (21, True)):
        new = [f"x{n}" for n in range(changed)] + body[changed:]
        old_version, new_version = (
            version(headline=headline, body=" ".join(body)),
            version(headline=headline, body=" ".join(new)),
        )
        assert materially_changed(old_version, new_version) is material
    assert MATERIAL_SHARE == 0.2


texts = st.text(alphabet="abc -.’\n*é", max_size=60)


@given(texts, texts, texts, texts)
def test_material_change_is_symmetric_and_never_of_itself(
    head: str, body: str, other_head: str, other_body: str
) -> None:
    one, two = version(headline=head, body=body), version(headline=other_head, body=other_body)
    assert not materially_changed(one, one)
    assert materially_changed(one, two) == materially_changed(two, one)


@given(
    st.lists(st.text("abcdef", min_size=1, max_size=6), max_size=30),
    st.sampled_from([" ", "  ", "\n", "\n\n", ", ", " — "]),
)
def test_white_space_and_punctuation_never_matter(words: list[str], between: str) -> None:
    one, two = version(body=" ".join(words)), version(body=between.join(words))
    assert not materially_changed(one, two)
