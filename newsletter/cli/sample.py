"""The sample site: package data of a wheel, the root of a checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

from newsletter.errors import Refused

_PARTS = ("config.yaml", "templates", "subscribers", "stories")
_PACKAGE = Path(__file__).resolve().parent.parent


def lay_out(folder: Path) -> None:
    """Copies the sample into a folder that is new or empty. Raises `Refused`."""
    source = next(
        (place for place in (_PACKAGE / "sample", _PACKAGE.parent) if all((place / part).exists() for part in _PARTS)),
        None,
    )
    if source is None:
        raise Refused("the sample site did not come with this installation: install newsletter again")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Refused(f"{folder} is not empty: name a new folder")
        for part in _PARTS:
            if (source / part).is_dir():
                shutil.copytree(source / part, folder / part)
            else:
                shutil.copyfile(source / part, folder / part)
    except OSError as error:
        raise Refused(f"{folder} cannot be written: {error.strerror or error}") from None
