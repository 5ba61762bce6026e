"""Every picture says what it shows, or says by an empty alt that it shows nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check

_FILE = re.compile(r"\S+\.(?:jpe?g|png|gif|webp|avif|svg)|(?:IMG|DSC|image)[_-]?\d+", re.IGNORECASE)


@check("alt")
def alt(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        for picture in variant.page.pictures:
            where = f"picture {picture.src[:120]}"
            if picture.alt is None:
                yield Finding("alt", Severity.BLOCK, where, "it has no alt", _MEND, (segment,), picture.line)
            elif _FILE.fullmatch(picture.alt.strip()):
                yield Finding(
                    "alt",
                    Severity.WARN,
                    where,
                    f"its alt {picture.alt.strip()!r} is the name of a file",
                    _MEND,
                    (segment,),
                    picture.line,
                )


_MEND = "say in the story what the picture shows, or mark it as decorative"
