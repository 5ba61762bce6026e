"""Checks of an edition, one a file. Importing this package registers them all.

They stand in the order in which readers meet things: the inbox row, the stories, the page, the technique.
"""

from __future__ import annotations

from importlib import import_module

from newsletter.checks.registry import (
    CHECKS,
    FINAL,
    Audience,
    CheckedVariant,
    CheckInput,
    Finding,
    LastEdition,
    Overridden,
    Severity,
    StoryFact,
    blocks,
    check,
    run,
    why_final,
)

for _name in (
    "subject",
    "preheader",
    "weekday",
    "story_status",
    "story_fence",
    "lead_age",
    "repeated_stories",
    "same_story",
    "decisions",
    "tripwires",
    "template_syntax",
    "slots",
    "control_characters",
    "charset",
    "links",
    "link_text",
    "alt",
    "image_width",
    "image_weight",
    "headings",
    "title",
    "language",
    "contrast",
    "accessibility",
    "unsubscribe",
    "postal_address",
    "text_part",
    "size",
    "style_size",
    "doctype",
    "support",
    "headers",
    "audience_fence",
    "empty_segment",
):
    import_module(f"{__name__}.{_name}")

__all__ = [
    "CHECKS",
    "FINAL",
    "Audience",
    "CheckInput",
    "CheckedVariant",
    "Finding",
    "LastEdition",
    "Overridden",
    "Severity",
    "StoryFact",
    "blocks",
    "check",
    "run",
    "why_final",
]
