"""A screen reader speaks in the language that the page names, and lays it out in its direction."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("language")
def language(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        for name, is_, should in (
            ("lang", variant.page.lang, variant.view.language),
            ("dir", variant.page.direction, variant.view.direction),
        ):
            if is_.lower() != should.lower():
                yield Finding(
                    "language",
                    Severity.WARN,
                    f"HTML part, {name} of <html>",
                    f"{name} is {is_!r} and the edition's {should!r}" if is_ else f"<html> has no {name}",
                    'write <mjml lang="{{ edition.language }}" dir="{{ edition.direction }}"> in the template',
                    (segment,),
                )
