"""A segment without any reader is a rule with a mistake in it, more often than not."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("empty-segment")
def empty_segment(subject: CheckInput) -> Iterable[Finding]:
    readers = subject.audience.readers if subject.audience else {}
    for segment in subject.variants:
        if readers.get(segment, 1) == 0:
            yield Finding(
                "empty-segment",
                Severity.WARN,
                f"segment {segment}",
                "it has no reader today",
                "look at its rule in subscribers/segments.yaml, and at those of the segments before it",
                (segment,),
            )
