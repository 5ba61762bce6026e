"""The backend that writes a Maildir. The default: it captures everything and reaches nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newsletter.backends.base import Backend, Counter, Message, Outcome, Result, Stopped
from newsletter.backends.options import Options, read
from newsletter.backends.outbox.maildir import Maildir
from newsletter.backends.rehearsal import rehearsed

_LANES = 32
"""How many messages at most share one trip to the disk."""


class OutboxOptions(Options):
    """``path`` is the Maildir, counted from the site's folder."""

    path: Path = Path("outbox")


class OutboxBackend(Backend):
    """Writes one ``.eml`` for each message into ``new/`` of its Maildir; accepted means on disk. Fails on purpose by
    address."""

    live = False

    def __init__(self, name: str, options: Mapping[str, Any], root: Path = Path()) -> None:
        super().__init__(name, options, root)
        self.path = root / read(OutboxOptions, name, options).path
        self._maildir = Maildir(self.path)
        self._waiting: list[tuple[Message, asyncio.Future[OSError | None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def deliver(self, counter: Counter) -> None:
        self._maildir.look_again()
        async with asyncio.TaskGroup() as lanes:
            for lane in range(_LANES):
                lanes.create_task(self._lane(counter, lane))

    async def check(self) -> list[str]:
        return await asyncio.to_thread(self._problems)

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer

    async def _lane(self, counter: Counter, lane: int) -> None:
        while (message := await counter.take(lane)) is not None:
            try:
                await counter.intend(lane, message)
            except Stopped:
                return
            outcome = rehearsed(message) or Outcome(Result.ACCEPTED, 250, "2.0.0", "on disk")
            if outcome.result in (Result.ACCEPTED, Result.IN_DOUBT):
                try:
                    error = await self._store(message)
                except asyncio.CancelledError:
                    counter.settle(lane, message, Outcome(Result.IN_DOUBT, reply="stopped while it was being written"))
                    raise
                if error is not None:
                    words = f"cannot write to {self.path}: {error.strerror or error}"
                    counter.settle(lane, message, Outcome(Result.DEFERRED, reply=words, backend_fault=True))
                    return
            counter.settle(lane, message, outcome)

    async def _store(self, message: Message) -> OSError | None:
        done: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        # Whatever queued while the last batch went to disk is the next batch: no timer, and nothing waits for one.
        while self._waiting:
            batch, self._waiting = self._waiting, []
            errors = await asyncio.to_thread(self._maildir.write, [message for message, _ in batch])
            for (_, done), error in zip(batch, errors, strict=True):
                if not done.done():  # a lane that was cancelled does not wait any more
                    done.set_result(error)

    def _problems(self) -> list[str]:
        folder = self.path
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            return [f"{self.name}: {folder} is no folder: give path another one"]
        if not os.access(folder, os.W_OK | os.X_OK):
            return [f"{self.name}: {folder} cannot be written to: give path another folder, or change its owner"]
        return []
