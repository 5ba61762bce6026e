"""The backend that speaks SMTP to a relay."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newsletter.backends.base import Backend, Counter
from newsletter.backends.options import read
from newsletter.backends.smtp.client import Unavailable
from newsletter.backends.smtp.lane import Lane
from newsletter.backends.smtp.options import SmtpOptions
from newsletter.backends.smtp.pool import Pool


class SmtpBackend(Backend):
    """Sends over up to ``connections`` connections at once, one recipient a message. Its options: `SmtpOptions`.

    When no connection can be made, one message finds out and the others are not taken. For one event loop at a time.
    """

    def __init__(self, name: str, options: Mapping[str, Any], root: Path = Path()) -> None:
        super().__init__(name, options, root)
        settings = read(SmtpOptions, name, options)
        files = {
            name: root / path for name in ("ca_file", "token_file") if (path := getattr(settings, name)) is not None
        }
        settings = settings.model_copy(update=files)
        self._lanes = settings.connections
        self._pool = Pool(settings)

    async def deliver(self, counter: Counter) -> None:
        async with asyncio.TaskGroup() as lanes:
            first = Lane(0, counter, self._pool)
            lanes.create_task(first.work())
            if await first.reachable:
                for number in range(1, self._lanes):
                    lanes.create_task(Lane(number, counter, self._pool).work())

    async def check(self) -> list[str]:
        try:
            await self._pool.try_out()
        except Unavailable as error:
            return [f"{self.name}: {error}"]
        return []

    async def close(self) -> None:
        await self._pool.close()
