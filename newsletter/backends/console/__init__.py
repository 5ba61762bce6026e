"""Prints messages instead of sending them: one line each, and the text part as a reader would see it."""

from __future__ import annotations

import email
import email.policy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from newsletter.backends.base import Backend, Counter, Message, Outcome, Result, Stopped
from newsletter.backends.options import Options, read
from newsletter.backends.rehearsal import rehearsed
from newsletter.text import clean, one_line, without_bidi_controls

__all__ = ["ConsoleBackend"]


class ConsoleOptions(Options):
    """``limit`` messages are printed whole; of those after them only their number."""

    limit: Annotated[int, Field(ge=0, le=100_000)] = 20


class ConsoleBackend(Backend):
    """Writes to standard output. Fails on purpose by address."""

    live = False

    def __init__(self, name: str, options: Mapping[str, Any], root: Path = Path()) -> None:
        super().__init__(name, options, root)
        self._limit = read(ConsoleOptions, name, options).limit

    async def deliver(self, counter: Counter) -> None:
        count = 0
        while (message := await counter.take(0)) is not None:
            try:
                await counter.intend(0, message)
            except Stopped:
                break
            outcome = rehearsed(message) or Outcome(Result.ACCEPTED, 250, "2.0.0", "printed")
            count += 1
            if count <= self._limit:
                self._print(_shown(message, outcome))
            elif count == self._limit + 1:
                self._print(f"── {self.name}: {self._limit} messages shown, those after them are only counted\n")
            counter.settle(0, message, outcome)
        if count > self._limit:
            self._print(f"── {self.name}: {count} messages in all, {count - self._limit} of them not shown\n")

    def _print(self, words: str) -> None:
        sys.stdout.write(words)
        sys.stdout.flush()


def _shown(message: Message, outcome: Outcome) -> str:
    mail = email.message_from_bytes(message.data, policy=email.policy.default)
    subject = one_line(str(mail.get("Subject", "")))
    part = mail.get_body(("plain",))
    text = without_bidi_controls(clean(str(part.get_content()))) if part is not None else "(no text part)\n"
    size = len(message.data)
    return f"── {message.recipient} · {subject} · {size:,} bytes · {outcome.result}\n\n{text.rstrip()}\n\n"
