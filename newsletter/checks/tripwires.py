"""Words that have gone out to thousands and should not have: notes to oneself, filler, and what a program says."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.checks.words import around, line

_NEVER = re.compile(
    r"\bTK(?:TK)+\b"
    r"|\bTK\b(?! [A-Z][a-z])"
    r"|\b[Ll]orem [Ii]psum\b|\bLOREM IPSUM\b|\bdolor sit amet\b"
    r"|\bX{3,}\b|\bTODO:|\bFIXME\b"
    r"|\bINSERT\b(?: [A-Z]+)+|\[INSERT\b|\binsert [\w ]{1,40} here\b"
    r"|\bHOLD FOR RELEASE\b|\bDO NOT (?:PUBLISH|USE|SEND|RUN)\b|\bNOT FOR (?:PUBLICATION|RELEASE)\b"
    r"|^PREP\b[.:]"
    r"|\[object Object\]|^(?:None|undefined|null|NaN)$|\bUndefined\("
    r"|^(?:Dear|Hello|Hi|Hey|Good (?:morning|day|evening))[, ]+(?:None|undefined|null|NaN)\b",
    re.MULTILINE,
)
_PERHAPS = re.compile(
    r"(?<=[a-z,:] )None(?=[.,;:!?]|$)"
    r"|\bTK\b(?= (?!Maxx\b|Elevator)[A-Z][a-z])"  # two companies
    r"|(?<=[Bb]y )(?:undefined|null)(?=[.,;:!?]|$)",
    re.MULTILINE,
)
_SIGNS = (
    "TK", "orem ", "OREM ", "dolor sit", "XXX", "TODO", "FIXME", "INSERT", "insert ", "HOLD", "DO NOT", "NOT FOR",
    "PREP", "[object", "None", "undefined", "Undefined", "null", "NaN",
)  # fmt: skip
"""One of these stands in whatever the patterns match. They are looked for first, since that is far quicker."""


@check("tripwires")
def tripwires(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        seen: set[str] = set()
        for where, words in variant.passages:
            if not any(sign in words for sign in _SIGNS):
                continue
            for pattern, severity, message in (
                (_NEVER, Severity.BLOCK, "is a note to oneself, filler, or a program's word"),
                (_PERHAPS, Severity.WARN, "may be a word that a program or a colleague left"),
            ):
                for match in pattern.finditer(words):
                    if match[0] not in seen:
                        seen.add(match[0])
                        yield Finding(
                            "tripwires",
                            severity,
                            where,
                            f"“{around(words, *match.span())}”: {match[0]!r} {message}",
                            "correct the story, or the words of this edition",
                            (segment,),
                            line(variant.rendered, where, match[0]),
                        )
