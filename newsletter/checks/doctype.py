"""Without the doctype of HTML 5, clients lay out by the rules of the last century."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("doctype")
def doctype(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        if not variant.page.doctype:
            yield Finding(
                "doctype",
                Severity.BLOCK,
                "HTML part, first line",
                "it does not begin with <!doctype html>",
                "mend the template: nothing may come before <mjml>",
                (segment,),
            )
