"""The sample site, laid out."""

from __future__ import annotations

import shutil
from pathlib import Path

from newsletter.errors import Refused
from newsletter.press.sample import PARTS, sample_folder


def lay_out(folder: Path) -> None:
    """Copies the sample into a folder that is new or empty. Raises `Refused`."""
    source = sample_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Refused(f"{folder} is not empty: name a new folder")
        for part in PARTS:
            if (source / part).is_dir():
                shutil.copytree(source / part, folder / part)
            else:
                shutil.copyfile(source / part, folder / part)
    except OSError as error:
        raise Refused(f"{folder} cannot be written: {error.strerror or error}") from None
