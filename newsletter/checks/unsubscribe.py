"""Everyone can leave: by the HTML, by the text, and by the button that mail programs make of the headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from newsletter.checks.registry import CheckedVariant, CheckInput, Finding, Severity, check
from newsletter.rendering.slots import url_word

_LIST = re.compile(rb"^List-Unsubscribe: <https://", re.MULTILINE)
_ONE_CLICK = re.compile(rb"^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r?$", re.MULTILINE)
_PARTS = "put {{ slot_url('unsubscribe_url') }} into the template"
_HEADERS = "set base_url to an https address: RFC 8058 wants List-Unsubscribe and List-Unsubscribe-Post"


@check("unsubscribe", final="the law and the large mailbox providers want it in every mail")
def unsubscribe(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        for part in _without(variant):
            yield Finding("unsubscribe", Severity.BLOCK, part, "it has no link for leaving", _PARTS, (segment,))
    for segment, built in subject.messages.items():
        if built.size and not (_LIST.search(built.headers) and _ONE_CLICK.search(built.headers)):
            yield Finding(
                "unsubscribe", Severity.BLOCK, "headers", "they have no link for one click", _HEADERS, (segment,)
            )


def _without(variant: CheckedVariant) -> Iterator[str]:
    rendered = variant.rendered
    words = {
        url_word(rendered.nonce, index) for index, slot in enumerate(rendered.slots) if slot.name == "unsubscribe_url"
    }
    if not any(link.href in words for link in variant.page.links):
        yield "HTML part"
    if not words & set(rendered.text.split()):
        yield "text part"
