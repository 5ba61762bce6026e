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
    line = variant.rendered.subject.casefold()
    words = re.findall(r"[\w-]+", line)
    found = [name for name in map(str.casefold, weekdays(variant.view.language)) if name in words]
    if not found or right.casefold() in found:
        return
    # “Tuesday Briefing”, “le briefing du mardi”: the day of the edition. Elsewhere it may belong to the news.
    ours = "|".join(map(re.escape, {"briefing", *variant.view.briefing.casefold().split()}))
    days = "|".join(map(re.escape, found))
    named = re.search(rf"\b(?:{days})\s+(?:{ours})\b|\b(?:{ours})\s+(?:\w+\s+)?(?:{days})\b", line)
    yield Finding(
        "weekday",
        Severity.BLOCK if named else Severity.WARN,
        "subject",
        f"“{variant.rendered.subject}” says {found[0]}, and the edition is {right}'s",
        "use {{ weekday }} in the pattern, or correct the subject of this edition",
        (segment,),
    )
