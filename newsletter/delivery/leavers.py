"""Who leaves while their batch is in hand: they get nothing any more, however slowly the rest of it goes out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import SQLAlchemyError

from newsletter.audience.models import Subscriber
from newsletter.database import Database
from newsletter.delivery.claims import Claim
from newsletter.delivery.counter import Held
from newsletter.delivery.models import delivery

_log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks. A look at a batch of a thousand costs a millisecond or two, beside the loop."""


class Leavers:
    """Looks after the batches in hand."""

    def __init__(self, database: Database, suppressed: ColumnElement[bool]) -> None:
        """``suppressed`` is the condition on `Subscriber` that the claim of a batch looks at."""
        self._database, self._suppressed = database, suppressed

    async def watch(self, in_hand: Callable[[], Iterable[Held]]) -> None:
        """Tells each batch in hand who has left since it was claimed, again and again until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            for held in [*in_hand()]:
                try:
                    held.gone = await asyncio.to_thread(self.of, held.claim)
                except SQLAlchemyError as error:  # the next look may find the database back
                    _log.warning("leavers not read", extra={"action": "leave", "error": type(error).__name__})

    def of(self, claim: Claim) -> frozenset[int]:
        """The subscribers of a batch who get nothing now, or were erased."""
        wanted = (
            select(delivery.c.subscriber_id)
            .select_from(delivery.outerjoin(Subscriber, Subscriber.id == delivery.c.subscriber_id))
            .where(
                delivery.c.edition_id == claim.edition_id,
                delivery.c.subscriber_id.between(claim.lo, claim.hi),
                or_(Subscriber.id.is_(None), self._suppressed),
            )
        )
        with self._database.read_connection() as connection:
            return frozenset(connection.scalars(wanted))
