"""The line that stands beside the subject in the inbox."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckedVariant, CheckInput, Finding, Severity, check

LONGEST = 200
"""Characters; the inboxes that show most of it stop at about 140."""


@check("preheader")
def preheader(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        if message := _wrong(subject, variant):
            yield Finding(
                "preheader",
                Severity.WARN,
                "preheader",
                message,
                "write one for this edition, or give the lead a summary",
                (segment,),
            )


def _wrong(subject: CheckInput, variant: CheckedVariant) -> str:
    words, line = variant.rendered.preheader.strip(), variant.rendered.subject.strip()
    if not words:
        return "it is empty: the inbox will show the first words of the mail"
    if words.casefold() == line.casefold():
        return "it says the same as the subject"
    if subject.last and words in subject.last.preheaders:
        return f"“{words[:80]}” was the last edition's preheader too"
    if len(words) > LONGEST:
        return f"it has {len(words)} characters, and no inbox shows more than about 140"
    return ""
