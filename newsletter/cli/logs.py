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
        fields = (f"{name}={_word(value)}" for name, value in _fields(record).items())
        return " ".join([super().formatMessage(record), *fields])


def _word(value: object) -> str:
    """A value in one word; in quotes, as JSON has it, where it is none."""
    words = str(value)
    plain = words and words.isprintable() and not set(words) & set(" \"'=")
    return words if plain else json.dumps(words, ensure_ascii=False)


class Repeats(logging.Filter):
    """Is silent for ``seconds`` about an event that was said in the very same words: the clock finds the same trouble
    every few seconds."""

    _MOST = 1000

    def __init__(self, seconds: float = 600) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[tuple[object, ...], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        event = record.levelno, record.getMessage(), *(f"{name}={value}" for name, value in _fields(record).items())
        if record.created - self._said.get(event, -self._seconds) < self._seconds:
            return False
        if len(self._said) >= self._MOST:
            self._said.clear()
        self._said[event] = record.created
        return True


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}


def log_to_stderr() -> None:
    """Shows what the press does from now on, and of the libraries what is a warning."""
    handler = logging.StreamHandler()
    handler.setFormatter(KeyValue())
    handler.addFilter(Repeats())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("newsletter").setLevel(logging.INFO)
