"""Readers who leave with one click, many at the same time: who comes while a commit is on its way shares the next."""

from __future__ import annotations

import asyncio

from newsletter.audience.consent import Said
from newsletter.press import choices
from newsletter.press.site import Site

SAID = Said("List-Unsubscribe=One-Click", "one-click")
"""What a mail program sends for a reader (RFC 8058 section 3.2)."""

_MOST = 200
"""Readers of one commit: a send that goes on beside it waits for the database as long."""


class OneClick:
    """Takes readers of a site out. For one loop at a time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._waiting: list[tuple[int, str, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def leave(self, number: int, briefing: str) -> None:
        """As `choices.leave`; when it returns, it is on disk. Raises what the database raises."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, briefing, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            pairs = [(number, briefing) for number, briefing, _ in group]
            failed: Exception | None = None
            try:
                await asyncio.to_thread(choices.leave_all, self._site, pairs, SAID)
            except Exception as error:
                failed = error
            for _, _, done in group:
                if done.done():  # whoever asked is gone, and out of the briefing all the same
                    continue
                if failed is None:
                    done.set_result(None)
                else:
                    done.set_exception(failed)
