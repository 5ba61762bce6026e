"""What a command does not need is not in its memory."""

from __future__ import annotations

import subprocess
import sys

UNNEEDED = (
    "premailer",
    "lxml",
    "nh3",
    "feedparser",
    "dns.resolver",
    "cryptography",
    "starlette",
    "uvicorn",
    "apscheduler",
)


def test_a_send_begins_without_what_renders_checks_imports_signs_or_serves() -> None:
    """Each is imported by the one function that needs it; together they take 30 MB."""
    asked = f"import sys, newsletter.cli; print([name for name in {UNNEEDED} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
