"""Cells that a spreadsheet would run as a formula: fenced on the way out, and free again on the way in."""

from __future__ import annotations

import json

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """A value as it goes into a CSV: what a spreadsheet would run has an apostrophe in front."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if value.lstrip("'")[:1] in _FORMULA else value


def plain(words: str) -> str:
    """What `cell` was given."""
    return words[1:] if words[:1] == "'" and words.lstrip("'")[:1] in _FORMULA else words
