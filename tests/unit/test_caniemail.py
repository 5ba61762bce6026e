"""How the data of Can I email are brought up to date. No registry is asked here."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from newsletter.checks.clients.data import FILE
from tools import caniemail

WHOLE: dict[str, Any] = {
    "last_update_date": "2026-05-13 14:45:41 +0000",
    "data": [
        {
            "slug": "image-webp",
            "title": "WebP image format",
            "stats": {
                "outlook": {"windows": {"2007": "n", "2019": "n"}},
                "gmail": {"ios": {"2019": "n", "2024": "a #3 #1"}},
            },
            "notes_by_num": {
                "1": "Partial: Converts file to jpg.",
                "2": "Nobody has it.",
                "3": "Partial. No animation.",
            },
        },
        {"slug": "css-gap", "title": "gap", "stats": {"gmail": {"ios": {"2024": "y #1"}}}, "notes_by_num": None},
    ],
}


def test_of_each_program_the_newest_verdict_is_kept_with_the_notes_of_what_is_partial() -> None:
    assert caniemail.reduced(WHOLE, "2.0.2") == {
        "package": "caniemail 2.0.2",
        "date": "2026-05-13",
        "clients": ["gmail/ios", "outlook/windows"],
        "features": {
            "css-gap": {"title": "gap", "support": "y u"},
            "image-webp": {
                "title": "WebP image format",
                "support": "a3,1 n",
                "notes": {"1": "Partial: Converts file to jpg.", "3": "Partial. No animation."},
            },
        },
    }


def test_what_is_written_is_what_is_read() -> None:
    data = json.loads(FILE.read_text(encoding="utf-8"))
    assert caniemail.written(data) == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "whole", [{}, {"data": [{}], "last_update_date": "2026"}, {"data": 7, "last_update_date": "2026"}]
)
def test_data_of_another_form_are_refused_in_a_line(whole: dict[str, Any]) -> None:
    with pytest.raises(caniemail.Refused, match="have another form"):
        caniemail.reduced(whole, "3")


def packed(folder: Path, **files: bytes) -> None:
    with tarfile.open(folder / "caniemail-2.tgz", "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch) -> None:
    """An npm that has fetched ``caniemail-2.tgz``."""
    monkeypatch.setattr(caniemail, "npm", lambda *arguments, folder: "caniemail-2.tgz")


@pytest.mark.usefixtures("npm")
def test_the_package_is_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed(tmp_path, **{"data/caniemail.json": b"{}", "LICENSE.md": b"MIT"})
    assert caniemail.fetched("2", tmp_path) == ({}, "MIT")
    monkeypatch.setattr(caniemail, "_MOST", 1)
    with pytest.raises(caniemail.Refused, match="more than 1 bytes"):
        caniemail.fetched("2", tmp_path)
    monkeypatch.setattr(caniemail, "_MOST_PACKED", 10)
    with pytest.raises(caniemail.Refused, match="more than 10"):
        caniemail.fetched("2", tmp_path)


@pytest.mark.usefixtures("npm")
def test_a_package_without_data_is_refused(tmp_path: Path) -> None:
    packed(tmp_path, LICENSE=b"MIT")
    with pytest.raises(caniemail.Refused, match="has no package/data"):
        caniemail.fetched("2", tmp_path)


@pytest.mark.parametrize(
    ("mishap", "words"),
    [
        (FileNotFoundError(), "there is no npm"),
        (subprocess.TimeoutExpired("npm", 1), "did not answer"),
        (subprocess.CompletedProcess("npm", 1, b"", b"npm error code ECONNREFUSED\n"), "ECONNREFUSED.*online"),
    ],
)
def test_without_a_network_one_line_says_so(monkeypatch: pytest.MonkeyPatch, mishap: Any, words: str) -> None:
    def run(*arguments: Any, **options: Any) -> Any:
        if isinstance(mishap, Exception):
            raise mishap
        return mishap

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(caniemail.Refused, match=words):
        caniemail.npm("view", "caniemail")
