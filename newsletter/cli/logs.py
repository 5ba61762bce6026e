"""What a command that runs for long says of its work: one line an event on standard error, as words and key=value."""

from __future__ import annotations

import json
import logging
import time

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class KeyValue(logging.Formatter):
    """``2026-11-23T05:00:00Z INFO assembled action=assemble edition=morning/2026-11-23 state=ready``"""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library names it)
        extra = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        return " ".join([super().formatMessage(record), *(f"{name}={_word(value)}" for name, value in extra.items())])


def _word(value: object) -> str:
    """A value in one word; in quotes, as JSON has it, where it is none."""
    words = str(value)
    plain = words and words.isprintable() and not set(words) & set(" \"'=")
    return words if plain else json.dumps(words, ensure_ascii=False)


def log_to_stderr() -> None:
    """Shows what the press does from now on, and of the libraries what is a warning."""
    handler = logging.StreamHandler()
    handler.setFormatter(KeyValue())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("newsletter").setLevel(logging.INFO)
