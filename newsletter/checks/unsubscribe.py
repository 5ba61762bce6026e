"""Everyone can leave, from the HTML and from the text alike."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.rendering.slots import url_word


@check("unsubscribe")
def unsubscribe(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        rendered = variant.rendered
        words = {
            url_word(rendered.nonce, index)
            for index, slot in enumerate(rendered.slots)
            if slot.name == "unsubscribe_url"
        }
        for part, has in (
            ("HTML part", any(link.href in words for link in variant.page.links)),
            ("text part", bool(words & set(rendered.text.split()))),
        ):
            if not has:
                yield Finding(
                    "unsubscribe",
                    Severity.BLOCK,
                    part,
                    "it has no link for leaving",
                    "put {{ slot_url('unsubscribe_url') }} into the template",
                    (segment,),
                )
