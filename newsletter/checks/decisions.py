"""What an editor pinned stands in the edition, or somebody is told why not."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("decisions")
def decisions(subject: CheckInput) -> Iterable[Finding]:
    for words in subject.unmet:
        yield Finding(
            "decisions",
            Severity.WARN,
            "overrides",
            f"an editor's decision is not followed: {words}",
            "assemble again, or take the decision back",
        )
