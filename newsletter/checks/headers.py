"""The headers can be written: sender, subject, list, and what the config adds to them."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.control_characters import CONTROL
from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("headers", final="no message can be made of it: mend what the finding names")
def headers(subject: CheckInput) -> Iterable[Finding]:
    for segment, built in subject.messages.items():
        line = subject.variants[segment].rendered.subject
        # No subject, and controls in it, are other checks'.
        if built.refused and line.strip() and not CONTROL.search(line):
            yield Finding(
                "headers",
                Severity.BLOCK,
                "headers",
                built.refused,
                "mend the sender in config.yaml, or what the finding names",
                (segment,),
            )
