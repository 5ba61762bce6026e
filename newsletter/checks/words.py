"""All words of a variant, each with the place where an editor finds it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from newsletter.checks.page import Page
from newsletter.rendering.model import EditionView, Rendered, StoryView

HTML, TEXT = "HTML part", "text part"


class Passage(NamedTuple):
    """Words, and the place where an editor finds them."""

    where: str
    words: str


def told(view: EditionView, rendered: Rendered, page: Page) -> Iterator[Passage]:
    """Everything that editors wrote, then what the template made of it.

    What stands in a story comes before the HTML and the text part, so that a finding can name the story.
    """
    yield Passage("subject", rendered.subject)
    yield Passage("preheader", rendered.preheader)
    yield Passage("greeting", view.greeting)
    yield Passage("introduction", view.introduction)
    for section in view.sections:
        yield Passage(f"section {section.key}, title", section.title)
        for story in section.stories:
            for name, words in _story(story):
                if words:
                    yield Passage(f"story {story.key}, {name}", words)
    yield Passage("sign-off", view.sign_off)
    yield Passage("reason", view.reason)
    yield Passage(HTML, without_slots(rendered, "\n".join((page.words, *page.attributes))))
    yield Passage(TEXT, without_slots(rendered, rendered.text))


def _story(story: StoryView) -> Iterator[tuple[str, str]]:
    yield "headline", story.headline
    yield "kicker", story.kicker
    yield "short headline", story.short_headline
    yield "dek", story.dek
    yield "preheader", story.preheader
    yield "body", story.body_text
    yield "byline", story.byline
    for number, bullet in enumerate(story.bullets, start=1):
        yield f"bullet {number}", f"{bullet.label}: {bullet.text}"
    if story.image:
        yield "image", "\n".join((story.image.alt, story.image.caption, story.image.credit))


def without_slots(rendered: Rendered, words: str) -> str:
    """Words in which every reader slot stands as what a reader without any data gets."""
    slots = rendered.slots

    def fallback(match: re.Match[str]) -> str:
        index = int(match[1])
        return slots[index].fallback if index < len(slots) else match[0]

    begin = f"mbq{rendered.nonce}x"
    return re.sub(rf"{begin}(\d{{2,}})z", fallback, words.replace(f"https://slot.invalid/{begin}", begin))


def around(words: str, start: int, end: int) -> str:
    """The line around a match, cut to what tells it apart."""
    before = words[max(0, start - 20) : start].rpartition("\n")[2]
    after = words[end : end + 20].partition("\n")[0]
    return f"{before}{words[start:end]}{after}".strip()


def line(rendered: Rendered, where: str, words: str) -> int:
    """The line of the part that ``where`` names on which the words stand first; 0 where that says nothing."""
    part, wanted = (rendered.html, html.escape(words, quote=False)) if where == HTML else (rendered.text, words)
    if where not in (HTML, TEXT) or (at := part.find(wanted)) < 0:
        return 0
    return part.count("\n", 0, at) + 1
