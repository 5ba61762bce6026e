"""The text part tells what the HTML tells; filters distrust a mail of which that is not so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from newsletter.checks.registry import CheckedVariant, CheckInput, Finding, Severity, check
from newsletter.checks.words import without_slots

LEAST = 0.6
"""The share of the HTML's words that the text part should have."""
_WORD = re.compile(r"\w+")


@check("text-part")
def text_part(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        if not variant.rendered.text.strip():
            message, severity = "it is empty", Severity.BLOCK
        elif (share := shared(variant)) < LEAST:
            message, severity = f"it has {share:.0%} of the HTML's words, and {LEAST:.0%} is the least", Severity.WARN
        else:
            continue
        yield Finding("text-part", severity, "text part", message, "mend page.txt of the template", (segment,))


def shared(variant: CheckedVariant) -> float:
    """The share of the HTML's words that stand in the text part too, each as often as it does there."""
    page = _counted(without_slots(variant.rendered, variant.page.words))
    text = _counted(without_slots(variant.rendered, variant.rendered.text))
    return (page & text).total() / page.total() if page else 1.0


def _counted(words: str) -> Counter[str]:
    return Counter(_WORD.findall(words.casefold()))
