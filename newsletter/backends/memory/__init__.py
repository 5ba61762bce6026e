"""Keeps messages in a list: for tests, and for a look at what would go out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newsletter.backends.base import Backend, Counter, Message, Outcome, Result, Stopped
from newsletter.backends.options import Options, read
from newsletter.backends.rehearsal import rehearsed

__all__ = ["MemoryBackend"]


class MemoryBackend(Backend):
    """Has every message that it took in ``messages``, in their order. Fails on purpose by address."""

    live = False

    def __init__(self, name: str, options: Mapping[str, Any], root: Path = Path()) -> None:
        super().__init__(name, options, root)
        read(Options, name, options)
        self.messages: list[Message] = []

    async def deliver(self, counter: Counter) -> None:
        while (message := await counter.take(0)) is not None:
            try:
                await counter.intend(0, message)
            except Stopped:
                return
            outcome = rehearsed(message) or Outcome(Result.ACCEPTED, 250, "2.0.0", "kept in memory")
            if outcome.result in (Result.ACCEPTED, Result.IN_DOUBT):
                self.messages.append(message)
            counter.settle(0, message, outcome)
