"""Outlook for Windows shows a picture without a width attribute in its natural size, however large."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("image-width")
def image_width(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        for picture in variant.page.pictures:
            if not (picture.width or "").strip().isdecimal():
                yield Finding(
                    "image-width",
                    Severity.WARN,
                    f"picture {picture.src[:120]}",
                    f"its width is {picture.width!r}" if picture.width else "it has no width",
                    "give it a width in whole pixels in the template",
                    (segment,),
                    picture.line,
                )
