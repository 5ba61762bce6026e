"""The law of most countries wants the sender's postal address in every mail."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("postal-address", final="the law of most countries wants it in every mail")
def postal_address(subject: CheckInput) -> Iterable[Finding]:
    wanted = _letters(subject.publication.postal_address)
    for segment, variant in subject.variants.items():
        for part, words in (("HTML part", variant.page.words), ("text part", variant.rendered.text)):
            if not wanted or wanted not in _letters(words):
                yield Finding(
                    "postal-address",
                    Severity.BLOCK,
                    part,
                    "it does not have the publication's postal address",
                    "put {{ edition.publication.postal_address }} into the template",
                    (segment,),
                )


def _letters(words: str) -> str:
    """Words without white space and commas, which templates and line breaks change."""
    return "".join(words.replace(",", " ").split())
