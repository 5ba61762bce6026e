"""The command line for tests: as a process of its own, or, where many are wanted, in this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

from newsletter.cli.app import main

ROOT = Path(__file__).resolve().parents[2]


def newsletter(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs ``newsletter`` in a folder, as a process."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER")}
    command = [sys.executable, "-m", "newsletter", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120
    )


def run(*arguments: str) -> int:
    """Runs ``newsletter`` in this process; returns the exit status."""
    try:
        return main(list(arguments))
    except SystemExit as ended:
        return int(ended.code or 0)


def here(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs ``newsletter`` for a site in this process: what a process would have said and ended with."""
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        status = run("--config", str(site / "config.yaml"), *arguments)
    return subprocess.CompletedProcess(arguments, status, said.getvalue(), complained.getvalue())


def laid_out(folder: Path) -> Path:
    """The sample site in a new folder, with its schema, its stories and its readers."""
    assert run("init", str(folder)) == 0
    for arguments in (
        ("db", "upgrade"),
        ("stories", "import", str(folder / "stories")),
        ("subscribers", "import", str(folder / "subscribers" / "sample.csv"), "--consent", "Yes."),
    ):
        assert run("--config", str(folder / "config.yaml"), *arguments) == 0
    return folder
