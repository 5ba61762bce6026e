"""The title is what a screen reader says first, and the name of the tab of the page online."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("title")
def title(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        if not variant.page.title:
            yield Finding(
                "title",
                Severity.WARN,
                "HTML part, title",
                "it has no title",
                "write <mj-title>{{ edition.subject }}</mj-title> in the template",
                (segment,),
            )
