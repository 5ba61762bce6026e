"""The real servers and tools that tests can use, and what says that one is there.

Each is looked for where `.ci/run` puts it. On a machine without it the tests that need it skip with one line; with
NEWSLETTER_REQUIRE_SERVERS=1 (as in CI) such a skip is a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

JUDGES = Path(__file__).parent / "judges" / "node_modules"
CC = shutil.which("cc")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
POSTGRES_URL = os.environ.get("NEWSLETTER_TEST_POSTGRES", "")
"""``postgresql+psycopg://…`` of a database server where tests may create and drop databases."""
POSTFIX = os.environ.get("NEWSLETTER_TEST_POSTFIX", "")
"""``host:port:maildir`` of a Postfix that takes mail for any address and delivers all of it to that one Maildir; whose
a message is stands in its Delivered-To."""
EXIM = os.environ.get("NEWSLETTER_TEST_EXIM", "")
"""The same of an Exim."""
OPENSMTPD = os.environ.get("NEWSLETTER_TEST_OPENSMTPD", "")
"""The same of an OpenSMTPD."""
HARAKA = os.environ.get("NEWSLETTER_TEST_HARAKA", "")
"""The same of a Haraka."""
SMTP_SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
"""Postfix's sink, which can be told to fail at any command."""


def _perl_mime() -> bool:
    return bool(shutil.which("perl")) and Path("/usr/share/perl5/Email/MIME.pm").exists()


AVAILABLE: dict[str, Callable[[], bool]] = {
    "cc": lambda: CC is not None,
    "chromium": lambda: CHROMIUM is not None,
    "node judges": lambda: bool(shutil.which("node")) and JUDGES.is_dir(),
    "exim": lambda: bool(EXIM),
    "opensmtpd": lambda: bool(OPENSMTPD),
    "haraka": lambda: bool(HARAKA),
    "java": lambda: shutil.which("java") is not None,
    "perl Email::MIME": _perl_mime,
    "perl Mail::DKIM": lambda: bool(shutil.which("perl")) and Path("/usr/share/perl5/Mail/DKIM.pm").exists(),
    "postgresql": lambda: bool(POSTGRES_URL),
    "postfix": lambda: bool(POSTFIX),
    "smtp-sink": lambda: SMTP_SINK is not None,
    "spamassassin": lambda: shutil.which("spamassassin") is not None,
}

REQUIRED = os.environ.get("NEWSLETTER_REQUIRE_SERVERS") == "1"


def missing(*names: str) -> str:
    """One line that names what of ``names`` is not there, empty when all is."""
    gone = [name for name in names if not AVAILABLE[name]()]
    return f"not on this machine: {', '.join(gone)} (.ci/run installs and starts it)" if gone else ""
