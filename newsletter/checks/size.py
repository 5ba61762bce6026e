"""Gmail shows about 102 kB of an HTML part and hides the rest, with it the link that leaves the list."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check

ROOMY, LARGE, CLIPPED = 85_000, 95_000, 102_000
"""Bytes of the HTML part as it travels: a warning, a stronger one, and (beyond the last) no sending."""


@check("size")
def size(subject: CheckInput) -> Iterable[Finding]:
    for segment, built in subject.messages.items():
        count = built.size.html_encoded if built.size else 0
        if count >= ROOMY:
            severity = Severity.BLOCK if count > CLIPPED else Severity.WARN
            what = "Gmail will clip it" if count > CLIPPED else f"Gmail clips at about {CLIPPED // 1000}"
            near = " and it is very near" if LARGE <= count <= CLIPPED else ""
            yield Finding(
                "size",
                severity,
                "HTML part",
                f"{-(-count // 1000)} kB for the reader with the longest name and links: {what}{near}",
                "take out stories, or shorten the longest",
                (segment,),
            )
