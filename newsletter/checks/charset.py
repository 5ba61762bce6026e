"""The mail is UTF-8 and says so, and no word of it has been through another encoding on its way here."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.checks.words import around, line

# UTF-8 that somebody read as Windows-1252: cafÃ©, donâ€™t. Portuguese capitals (“AMANHÔ) are none.
_BYTES = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_GARBLED = re.compile(f"(?<![A-ZÀ-Þ])Ã[{_BYTES}]|â€[{_BYTES}]|Â[\xa0-\xbf]|ï»¿")
_SIGNS = "Ã", "â€", "Â", "ï»¿"


@check("charset")
def charset(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        page = variant.page
        if wrong := next((one for one in page.charsets if one not in ("utf-8", "utf8")), None):
            message, severity = f"it says that it is {wrong!r}: Gmail clips such a mail at any size", Severity.BLOCK
        elif not page.charsets:
            message, severity = "it does not say how it is encoded", Severity.WARN
        else:
            message = ""
        if message:
            mend = 'take the meta element out of the template: MJML writes one with "utf-8" by itself'
            yield Finding("charset", severity, "HTML part, head", message, mend, (segment,))
        seen: set[str] = set()
        for where, words in variant.passages:
            if not any(sign in words for sign in _SIGNS):
                continue
            for match in _GARBLED.finditer(words):
                if match[0] not in seen:
                    seen.add(match[0])
                    yield Finding(
                        "charset",
                        Severity.WARN,
                        where,
                        f"“{around(words, *match.span())}” looks as if it had been read in another encoding",
                        "correct the story, or import it again as UTF-8",
                        (segment,),
                        line(variant.rendered, where, match[0]),
                    )
