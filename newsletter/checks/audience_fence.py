"""The number of readers is near the usual one: mail for three hundred has gone to eight million."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("audience-fence")
def audience_fence(subject: CheckInput) -> Iterable[Finding]:
    audience = subject.audience
    if audience and audience.total and audience.is_unusual:
        yield Finding(
            "audience-fence",
            Severity.WARN,
            "audience",
            f"{audience.total:,} readers today, where {audience.usual:,.0f} are usual: "
            "write the number to approve, or the lock holds",
            "look at subscribers/segments.yaml and the last import; what is right: `edition approve --readers N`",
        )
