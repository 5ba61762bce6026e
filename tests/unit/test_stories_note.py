"""The bare briefing note."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ImportRefused
from newsletter.stories.draft import BulletDraft, ImageDraft, StoryDraft
from newsletter.stories.importers import read
from newsletter.stories.importers.document import Document
from newsletter.stories.importers.note import without_edition_name
from newsletter.stories.importers.reading import Reading

SAMPLE = Path(__file__).parent.parent / "samples" / "briefing-note.txt"
PICTURE = "![Tuesday Briefing The harbour.](https://images.example.org/a.jpg)"


def items(
    text: str | bytes, name: str = "note.txt", *, editions: tuple[str, ...] = ()
) -> list[StoryDraft | ImportRefused]:
    raw = text.encode() if isinstance(text, str) else text
    return read(Document(name, f"file:{name}", raw), Reading(edition_names=editions))


def story(text: str, **more: tuple[str, ...]) -> StoryDraft:
    (found,) = items(text, **more)  # type: ignore[arg-type]
    assert isinstance(found, StoryDraft), found
    return found


def refusal(text: str | bytes, name: str = "note.txt") -> str:
    (found,) = items(text, name)
    assert isinstance(found, ImportRefused), found
    return str(found)


def test_all_ten_parts_of_the_sample_come_out_whole() -> None:
    """A summary, a picture, a headline, four paragraphs and three bullets: ten parts, compared character by character."""
    found = story(SAMPLE.read_text("utf-8"))
    lines = SAMPLE.read_text("utf-8").splitlines()
    assert len(lines) == 10
    assert found.summary == "Port Maren votes on its harbour." == lines[0]
    assert found.image == ImageDraft(
        url="https://images.example.org/2026/11/harbour-vote/harbour-articleLarge.jpg?quality=75&auto=webp&disable=upscale",
        alt="The old harbour at dawn, with three cranes standing idle over the water.",
    )
    assert found.headline == "Voters back the harbour plan" == lines[2]
    assert found.body.split("\n\n") == lines[3:7]
    assert found.bullets == (
        BulletDraft(
            "Costs",
            "The plan is now put at 640 million, up from 410 million when it was first proposed. Half is to come from the"
            " port’s own bonds.",
        ),
        BulletDraft(
            "On the quays",
            "Our reporters spoke to fishing crews who said that they had been promised new berths and had seen no drawings.",
        ),
        BulletDraft(
            "Next",
            "The council meets on Thursday to name a contractor, after what officials described as a long search.",
        ),
    )
    assert [f"{bullet.label}: {bullet.text}" for bullet in found.bullets] == lines[7:]
    assert found.external_id == "file:note.txt"
    assert found.status is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", " \n\t\n"])
def test_line_ends_and_blank_lines_change_nothing(end: str) -> None:
    lines = SAMPLE.read_text("utf-8").splitlines()
    assert story(end.join(lines)) == story(SAMPLE.read_text("utf-8"))


def test_utf_16_and_a_byte_order_mark_are_read() -> None:
    text = SAMPLE.read_text("utf-8")
    assert items(text.encode("utf-16")) == items(text.encode("utf-8-sig")) == items(text)


@pytest.mark.parametrize(
    ("alt", "rest"),
    [
        ("Tuesday Briefing The old harbour", "The old harbour"),
        ("Tuesday Briefing an aerial view", "an aerial view"),
        ("Tuesday Briefing: The old harbour", "The old harbour"),
        ("Morning Briefing – “Enough,” says a sign", "“Enough,” says a sign"),
        ("Morning Briefing: Europe Edition The old harbour", "The old harbour"),
        ("Evening Briefing | 12 ships", "12 ships"),
        ("Your Weekend Briefing Cranes", "Cranes"),
        ("The Port Maren Briefing Cranes", "Cranes"),
        ("Europe Edition 港口", "港口"),
        ("Press Briefing at the town hall", "Press Briefing at the town hall"),
        ("White House Briefing Room with flags", "White House Briefing Room with flags"),
        ("A first Edition Of a book", "A first Edition Of a book"),
        ("The old harbour. Tuesday Briefing", "The old harbour. Tuesday Briefing"),
        ("Briefing The mayor", "Briefing The mayor"),
        ("Tuesday Briefing", "Tuesday Briefing"),
        ("", ""),
    ],
)
def test_the_editions_name_is_taken_off(alt: str, rest: str) -> None:
    assert without_edition_name(alt) == rest


def test_a_name_that_the_configuration_knows_is_taken_off() -> None:
    names = ("Harbour Post", "The Harbour Post", "")
    assert without_edition_name("The Harbour Post: two cranes", names) == "two cranes"
    assert without_edition_name("The Harbour Post: Europe Edition Two cranes", names) == "Two cranes"
    assert without_edition_name("Harbour Posted cranes", names) == "Harbour Posted cranes"
    text = "S.\n![Am Morgen Ein Hafen](https://images.example.org/a.jpg)\nH\nText."
    found = story(text, editions=("Am Morgen",))
    assert found.image is not None
    assert found.image.alt == "Ein Hafen"


def body(*lines: str) -> StoryDraft:
    return story("\n".join(["Summary.", PICTURE, "Headline", *lines]))


@pytest.mark.parametrize(
    "line",
    [
        "The mayor of the town said: No.",
        "Doors open at 10:30 on Monday.",
        "Read it at https://news.example.org/plan or here.",
        "He stopped. Then: Nothing.",
        "“Well: no,” she said.",
        "costs: lower case is no label.",
        "She said: “We will go on.”",
        "Mayor Okafor added: “No.”",
        "Costs:",
        "Costs:640 million",
    ],
)
def test_a_colon_in_running_text_makes_no_bullet(line: str) -> None:
    found = body("First paragraph.", line)
    assert found.bullets == ()
    assert found.body.split("\n\n")[1] == line


@pytest.mark.parametrize(
    "label", ["Costs", "On the quays", "What they said", "What’s next", "Yes, but", "2027", "Four words are fine"]
)
def test_up_to_four_words_before_a_colon_make_a_bullet(label: str) -> None:
    assert body("First.", f"{label}: “A sentence.”").bullets == (BulletDraft(label, "“A sentence.”"),)


def test_only_the_end_of_the_note_has_bullets() -> None:
    found = body("Early: this is a paragraph.", "Another.", "Costs: One.", "Next: Two.")
    assert found.body == "Early: this is a paragraph.\n\nAnother."
    assert [bullet.label for bullet in found.bullets] == ["Costs", "Next"]


def test_a_note_may_be_bullets_alone() -> None:
    found = body("Costs: One.", "Next: Two.")
    assert found.body == ""
    assert len(found.bullets) == 2


def test_a_note_needs_no_picture() -> None:
    found = story("Summary.\nHeadline\nText.")
    assert (found.summary, found.headline, found.body, found.image) == ("Summary.", "Headline", "Text.", None)


@pytest.mark.parametrize(
    "text",
    [f"{PICTURE}\nHeadline\nText.", f"Summary.\nHeadline\n{PICTURE}\nText.", f"Summary.\n{PICTURE}\nHeadline\nText."],
)
def test_the_picture_may_stand_anywhere_in_the_head(text: str) -> None:
    found = story(text)
    assert (found.headline, found.body) == ("Headline", "Text.")
    assert found.image == ImageDraft("https://images.example.org/a.jpg", "The harbour.")
    assert found.summary == ("" if text.startswith("!") else "Summary.")


def test_wrapped_paragraphs_are_joined() -> None:
    found = body(
        "The council said that it had won",
        "on Monday.",
        "",
        "The result ends it.",
        "",
        "Costs: Much, and",
        "more.",
        "Next: A",
        "meeting.",
    )
    assert found.body == "The council said that it had won on Monday.\n\nThe result ends it."
    assert found.bullets == (BulletDraft("Costs", "Much, and more."), BulletDraft("Next", "A meeting."))


def test_long_lines_are_paragraphs_even_where_blank_lines_stand() -> None:
    long = "Long words " * 12 + "end."
    found = body(long, "Short.", "", "Costs: One.", "Next: Two.")
    assert found.body == f"{long}\n\nShort."
    assert len(found.bullets) == 2


def test_prose_that_looks_like_marks_stays_prose() -> None:
    found = body("1998. That was the year.", "# 1 in the polls", "- Yes")
    assert found.body == "1998\\. That was the year.\n\n\\# 1 in the polls\n\n\\- Yes"


def test_a_picture_may_have_a_caption_and_brackets_in_its_address() -> None:
    line = '![Harbour [old]](https://images.example.org/a_(b).jpg?x=(1) "By night")'
    found = story(f"S.\n{line}\nH\nT.")
    assert found.image == ImageDraft("https://images.example.org/a_(b).jpg?x=(1)", "Harbour [old]", caption="By night")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "note.txt: is empty"),
        (" \n\x00\n", "note.txt: is empty"),
        ("One line", "note.txt:1: is no story"),
        (PICTURE, "note.txt:1: is no story"),
        (f"Summary.\n{PICTURE}", "note.txt:2: is no story"),
        ("Summary.\nHeadline", "note.txt:2: ends after its headline"),
        ("Summary.\n![Alt](a.jpg)\nHeadline\nText.", "note.txt:2: the image 'a.jpg' is no absolute link"),
        ("Summary.\n![Alt]\nHeadline\nText.", "note.txt:2: has a picture that cannot be read"),
        ("Summary.\n![](https://images.example.org/a.jpg)\nHeadline\nText.", "note.txt:2: has a picture without words"),
        ("Summary.\n![Tuesday Briefing](https://images.example.org/a.jpg)\nHeadline\nText.", "note.txt:2: has a picture without words"),
        ("# Summary\nHeadline\nText.", "note.txt:1: is no note"),
        ("Summary.\n\nHeadline\n\nText.\n\nMore <b>text</b>.", "note.txt:7: the text: raw HTML"),
        ("Summary.\n" + "x" * 301 + "\nText.", "note.txt:2: the line taken for the headline has 301 characters"),
        ("x" * 301 + "\nHeadline\nText.", "note.txt:1: the line taken for the summary has 301 characters"),
        (b"Summary.\nHe\xfcadline\nText.", "note.txt:2: is not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused_with_its_line(text: str | bytes, words: str) -> None:
    message = refusal(text)
    assert message.startswith(words)
    assert "\n" not in message


def test_markdown_without_front_matter_is_not_taken_for_a_note() -> None:
    assert "has no front matter" in refusal("Some text.\nAnd more.\nAnd more.", "story.md")


@given(st.one_of(st.text(max_size=200), st.text(alphabet="ab :.!?[]()<>#-*\n“”", max_size=200)))
def test_any_text_is_a_note_or_refused(text: str) -> None:
    """Nothing is raised, and reading again finds the same."""
    for prefix in ("", "Summary.\n", f"Summary.\n{PICTURE}\nHeadline\n"):
        raw = (prefix + text).encode("utf-8", "surrogatepass")
        assert [str(item) for item in items(raw)] == [str(item) for item in items(raw)]
