"""Checks of an edition, one a file. Importing this package registers them all.

They stand in the order in which readers meet things: the inbox row, the stories, the page, the technique.
"""

from __future__ import annotations

from importlib import import_module

from newsletter.checks.registry import (
    CHECKS,
    CheckedVariant,
    CheckInput,
    Finding,
    Severity,
    StoryFact,
    blocks,
    check,
    run,
)

for _name in (
    "subject",
    "preheader",
    "weekday",
    "story_status",
    "same_story",
    "decisions",
    "tripwires",
    "template_syntax",
    "control_characters",
    "links",
    "link_text",
    "alt",
    "image_width",
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
):
    import_module(f"{__name__}.{_name}")

__all__ = ["CHECKS", "CheckInput", "CheckedVariant", "Finding", "Severity", "StoryFact", "blocks", "check", "run"]
