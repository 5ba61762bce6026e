"""The line that stands beside the subject in the inbox."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("preheader")
def preheader(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        words, line = variant.rendered.preheader.strip(), variant.rendered.subject.strip()
        message = ""
        if not words:
            message = "it is empty: the inbox will show the first words of the mail"
        elif words.casefold() == line.casefold():
            message = "it says the same as the subject"
        if message:
            yield Finding(
                "preheader",
                Severity.WARN,
                "preheader",
                message,
                "write one for this edition, or give the lead a summary",
                (segment,),
            )
