"""A picture that is far larger than its place costs readers on the road minutes, and often never comes."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check

LARGEST = 6_000_000
"""Pixels of a file (3,000 by 2,000): about five times what a picture of full width needs on the sharpest screen."""


@check("image-weight")
def image_weight(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        for story in variant.view.stories:
            image = story.image
            if image and image.width * image.height > LARGEST:
                yield Finding(
                    "image-weight",
                    Severity.WARN,
                    f"story {story.key}, image",
                    f"its file has {image.width:,} × {image.height:,} pixels, and a mail shows 1,200 at most",
                    "give the story a smaller copy; `newsletter edition links` says how many bytes each picture has",
                    (segment,),
                )
