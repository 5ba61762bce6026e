"""Control characters: a single C1 makes Gmail clip a mail of any size, a bidi override turns words around."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff\ufffe\uffff]")
"""C0 but for tab and line breaks, C1, the two bidi overrides, and what is no character at all."""
_LOST = "\ufffd"


@check("control-characters")
def control_characters(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        seen: set[str] = set()
        # The page's words have been through a parser, which drops some: the source is what readers get.
        places = [*variant.passages, ("HTML part", variant.rendered.html)]
        for where, words in places:
            for char in dict.fromkeys(CONTROL.findall(words)):
                if char not in seen:
                    seen.add(char)
                    yield _finding(Severity.BLOCK, where, f"U+{ord(char):04X} is a control character", segment)
            if _LOST in words and _LOST not in seen:
                seen.add(_LOST)
                name = unicodedata.name(_LOST).lower()
                yield _finding(Severity.WARN, where, f"U+FFFD ({name}): a character was lost on the way in", segment)


def _finding(severity: Severity, where: str, message: str, segment: str) -> Finding:
    return Finding("control-characters", severity, where, message, "correct the story, or import it again", (segment,))
