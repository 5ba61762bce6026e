"""All words of a variant, each with the place where an editor finds it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.checks.registry import CheckedVariant
from newsletter.rendering.model import StoryView


def told(variant: CheckedVariant) -> Iterator[tuple[str, str]]:
    """``(where, words)`` of everything that editors wrote, then of what the template made of it.

    What stands in a story comes before the HTML and the text part, so that a finding can name the story.
    """
    view, rendered = variant.view, variant.rendered
    yield "subject", rendered.subject
    yield "preheader", rendered.preheader
    yield "greeting", view.greeting
    yield "introduction", view.introduction
    for section in view.sections:
        yield f"section {section.key}, title", section.title
        for story in section.stories:
            for name, words in _story(story):
                yield f"story {story.key}, {name}", words
    yield "sign-off", view.sign_off
    yield "reason", view.reason
    yield "HTML part", without_slots(variant, "\n".join((variant.page.words, *variant.page.attributes)))
    yield "text part", without_slots(variant, rendered.text)


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


def without_slots(variant: CheckedVariant, words: str) -> str:
    """Words in which every reader slot stands as what a reader without any data gets."""
    slots = variant.rendered.slots

    def fallback(match: re.Match[str]) -> str:
        index = int(match[1])
        return slots[index].fallback if index < len(slots) else match[0]

    return re.sub(f"(?:https://slot\\.invalid/)?mbq{variant.rendered.nonce}x(\\d{{2,}})z", fallback, words)


def around(words: str, start: int, end: int) -> str:
    """The line around a match, cut to what tells it apart."""
    before = words[max(0, start - 20) : start].rpartition("\n")[2]
    after = words[end : end + 20].partition("\n")[0]
    return f"{before}{words[start:end]}{after}".strip()
