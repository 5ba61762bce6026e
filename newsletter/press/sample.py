"""The sample site that comes with the program: package data of a wheel, the root of a checkout."""

from __future__ import annotations

from pathlib import Path

from newsletter.errors import Refused

PARTS = ("config.yaml", "templates", "subscribers", "stories")
_PACKAGE = Path(__file__).resolve().parent.parent


def sample_folder() -> Path:
    """Where it lies. Raises `Refused`."""
    for place in (_PACKAGE / "sample", _PACKAGE.parent):
        if all((place / part).exists() for part in PARTS):
            return place
    raise Refused("the sample site did not come with this installation: install newsletter again")
