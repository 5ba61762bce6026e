"""Readers had the last edition; one that tells much the same again went out by mistake."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check

MOST = 0.4
"""The share of an edition's stories that may have stood in the one before."""


@check("repeated-stories")
def repeated_stories(subject: CheckInput) -> Iterable[Finding]:
    if subject.last is None:
        return
    for segment, variant in subject.variants.items():
        told = {story.key for story in variant.view.stories}
        again = sorted(told & subject.last.stories.get(segment, frozenset()))
        if not again or len(again) <= MOST * len(told):
            continue
        every = len(again) == len(told)
        yield Finding(
            "repeated-stories",
            Severity.BLOCK if every else Severity.WARN,
            f"stories {', '.join(again[:5])}{' …' if len(again) > 5 else ''}",
            f"{len(again)} of {len(told)} stood in the edition of {subject.last.date} too",
            "make sure that this is today's edition, and assemble it again",
            (segment,),
        )
