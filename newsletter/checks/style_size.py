"""Gmail drops every style sheet after the first 16 KB of them."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check

MOST = 16_384
"""Bytes, over all style elements."""


@check("style-size")
def style_size(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        if variant.page.style_bytes > MOST:
            yield Finding(
                "style-size",
                Severity.BLOCK,
                "HTML part, style",
                f"{variant.page.style_bytes:,} bytes of style sheets: Gmail takes {MOST:,} and drops the rest",
                "shorten the template's mj-style blocks",
                (segment,),
            )
