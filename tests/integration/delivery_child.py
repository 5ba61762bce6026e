"""A process that delivers, made to be killed: ``python -m tests.integration.delivery_child URL EDITION SINK RULE LATER``.

Every message that "the server took" is one line in the file SINK, written by the kernel before the process can learn of
it. ``LATER`` moves its clock on by so many seconds, so that the lease of the process before it has run out.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from newsletter.backends.base import Message
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.editions.models import Variant
from tests.integration.delivery_world import FakeBackend, World

LANES = 4


class LaterClock(SystemClock):
    def __init__(self, seconds: float) -> None:
        self._span = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self._span


def main(url: str, edition: str, sink: str, in_doubt: str, later: str) -> None:
    database = Database(url)
    clock = LaterClock(float(later))
    file = os.open(Path(sink), os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def take(message: Message) -> None:
        # At once: whatever was not on disk when the message was let go shows after a kill.
        os.write(file, b"%d\n" % message.subscriber)
        await asyncio.sleep(0.001)

    with database.read_connection() as connection:
        variants = list(connection.execute(select(Variant.id).where(Variant.edition_id == int(edition))).scalars())
    world = World(database, clock, int(edition), variants)
    delivered = world.run(
        FakeBackend(lanes=LANES, before=take), in_doubt=in_doubt, deadline=clock.now() + timedelta(hours=6)
    )
    sys.exit(0 if delivered.done else 3)


if __name__ == "__main__":
    main(*sys.argv[1:])
