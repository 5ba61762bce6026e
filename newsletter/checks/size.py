"""Gmail shows about 102 kB of an HTML part and hides the rest, with it the link that leaves the list."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.audience.tokens import MAX_URL
from newsletter.checks.registry import CheckedVariant, CheckInput, Finding, Severity, check

ROOMY, LARGE, CLIPPED = 80_000, 95_000, 102_000
"""Bytes of the decoded HTML part: a warning, a stronger one, and (beyond the last) no sending."""
_LONGEST_NAME = 100


@check("size")
def size(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        count = worst(variant)
        if count >= ROOMY:
            severity = Severity.BLOCK if count > CLIPPED else Severity.WARN
            what = "Gmail will clip it" if count > CLIPPED else "Gmail clips at about 102,000"
            near = " and it is very near" if LARGE <= count <= CLIPPED else ""
            yield Finding(
                "size",
                severity,
                "HTML part",
                f"{count:,} bytes: {what}{near}",
                "take out stories, or shorten the longest",
                (segment,),
            )


def worst(variant: CheckedVariant) -> int:
    """The bytes of the HTML part for a reader whose name and links are as long as they can be."""
    rendered = variant.rendered
    total = len(rendered.html.encode(errors="replace"))
    for match in re.finditer(f"(https://slot\\.invalid/)?mbq{rendered.nonce}x(\\d{{2,}})z", rendered.html):
        index = int(match[2])
        if match[1]:
            total += MAX_URL - len(match[0])
        elif index < len(rendered.slots):
            slot = rendered.slots[index]
            full = len((slot.before + slot.after).encode()) + _LONGEST_NAME
            total += max(full, len(slot.fallback.encode())) - len(match[0])
    return total
