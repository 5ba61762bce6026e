"""Markdown with front matter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ImportRefused
from newsletter.stories.draft import BulletDraft, ImageDraft, StoryDraft
from newsletter.stories.importers import read
from newsletter.stories.importers.document import Document
from newsletter.stories.importers.markdown import KEYS
from newsletter.stories.importers.reading import Reading, instant
from newsletter.stories.models import StoryStatus

WHOLE = """\
---
id: harbour-1
slug: harbour-vote
kicker: Port Maren
title: Voters back the harbour plan
short_title: A yes for the harbour
dek: The largest project in the city’s history
summary: Port Maren votes.
byline: [Edith Eastgate, Omar Quist]
image: https://images.example.org/a.jpg?quality=75&auto=webp
image_alt: The old harbour
image_caption: By night
image_credit: Rita
image_width: 1200
image_height: 800
section: city
tags: [harbour, votes]
regions: europe, americas
only_to: [europe, world]
never_to: americas
priority: 2
url: https://news.example.org/harbour
date: 2026-11-23T05:00:00+01:00
embargo_until: 2026-11-23 06:00
expires: 2026-11-30
status: usable
note: |
  Ask Omar
  first.
rights: All
bullets:
  - Costs: Now *640* million.
  - {label: Next, text: "A meeting: Thursday", link: "https://news.example.org/next"}
  - "On the quays: Our reporters"
---

The council said …

> Quoted
"""


def items(text: str, name: str = "stories/harbour.md", zone: str = "Europe/Berlin") -> list[StoryDraft | ImportRefused]:
    return read(Document(name, f"file:{name}", text.encode("utf-8", "surrogatepass")), Reading(timezone=zone))


def story(text: str, name: str = "stories/harbour.md") -> StoryDraft:
    (found,) = items(text, name)
    assert isinstance(found, StoryDraft), found
    return found


def refusals(text: str) -> list[str]:
    found = items(text)
    assert all(isinstance(item, ImportRefused) for item in found), found
    return [str(item) for item in found]


def test_every_key_is_read() -> None:
    assert story(WHOLE) == StoryDraft(
        external_id="harbour-1",
        source="markdown",
        slug="harbour-vote",
        kicker="Port Maren",
        headline="Voters back the harbour plan",
        short_headline="A yes for the harbour",
        dek="The largest project in the city’s history",
        summary="Port Maren votes.",
        byline="Edith Eastgate, Omar Quist",
        image=ImageDraft(
            "https://images.example.org/a.jpg?quality=75&auto=webp", "The old harbour", "By night", "Rita", 1200, 800
        ),
        section="city",
        tags=("harbour", "votes"),
        regions=("europe", "americas"),
        only_to=("europe", "world"),
        never_to=("americas",),
        priority=2,
        url="https://news.example.org/harbour",
        published_at=datetime(2026, 11, 23, 4, tzinfo=UTC),
        embargo_until=datetime(2026, 11, 23, 5, tzinfo=UTC),
        expires_at=datetime(2026, 11, 29, 23, tzinfo=UTC),
        status=StoryStatus.USABLE,
        internal_note="Ask Omar\nfirst.",
        rights="All",
        bullets=(
            BulletDraft("Costs", "Now *640* million."),
            BulletDraft("Next", "A meeting: Thursday", "https://news.example.org/next"),
            BulletDraft("On the quays", "Our reporters"),
        ),
        body="The council said …\n\n> Quoted",
    )


def test_a_title_is_enough() -> None:
    found = story("---\ntitle: 1984\n---\nText.")
    assert (found.headline, found.body, found.status, found.priority) == ("1984", "Text.", None, 5)
    assert found.external_id == "file:stories/harbour.md"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("stories/harbour-vote.md", "harbour-vote"),
        ("2026-11-23-The_Vote.md", "the-vote"),
        ("2026-11-23.md", "2026-11-23"),
    ],
)
def test_the_slug_is_the_name_of_the_file(name: str, slug: str) -> None:
    assert story("---\ntitle: T\n---\nText.", name).slug == slug


def test_an_image_may_be_a_block_of_its_own() -> None:
    found = story("---\ntitle: T\nimage:\n  url: https://images.example.org/a.jpg\n  decorative: true\n---\nText.")
    assert found.image == ImageDraft("https://images.example.org/a.jpg", decorative=True)


def test_front_matter_may_stand_below_blank_lines_and_end_with_dots() -> None:
    assert story("\n\n---\r\ntitle: T\r\n...\r\nText.\r\n").body == "Text."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\ntitle: T", "stories/harbour.md:1: has front matter that never ends: write ---"),
        ("---\ntitle: T\n---\nOne\n\nTwo <b>three</b>", "stories/harbour.md:6: the text: raw HTML is not read (<b>)"),
        ("---\ntitle: T\n---\n\n\n\nOne\n[x](/y)", "stories/harbour.md:8: the text: the link '/y' leads nowhere"),
        ("---\ntitle: T\n\ntags: [a\n---\nText.", "stories/harbour.md:5: this is no YAML"),
        ("---\ntitle: Harbour: a plan\n---\nText.", 'put text with a colon in it in "quotation marks"'),
        ("---\ntitle: T\ntitle: T\n---\nText.", "stories/harbour.md:3: “title” stands here twice"),
        ("---\n- a\n---\nText.", "stories/harbour.md:2: has front matter that is no list of keys"),
        ("---\nkicker: K\n---\nText.", "has no title: write title:"),
        ("---\n---\nText.", "has no title: write title:"),
        ("---\ntitle: ''\n---\nText.", "stories/harbour.md:2: title: is empty"),
        ("---\ntitle: T\nimge: x\n---\nText.", "stories/harbour.md:3: 'imge' is no key of a story: did you mean image?"),
        ("---\ntitle: T\nshort-title: x\n---\nText.", "'short-title' is no key of a story: did you mean short_title?"),
        ("---\ntitle: T\nxyzzy: x\n---\nText.", "'xyzzy' is no key of a story: write one of kicker, title"),
        ("---\ntitle: T\nheadline: T\n---\nText.", "stories/harbour.md:3: headline says the same as title"),
        ("---\ntitle: 1.10\n---\nText.", "stories/harbour.md:2: title: is no text"),
        ("---\ntitle: T\npriority: 12\n---\nText.", "stories/harbour.md:3: priority: is 12: write 1"),
        ("---\ntitle: T\npriority: high\n---\nText.", "stories/harbour.md:3: priority: 'high' is no whole number"),
        ("---\ntitle: T\npriority: true\n---\nText.", "stories/harbour.md:3: priority: 'True' is no whole number"),
        ("---\ntitle: T\nstatus: usabel\n---\nText.", "'usabel' is no status: did you mean usable?"),
        ("---\ntitle: T\nstatus: go\n---\nText.", "'go' is no status: write one of held, usable, withheld, killed"),
        ("---\ntitle: T\ndate: 23.11.2026\n---\nText.", "stories/harbour.md:3: date: '23.11.2026' is no time: write"),
        ("---\ntitle: T\ndate: 2026-02-30\n---\nText.", "date: '2026-02-30' is no time: write"),
        ("---\ntitle: T\nimage: img/a.jpg\nimage_alt: x\n---\nText.", "stories/harbour.md:3: image: 'img/a.jpg' is no absolute link"),
        ("---\ntitle: T\nimage: https://images.example.org/a.jpg\n---\nText.", "stories/harbour.md:3: image: has no alternative text"),
        ("---\ntitle: T\nimage_alt: x\n---\nText.", "stories/harbour.md:3: there is no image for this"),
        ("---\ntitle: T\nimage:\n  url: https://x.example/\n  alt: a\n  widht: 3\n---\nText.", "stories/harbour.md:6: image: widht is nothing that an image has: did you mean width?"),
        ("---\ntitle: T\nimage: https://x.example/\nimage_alt: x\nimage_width: wide\n---\nText.", "stories/harbour.md:5: image_width: 'wide' is no whole number"),
        ("---\ntitle: T\nimage: {url: https://x.example/, alt: a}\nimage_alt: x\n---\nText.", "stories/harbour.md:4: image_alt says again"),
        ("---\ntitle: T\nimage: https://x.example/\nimage_decorative: sure\n---\nText.", "'sure' is neither true nor false"),
        ("---\ntitle: T\nbullets: x\n---\nText.", "stories/harbour.md:3: bullets: is no list"),
        ("---\ntitle: T\nbullets:\n  - A: b\n  - no label\n---\nText.", "stories/harbour.md:5: bullets: a bullet must read"),
        ("---\ntitle: T\nbullets:\n  - label: x\n    txt: y\n---\nText.", "bullets: 'txt' is nothing that a bullet has: did you mean text?"),
        ("---\ntitle: T\nbullets:\n  - label: x\n---\nText.", "bullets: bullet 1 is not whole"),
        ("---\ntitle: T\ntags: {a: b}\n---\nText.", "stories/harbour.md:3: tags: is no text"),
        ("---\ntitle: &a T\ndek: *a\n---\nText.", "stories/harbour.md:2: aliases"),
        ("---\ntitle: T\nembargo: 2026-11-23\nexpires: 2026-11-22\n---\nText.", "stories/harbour.md:4: expires: comes before the embargo ends"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text: str, message: str) -> None:
    found = refusals(text)
    assert any(message in line for line in found), found
    assert all("\n" not in line for line in found)


def test_every_problem_of_a_file_is_said_at_once() -> None:
    assert len(refusals("---\nstatus: x\npriority: y\ndate: z\n---\nText.")) == 4


@pytest.mark.parametrize(
    ("words", "zone", "utc"),
    [
        ("2026-11-23", "UTC", "2026-11-23T00:00:00+00:00"),
        ("2026-11-23T05:30Z", "Asia/Tokyo", "2026-11-23T05:30:00+00:00"),
        ("2026-11-23 05:30", "Asia/Tokyo", "2026-11-22T20:30:00+00:00"),
        ("2026-11-23t05:30:01.5-0330", "UTC", "2026-11-23T09:00:01.500000+00:00"),
    ],
)
def test_an_instant_is_read(words: str, zone: str, utc: str) -> None:
    assert instant(words, zone).isoformat() == utc


@pytest.mark.parametrize(
    "words", ["", "now", "2026", "2026-13-01", "0001-01-01T00:00+14:00", "2026-11-23T25:00", "2026-W01-1"]
)
def test_what_is_no_instant_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="is no time: write"):
        instant(words, "UTC")


_value: Any = st.recursive(
    st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.none(), st.sampled_from(["", "https://x.example/"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*KEYS, "label", "alt", "x"]), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), _value, max_size=6))
def test_any_front_matter_is_a_story_or_refused(data: dict[str, Any]) -> None:
    import yaml

    text = f"---\n{yaml.safe_dump(data, allow_unicode=True)}---\nText.\n"
    assert [str(item) for item in items(text)] == [str(item) for item in items(text)]


@given(st.one_of(st.text(max_size=100), st.text(alphabet="a: -\n[]{}'\"&*|>#!%", max_size=60)))
def test_any_text_below_front_matter_lines_is_a_story_or_refused(text: str) -> None:
    for whole in (f"---\n{text}", f"---\n{text}\n---\nText.", f"---\ntitle: T\n---\n{text}"):
        assert [str(item) for item in items(whole)] == [str(item) for item in items(whole)]


def test_a_number_of_endless_digits_is_refused() -> None:
    assert refusals(f"---\ntitle: T\npriority: {'9' * 5000}\n---\nText.")
