"""A Maildir that holds each message once, and is on disk when it says so.

A file's name is a function of the message's Message-ID and recipient. A message that is sent again after a crash so
replaces itself. A batch of messages costs one fsync a file and one for the folder.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from newsletter.backends.base import Message

_HEADER = re.compile(rb"^message-id:[ \t\r\n]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_UNSAFE = re.compile(r"[^A-Za-z0-9@._+-]")
_HEADERS_AT_MOST = 65536
_READABLE_AT_MOST = 80


def file_name(message: Message) -> str:
    """The file of a message: the recipient, so that a person finds it, and a digest of Message-ID and recipient (of the
    whole message where it has no Message-ID)."""
    head = message.data[:_HEADERS_AT_MOST].partition(b"\r\n\r\n")[0]
    found = _HEADER.search(head)
    identity = found[1].strip() if found else message.data
    digest = hashlib.sha256(message.recipient.encode() + b"\0" + identity).hexdigest()[:24]
    readable = _UNSAFE.sub("_", message.recipient)[:_READABLE_AT_MOST].lstrip(".")
    return f"{readable}.{digest}.eml"


class Maildir:
    """A folder with ``tmp``, ``new`` and ``cur``, made when the first message comes. Calls block on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[str, str] | None = None

    def look_again(self) -> None:
        """Forgets what is in ``cur``: a mail program may have moved messages there since."""
        self._read = None

    def write(self, messages: Sequence[Message]) -> list[OSError | None]:
        """Stores a batch. Returns one entry a message: None when it is on disk, or why it is not."""
        try:
            for folder in ("tmp", "new", "cur"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
            if self._read is None:
                self._read = {file.name.partition(":")[0]: file.name for file in (self.path / "cur").iterdir()}
        except OSError as error:
            return [error] * len(messages)
        results: list[OSError | None] = []
        touched: set[str] = set()
        for message in messages:
            try:
                touched.add(self._store(message, self._read))
                results.append(None)
            except OSError as error:
                results.append(error)
        for folder in touched:
            try:
                _sync_folder(self.path / folder)
            except OSError as error:
                # Which renames are on disk is not known now: none counts.
                return [result or error for result in results]
        return results

    def _store(self, message: Message, read: dict[str, str]) -> str:
        name = file_name(message)
        temporary = self.path / "tmp" / name
        try:
            with temporary.open("wb") as file:
                file.write(message.data)
                file.flush()
                os.fsync(file.fileno())
            folder = "cur" if name in read else "new"
            temporary.replace(self.path / folder / read.get(name, name))
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        return folder


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
