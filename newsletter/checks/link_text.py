"""A link without words is read out as its address, letter by letter."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("link-text")
def link_text(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        for link in variant.page.links:
            if not link.text and None not in link.alts:  # a picture without an alt is another check's
                yield Finding(
                    "link-text",
                    Severity.WARN,
                    f"link to {link.href[:120]}",
                    "its picture has no alt text" if link.alts else "it has no words",
                    "say in the picture's alt where the link leads" if link.alts else "write its words, or take it out",
                    (segment,),
                )
