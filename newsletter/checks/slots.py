"""Every reader slot is one that we know, is used, and stands where its value can be written safely."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("slots", final="no message can be made of it: mend the template")
def slots(subject: CheckInput) -> Iterable[Finding]:
    for segment, built in subject.messages.items():
        if built.misplaced:
            yield Finding(
                "slots",
                Severity.BLOCK,
                "template",
                built.misplaced,
                "mend page.mjml or page.txt of the template",
                (segment,),
            )
