"""A link says where it leads: one without words is read out letter by letter, and “here” says nothing in a list."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.page import Link
from newsletter.checks.registry import CheckInput, Finding, Severity, check

_SAYS_NOTHING = frozenset(
    (
        "here", "click here", "click", "tap here", "this", "this link", "link", "more", "read more", "learn more",
        "see more", "find out more", "hier", "hier klicken", "klicken sie hier", "mehr", "mehr lesen", "weiterlesen",
        "ici", "cliquez ici", "en savoir plus", "lire la suite", "lire plus", "aquí", "haz clic aquí", "leer más",
        "más", "qui", "clicca qui", "leggi di più", "aqui", "clique aqui", "leia mais", "lees meer", "klik hier",
        "klikk her", "klicka här", "läs mer", "les mer", "læs mere", "klik her", "tutaj", "kliknij tutaj", "więcej",
        "هنا", "اضغط هنا", "اقرأ المزيد",
    )
)  # fmt: skip
_ENDS = " .…:!>»›→"


@check("link-text")
def link_text(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        for link in variant.page.links:
            message, mend = _wrong(link)
            if message:
                where = f"link to {link.href[:120]}"
                yield Finding("link-text", Severity.WARN, where, message, mend, (segment,), link.line)


def _wrong(link: Link) -> tuple[str, str]:
    """What is wrong with a link's words and how to mend it; nothing where they are good."""
    if not link.text:
        if None in link.alts:
            return "", ""  # a picture without an alt is another check's
        if link.alts:
            return "its picture has no alt text", "say in the picture's alt where the link leads"
        return "it has no words", "write its words, or take it out"
    if link.text.casefold().strip(_ENDS) in _SAYS_NOTHING:
        return f"“{link.text}” does not say where it leads", "name what stands there: “the council's vote”"
    if re.fullmatch(r"https?://\S+", link.text):
        return "its words are an address", "write words in its place"
    return "", ""
