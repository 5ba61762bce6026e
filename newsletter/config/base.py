"""What every part of ``config.yaml`` is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen, and without keys that are not written here."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
