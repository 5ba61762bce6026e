"""Mails of a wanted size, for the benchmarks: the real template, as many invented stories as it takes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from newsletter.rendering.mime import CompiledMessage
from newsletter.rendering.model import Rendered
from newsletter.rendering.page import TemplateSet
from newsletter.testing.samples import long
from tests.mails import HEADERS, RITA, TEMPLATE


@cache
def rendered(size: int) -> Rendered:
    """An edition whose message to one reader has ``size`` bytes, within two in a thousand.

    Stories of the sample edition, repeated, until the next one would be too much; the sign-off fills the rest.
    """
    page, edition = TemplateSet.load(TEMPLATE), long()
    lead, *_ = edition.sections
    stories = [story for section in edition.sections[1:] for story in section.stories]

    def with_stories(count: int, words: int = 0) -> Rendered:
        some = tuple(replace(stories[n % len(stories)], key=f"story-{n}") for n in range(count))
        section = replace(edition.sections[1], stories=some)
        sign_off = "That is the morning. " * words or edition.sign_off
        return page.render(replace(edition, sections=(lead, section), sign_off=sign_off))

    def length(made: Rendered) -> int:
        return len(CompiledMessage.compile(made, HEADERS).build(RITA))

    few = length(with_stories(10))
    each = (length(with_stories(20)) - few) / 10
    count = max(1, int(10 + (size - few) / each) - 1)
    bare, filled = (length(with_stories(count, words)) for words in (1, 101))
    made = with_stories(count, max(1, 1 + round((size - bare) * 100 / (filled - bare))))
    if abs(length(made) - size) > size / 500:
        raise ValueError(f"no message of {size} bytes can be made of the sample edition")
    return made


def constant(size: int) -> bytes:
    """One reader's message as bytes: what those get to send who personalise nothing."""
    return CompiledMessage.compile(rendered(size), HEADERS).build(RITA)
