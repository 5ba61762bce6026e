"""Readers who cannot see jump from heading to heading: one h1, and no level left out on the way down."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("headings")
def headings(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        found = variant.page.headings
        first = sum(one.level == 1 for one in found)
        if first != 1:
            yield Finding(
                "headings",
                Severity.WARN,
                "HTML part",
                f"it has {first or 'no'} {'h1' if first <= 1 else 'h1 headings'}",
                "give the template exactly one h1",
                (segment,),
            )
        for before, (level, words, line) in zip((0, *(one.level for one in found)), found, strict=False):
            if level > before + 1 and (before or first == 1):
                yield Finding(
                    "headings",
                    Severity.WARN,
                    f"heading “{words[:60]}”",
                    f"h{level} comes {f'after h{before}' if before else 'first'}",
                    f"make it an h{before + 1}",
                    (segment,),
                    line,
                )
