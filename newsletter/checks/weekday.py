"""The day in the words is the edition's: “Your Tuesday Briefing” does not go out on a Wednesday."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

from newsletter.checks.registry import CheckedVariant, CheckInput, Finding, Severity, check
from newsletter.editions.dates import long_date, months, weekday, weekdays


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
        yield from _elsewhere(variant, right, segment)
        yield from _date(variant, subject.date, segment)


def _subject(variant: CheckedVariant, right: str, segment: str) -> Iterable[Finding]:
    line = variant.rendered.subject.casefold()
    words = re.findall(r"[\w-]+", line)
    found = [name for name in map(str.casefold, weekdays(variant.view.language)) if name in words]
    if not found or right.casefold() in found:
        return
    yield Finding(
        "weekday",
        Severity.BLOCK if _named(variant, found, line) else Severity.WARN,
        "subject",
        f"“{variant.rendered.subject}” says {found[0]}, and the edition is {right}'s",
        "use {{ weekday }} in the pattern, or correct the subject of this edition",
        (segment,),
    )


def _named(variant: CheckedVariant, days: Sequence[str], line: str) -> bool:
    """Whether a day is the edition's own: “Tuesday Briefing”, “le briefing du mardi”. Else it may be the news's."""
    ours = "|".join(map(re.escape, {"briefing", *variant.view.briefing.casefold().split()}))
    either = "|".join(map(re.escape, days))
    return bool(re.search(rf"\b(?:{either})\s+(?:{ours})\b|\b(?:{ours})\s+(?:\w+\s+)?(?:{either})\b", line))


_TODAY = r"\b(?:it[’']?s|it is|today is|happy|good)\s+(?:a\s+)?({days})\b"


def _elsewhere(variant: CheckedVariant, right: str, segment: str) -> Iterable[Finding]:
    """Another day's name where the edition speaks of itself: “your Tuesday briefing”, “it is Tuesday”."""
    view = variant.view
    others = [name for name in map(str.casefold, weekdays(view.language)) if name != right.casefold()]
    for where, words in (
        ("preheader", variant.rendered.preheader),
        ("greeting", view.greeting),
        ("introduction", view.introduction),
        ("sign-off", view.sign_off),
    ):
        line = words.casefold()
        found = [name for name in others if name in line]
        if found and (_named(variant, found, line) or re.search(_TODAY.format(days="|".join(found)), line)):
            message = f"it says {found[0]}, and the edition is {right}'s"
            yield Finding("weekday", Severity.WARN, where, message, "correct the words of this edition", (segment,))


def _date(variant: CheckedVariant, day: date, segment: str) -> Iterable[Finding]:
    """A date in the subject that is not the edition's."""
    line, names = variant.rendered.subject.casefold(), [name.casefold() for name in months(variant.view.language)]
    found = {(int(match[1]), int(match[2])) for match in re.finditer(r"\b\d{4}-(\d\d)-(\d\d)\b", line)}
    for number, name in enumerate(names, start=1):
        if name in line:
            either = rf"\b(\d{{1,2}})(?:\.|st|nd|rd|th|er)?\s+(?:de\s+)?{name}\b|\b{name}\s+(\d{{1,2}})\b"
            found |= {(number, int(match[1] or match[2])) for match in re.finditer(either, line)}
    if found and (day.month, day.day) not in found:
        said = long_date(day, variant.view.language)
        message = f"“{variant.rendered.subject}” names another date than the edition's, {said}"
        mend = "use {{ long_date }} in the pattern, or make sure that the news is meant"
        yield Finding("weekday", Severity.WARN, "subject", message, mend, (segment,))
