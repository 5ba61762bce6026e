"""The day in the words is the edition's: “Your Tuesday Briefing” does not go out on a Wednesday."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.registry import CheckedVariant, CheckInput, Finding, Severity, check
from newsletter.editions.dates import long_date, weekday, weekdays


@check("weekday")
def day_in_words(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        language, right = variant.view.language, weekday(subject.date, variant.view.language)
        said = variant.view.weekday, variant.view.long_date
        if variant.view.date != subject.date or said != (right, long_date(subject.date, language)):
            yield Finding(
                "weekday",
                Severity.BLOCK,
                "date",
                f"it says {variant.view.long_date}, and the edition is {long_date(subject.date, language)}'s",
                "render the edition again",
                (segment,),
            )
        yield from _subject(variant, right, segment)


def _subject(variant: CheckedVariant, right: str, segment: str) -> Iterable[Finding]:
    names = [name.casefold() for name in weekdays(variant.view.language)]
    words = re.findall(r"[\w-]+", variant.rendered.subject.casefold())
    found = [(place, word) for place, word in enumerate(words) if word in names]
    if not found or right.casefold() in (word for _, word in found):
        return
    place, word = found[0]
    # Up front it names the edition; further on it may belong to the news.
    yield Finding(
        "weekday",
        Severity.BLOCK if place <= 1 else Severity.WARN,
        "subject",
        f"“{variant.rendered.subject}” says {word}, and the edition is {right}'s",
        "use {{ weekday }} in the pattern, or correct the subject of this edition",
        (segment,),
    )
