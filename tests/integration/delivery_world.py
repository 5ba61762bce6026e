"""What the delivery tests share: readers, an edition that is sending, and a backend that does as it is told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, insert, select, true, update

from newsletter.audience.models import Consent, Subscriber, Suppression
from newsletter.backends.base import Backend, Counter, Message, Outcome, Result, Stopped
from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.delivery.ledger import Recipient
from newsletter.delivery.models import Status, batch, delivery
from newsletter.delivery.plan import VariantRule, freeze
from newsletter.delivery.pump import Delivered, Pump, Rules
from newsletter.delivery.report import report
from newsletter.editions.models import Edition, Variant

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
DEADLINE = NOW + timedelta(hours=6)
OK = Outcome(Result.ACCEPTED, 250, reply="2.0.0 queued")

SUPPRESSED: ColumnElement[bool] = exists(
    select(1).where(Suppression.address_hash == Subscriber.address_hash, Suppression.briefing.in_(["", "morning"]))
)


def address(number: int) -> str:
    return f"reader{number}@example.org"


def _hash(number: int) -> bytes:
    return hashlib.sha256(address(number).encode()).digest()


def add_readers(database: Database, numbers: Iterable[int], country: Callable[[int], str] = lambda _: "DE") -> None:
    """Subscribers with these ids."""
    with database.write_connection() as connection:
        consent = connection.execute(select(Consent.id)).scalar()
        if consent is None:
            consent = connection.execute(
                insert(Consent).values(digest="d", wording="yes", source="form", at=NOW).returning(Consent.id)
            ).scalar_one()
        rows = [
            {
                "id": number,
                "email": address(number),
                "email_norm": address(number),
                "address_hash": _hash(number),
                "first_name": "Rita",
                "country": country(number),
                "tags": [],
                "attributes": {},
                "consent_id": consent,
                "created_at": NOW,
                "updated_at": NOW,
            }
            for number in numbers
        ]
        connection.execute(insert(Subscriber), rows)


def suppress(database: Database, *numbers: int) -> None:
    with database.write_connection() as connection:
        for number in numbers:
            connection.execute(
                insert(Suppression).values(
                    address_hash=_hash(number), briefing="morning", reason="unsubscribed", at=NOW
                )
            )


def add_edition(
    database: Database, backends: Sequence[Sequence[str]] = (("fake",),), day: int = 23
) -> tuple[int, list[int]]:
    """An edition that is sending, with one variant for each list of backends; returns its id and theirs."""
    with database.write_connection() as connection:
        edition = connection.execute(
            insert(Edition)
            .values(briefing="morning", edition_date=date(2026, 11, day), state="sending", due_at=NOW, created_at=NOW)
            .returning(Edition.id)
        ).scalar_one()
        variants = [
            connection.execute(
                insert(Variant)
                .values(
                    edition_id=edition,
                    segment=f"segment{no}",
                    no=no,
                    backends=list(names),
                    due_at=NOW,
                    subject="",
                    preheader="",
                    html="",
                    text="",
                    slots=[],
                    nonce="0" * 12,
                    digest="",
                    stories=[],
                    frozen_at=NOW,
                )
                .returning(Variant.id)
            ).scalar_one()
            for no, names in enumerate(backends)
        ]
    return edition, variants


def set_state(database: Database, edition: int, state: str) -> None:
    with database.write_connection() as connection:
        connection.execute(update(Edition).where(Edition.id == edition).values(state=state))


def build(recipient: Recipient) -> Message:
    return Message(recipient.subscriber, "edith@example.org", recipient.email, b"Subject: Briefing\r\n\r\nHello\r\n")


@dataclass
class World:
    """One edition, frozen and ready to be delivered."""

    database: Database
    clock: Clock
    edition: int
    variants: list[int]

    def pump(self, *backends: Backend, **options: Any) -> Pump:
        rules = Rules(options.pop("deadline", DEADLINE), options.pop("in_doubt", "hold"))
        builder = options.pop("build", build)
        return Pump(
            self.database,
            self.edition,
            dict.fromkeys(self.variants, builder),
            {backend.name: backend for backend in backends},
            SUPPRESSED,
            rules,
            self.clock,
            **options,
        )

    def run(self, *backends: Backend, wait: timedelta | None = None, **options: Any) -> Delivered:
        return asyncio.run(self.pump(*backends, **options).run(wait))

    def statuses(self) -> dict[int, Status]:
        with self.database.read_connection() as connection:
            rows = connection.execute(
                select(delivery.c.subscriber_id, delivery.c.status).where(delivery.c.edition_id == self.edition)
            ).all()
        return {row[0]: Status(row[1]) for row in rows}

    def count(self, status: Status) -> int:
        return sum(one is status for one in self.statuses().values())

    def balanced(self) -> bool:
        """Whether the report adds up, seen from outside as well."""
        result = report(self.database, self.edition)
        return result.adds_up and result.counts.total == result.frozen == len(self.statuses())


def make_world(
    database: Database,
    clock: Clock,
    readers: int | Iterable[int] = 10,
    *,
    backends: Sequence[Sequence[str]] = (("fake",),),
    batch_size: int = 1_000,
) -> World:
    add_readers(database, range(1, readers + 1) if isinstance(readers, int) else readers)
    edition, variants = add_edition(database, backends)
    # Readers are dealt out to the variants in turn, so that these interleave.
    rules = [
        VariantRule(variant, Subscriber.id % len(variants) == no if no < len(variants) - 1 else true(), NOW)
        for no, variant in enumerate(variants)
    ]
    freeze(database, edition, rules, SUPPRESSED, clock, batch_size=batch_size)
    return World(database, clock, edition, variants)


def batches(database: Database) -> list[Any]:
    with database.read_connection() as connection:
        return list(connection.execute(select(batch).order_by(batch.c.id)).all())


Answer = Callable[[Message], Outcome]


class FakeBackend(Backend):
    """Answers as it is told, and keeps what it was given. ``before`` is called with each message that may leave."""

    live = False

    def __init__(
        self,
        name: str = "fake",
        answer: Answer = lambda _: OK,
        lanes: int = 3,
        before: Callable[[Message], Any] | None = None,
    ) -> None:
        super().__init__(name, {})
        self.answer, self.lanes, self.before = answer, lanes, before
        self.sent: list[int] = []

    async def deliver(self, counter: Counter) -> None:
        await asyncio.gather(*(self._lane(counter, lane) for lane in range(self.lanes)))

    async def _lane(self, counter: Counter, lane: int) -> None:
        while (message := await counter.take(lane)) is not None:
            try:
                await counter.intend(lane, message)
            except Stopped:
                return
            self.sent.append(message.subscriber)
            if self.before is not None and asyncio.iscoroutine(waiting := self.before(message)):
                await waiting
            counter.settle(lane, message, self.answer(message))
