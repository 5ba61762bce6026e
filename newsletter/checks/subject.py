"""The subject is there, fits, and is not the last edition's."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check

LONGEST = 90
"""Characters that a desktop's inbox shows of a subject; a phone shows about 40."""


@check("subject")
def subject_line(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        line = variant.rendered.subject.strip()
        if not line:
            yield _finding(Severity.BLOCK, "it is empty", "write one for this edition", segment)
        elif len(line) > LONGEST:
            yield _finding(
                Severity.WARN,
                f"it has {len(line)} characters, and inboxes show {LONGEST} at most",
                "shorten it",
                segment,
            )
        if line and subject.last and line in subject.last.subjects:
            yield _finding(
                Severity.WARN,
                f"“{line}” was the last edition's subject too",
                "make sure that this is today's edition, or write another",
                segment,
            )


def _finding(severity: Severity, message: str, mend: str, segment: str) -> Finding:
    return Finding("subject", severity, "subject", message, mend, (segment,))
