"""Postfix's smtp-sink, which fails where it is told to."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests import servers


@contextmanager
def sink(*arguments: str) -> Iterator[int]:
    """Runs smtp-sink on a free port of this machine, and ends it by its process id."""
    assert servers.SMTP_SINK is not None
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    who = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [servers.SMTP_SINK, *who, *arguments, f"127.0.0.1:{port}", "100"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                probe.settimeout(0.1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
            if process.poll() is not None:
                raise AssertionError(process.stderr.read() if process.stderr else "smtp-sink ended")
        yield port
    finally:
        process.kill()
        process.communicate()
