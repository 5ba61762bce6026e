"""The Briefing's sample mail, byte for byte. After a change that is meant: ``python -m tests.golden``, and look at the difference."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests import mails

FOLDER = Path(__file__).parent / "briefing"
FILES: dict[Path, Callable[[], str]] = {
    FOLDER / "sample.html": partial(mails.html, "ordinary"),
    FOLDER / "sample.txt": partial(mails.text, "ordinary"),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_sample_mail_is_what_it_was(path: Path) -> None:
    assert FILES[path]().encode() == path.read_bytes(), "if this is meant: python -m tests.golden"
