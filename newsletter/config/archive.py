"""What of a briefing everybody may read on the web."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from newsletter.config.base import Model
from newsletter.config.kinds import Key

Shown = Literal["none", "first", "all"]


class ArchiveBlock(Model):
    """How a briefing's past editions are shown. A word alone is its ``show``."""

    show: Shown = "none"
    """Nothing; the first story of each edition; or the whole of it."""
    segment: Key | None = None
    """Whose variant is shown; that of the briefing's last segment unless given."""


def _bare(value: object) -> object:
    return {"show": value} if isinstance(value, str) else value


ArchiveSettings = Annotated[ArchiveBlock, BeforeValidator(_bare)]
