"""A server that takes every message and counts: `sink.c`, built with the C compiler there is; or else smtp-sink."""

from __future__ import annotations

import os
import shutil
import smtplib
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks.native import CC, Native, built

SMTP_SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class Count(NamedTuple):
    """What a sink took: messages, bytes of content without the final dots, connections."""

    messages: int
    bytes: int
    connections: int


class Sink:
    """A sink that runs while the block does, on loopback, pinned to ``core`` if given.

    ``record`` gets a line with the recipients of each accepted message before the 250. Without a C compiler it is
    Postfix's smtp-sink, which has no counts to read, no record and always CHUNKING; ``ours`` says which it is.
    """

    def __init__(
        self, *, chunking: bool = False, size_limit: int = 0, record: Path | None = None, core: int | None = None
    ) -> None:
        self.ours = CC is not None
        if self.ours:
            self._command = [str(built(Path(__file__).parent / "sink.c")), "-s", str(size_limit)]
            self._command += ["-c"] if chunking else []
            self._command += ["-r", str(record)] if record else []
        elif SMTP_SINK and record is None:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            self._command = [SMTP_SINK, f"127.0.0.1:{self.port}", "1024"]
            if os.geteuid() == 0:
                self._command[1:1] = ["-u", "nobody"]
        else:
            raise RuntimeError("there is neither a C compiler (cc) nor Postfix's smtp-sink on this machine")
        self._core = core

    def __enter__(self) -> Self:
        self._running = Native(self._command, self._core)
        if self.ours:
            self.port = self._running.listening()
        else:
            self._wait()
        return self

    def _wait(self) -> None:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("smtp-sink does not start")

    def count(self) -> Count | None:
        """What it has taken so far; None from smtp-sink. The connection that asks is in it."""
        if not self.ours:
            return None
        with smtplib.SMTP("127.0.0.1", self.port) as client:
            _, words = client.docmd("XCOUNT")
        return _counted(words.decode())

    def cpu_seconds(self) -> float:
        """Processor time it has used."""
        return self._running.cpu_seconds()

    def stop(self) -> Count | None:
        """Ends it with SIGTERM, and says what it took."""
        words = self._running.stop()
        return _counted(words) if self.ours and words else None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _counted(words: str) -> Count:
    # messages N bytes N connections N
    return Count(*(int(word) for word in words.split()[1::2]))
