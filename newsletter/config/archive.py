"""What of a briefing everybody may read on the web."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from newsletter.config.kinds import Key

Shown = Literal["none", "first", "all"]


class ArchiveBlock(BaseModel):
    """How a briefing's past editions are shown. A word alone is its ``show``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    show: Shown = "none"
    """Nothing; the first story of each edition; or the whole of it."""
    segment: Key | None = None
    """Whose variant is shown; that of the briefing's last segment unless given."""


def _bare(value: object) -> object:
    return {"show": value} if isinstance(value, str) else value


ArchiveSettings = Annotated[ArchiveBlock, BeforeValidator(_bare)]
