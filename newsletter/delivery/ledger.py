"""The ledger: batches are claimed with a lease and an epoch, and outcomes are written under both.

A worker that was frozen past its lease finds its epoch gone and writes nothing. The message that each lane has on the
wire is on disk before its point of no return, so that whoever takes a dead worker's batch over knows which readers are
in doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, false, func, select
from sqlalchemy.engine.interfaces import DBAPICursor

from newsletter import failpoints
from newsletter.backends.base import Result
from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.delivery.claims import Claim, ReaderQuery, let_go, state_of, take
from newsletter.delivery.closing import doubt_lanes, expire, withdraw
from newsletter.delivery.dialects import AttemptRow, Dialect, OutcomeRow, PostgresqlDialect, SqliteDialect
from newsletter.delivery.models import BatchState, Status, batch, to_ms

LEASE = timedelta(seconds=60)
_MS = timedelta(milliseconds=1)
_REMEMBERED = 10_000
SENDING = "sending"
"""The one state of an edition in which messages leave."""

InDoubt = Literal["hold", "resend"]


class Recipient(NamedTuple):
    """A reader whose turn it is. ``attempts`` counts the tries so far."""

    subscriber: int
    email: str
    first_name: str
    attempts: int


Reader = tuple[int, str, str, int]
"""What a `Recipient` is made of: plain, since it may come out of another process."""


class Trace(NamedTuple):
    """What is kept of an attempt that was not a plain success."""

    result: Result
    enhanced: str
    reply: str
    backend: str
    next_at: datetime | None


class Settled(NamedTuple):
    """What became of a delivery. ``at`` is in milliseconds since 1970: now, or when it is tried again.

    ``lane`` is None where the message was never on a wire. ``backend`` is the place in the variant's list.
    """

    claim: Claim
    lane: int | None
    subscriber: int
    status: Status
    code: int
    attempts: int
    backend: int
    at: int
    trace: Trace | None


Taken = tuple[int, int, int, int, int, int, int]
"""A delivery that was plainly accepted, which nearly every one is: batch, epoch, lane, subscriber, code, attempts,
place of the backend. Its time is that of the commit. A plain tuple, since there are tens of thousands a second, and
they may have to go to another process."""

Intent = tuple[int, int, int, int, int]
"""A message that is about to pass its point of no return: batch, epoch, lane, subscriber, place of the backend."""


def intent(claim: Claim, lane: int, subscriber: int, backend: int) -> Intent:
    """An intent of a claim."""
    return claim.batch_id, claim.epoch, lane, subscriber, backend


class Committed(NamedTuple):
    """What came of a commit. ``fenced`` are the batches that are no longer ours: nothing of them was written."""

    fenced: frozenset[int]
    state: str
    """The edition's state; no intent is written unless it is sending."""


class Ledger:
    """The deliveries of one edition, as one worker sees them. Any thread may call it."""

    def __init__(
        self,
        database: Database,
        edition_id: int,
        worker: str,
        clock: Clock,
        *,
        lease: timedelta = LEASE,
        in_doubt: InDoubt = "hold",
        suppressed: ColumnElement[bool] | None = None,
    ) -> None:
        """``worker`` is a name that no other worker has. Whom ``suppressed``, a condition on `Subscriber`, fits when a
        batch is claimed gets nothing."""
        self._query = ReaderQuery(false() if suppressed is None else suppressed, sqlite=database.is_sqlite)
        self.database, self.edition_id, self.worker, self.clock, self.lease = database, edition_id, worker, clock, lease
        self._in_doubt = in_doubt
        self._dialect: Dialect = SqliteDialect() if database.is_sqlite else PostgresqlDialect()
        self._leases: dict[int, int] = {}  # until when, by batch, as far as this worker has prolonged them

    def claim(self, variants: Collection[int]) -> Claim | None:
        """Takes a batch of these variants (by id) that is due; None where there is none or the edition is not sending.

        First one whose worker is gone, then the one that has been due for longest. What a dead worker had on its lanes
        becomes in doubt in the same transaction, or stays to be sent, as the edition's rule says.
        """
        if not variants:
            return None
        now = self.clock.now()
        with self.database.write_connection() as connection:
            if state_of(connection, self.edition_id) != SENDING:
                return None
            claim = take(connection, self.edition_id, variants, self.worker, now, now + self.lease)
            if claim is None:
                return None
            doubt_lanes(connection, claim.batch_id, now, hold=self._in_doubt == "hold")
            if failpoints.armed:
                failpoints.reach("ledger.in_claim")
            return claim

    def readers(self, claim: Claim) -> tuple[list[Reader], list[Settled]]:
        """The readers of a claim whose turn it is, in the order of their ids, and what is to be written down of those
        who are left out: who has been suppressed or erased since the freeze. Writes nothing."""
        now = to_ms(self.clock.now())
        with self.database.read_connection() as connection:
            rows = self._query.rows(connection, claim, now)
        left = [(number, email, name, attempts) for number, email, name, attempts, gone in rows if not gone]
        out = [Settled(claim, None, row[0], Status.SUPPRESSED, 0, row[3], 0, now, None) for row in rows if row[4]]
        return left, out

    def commit(
        self,
        settled: Sequence[Settled],
        intents: Sequence[Intent],
        held: Iterable[Claim] = (),
        taken: Sequence[Taken] = (),
    ) -> Committed:
        """Writes outcomes and intents in one transaction, and keeps the leases of their batches and of ``held`` long.

        Each batch is guarded by its owner, its epoch and its lease: of one that is lost nothing is written.
        """
        now = to_ms(self.clock.now())
        epochs = {claim.batch_id: claim.epoch for claim in held}
        for item in settled:
            epochs[item.claim.batch_id] = item.claim.epoch
        epochs.update((item[0], item[1]) for item in taken)
        epochs.update((item[0], item[1]) for item in intents)
        dialect = self._dialect
        with self.database.driver_connection() as connection:
            cursor = connection.cursor()
            try:
                dialect.begin(cursor)
                # The batches come first: their lock is what whoever aborts the edition waits for before it looks at
                # what is on the wire.
                ours, state = dialect.guard(cursor, self.edition_id, self.worker, list(epochs), now)
                fenced = frozenset(number for number, epoch in epochs.items() if ours.get(number) != epoch)
                if fenced:
                    settled = [item for item in settled if item.claim.batch_id not in fenced]
                    taken = [item for item in taken if item[0] not in fenced]
                    intents = [item for item in intents if item[0] not in fenced]
                self._renew(cursor, now, [number for number in epochs if number not in fenced])
                self._write(cursor, settled, taken, intents if state == SENDING else (), now)
                cursor.close()
                if failpoints.armed:
                    failpoints.reach("ledger.before_commit")
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
        if failpoints.armed:
            failpoints.reach("ledger.after_commit")
        return Committed(fenced, state)

    def _renew(self, cursor: DBAPICursor, now: int, batches: list[int]) -> None:
        """Prolongs the leases that have lost a quarter of their time: not in every commit, which would write one page
        more each time. One that seems to last longer than a lease is from before the clock was set back."""
        lease = self.lease // _MS
        least = now + lease * 3 // 4
        if stale := [number for number in batches if not least <= self._leases.get(number, 0) <= now + lease]:
            self._dialect.renew(cursor, now + lease, stale)
            if len(self._leases) > _REMEMBERED:
                self._leases.clear()
            for number in stale:
                self._leases[number] = now + lease

    def _write(
        self,
        cursor: DBAPICursor,
        settled: Sequence[Settled],
        taken: Sequence[Taken],
        intents: Sequence[Intent],
        now: int,
    ) -> None:
        dialect, edition = self._dialect, self.edition_id
        lanes = {(item[0], item[2]): item for item in intents}
        alike: dict[tuple[int, int, int], list[int]] = {}
        left: list[tuple[int, int, int]] = []
        for number, _, place, subscriber, code, attempts, backend in taken:
            alike.setdefault((code, attempts, backend), []).append(subscriber)
            if (number, place) not in lanes:
                left.append((number, place, subscriber))
        for (code, attempts, backend), subscribers in alike.items():
            dialect.accepted(cursor, code, attempts, backend, now, edition, subscribers)
        if settled:
            dialect.outcomes(
                cursor,
                [
                    OutcomeRow(int(status), code, attempts, place, at, edition, subscriber)
                    for _, _, subscriber, status, code, attempts, place, at, _ in settled
                ],
            )
            left += [
                (item.claim.batch_id, item.lane, item.subscriber)
                for item in settled
                if item.lane is not None and (item.claim.batch_id, item.lane) not in lanes
            ]
            if traces := [_attempt(edition, item, item.trace, now) for item in settled if item.trace is not None]:
                dialect.attempts(cursor, traces)
        if left:
            dialect.clear(cursor, left)
        if lanes:
            dialect.intents(cursor, list(lanes.values()))

    def finish(self, claim: Claim, not_before: datetime | None = None) -> None:
        """Lets go of a claim: done where nothing is left of it, else open again when the next of its readers is due,
        and not before ``not_before``. Does nothing when the batch has been lost."""
        now = self.clock.now()
        with self.database.write_connection() as connection:
            let_go(connection, claim, self.worker, now, not_before or now)
        if failpoints.armed:
            failpoints.reach("ledger.after_finish")

    def next_due(self) -> dict[int, datetime]:
        """When the next batch of each variant that has one is due, or the lease of another worker's runs out."""
        when = func.min(func.coalesce(batch.c.lease_until, batch.c.due_at), type_=batch.c.due_at.type)
        statement = (
            select(batch.c.variant_id, when)
            .where(batch.c.edition_id == self.edition_id, batch.c.state != BatchState.DONE)
            .group_by(batch.c.variant_id)
        )
        with self.database.read_connection() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def withdraw(self) -> int:
        """See `closing.withdraw`."""
        return withdraw(self.database, self.edition_id, self.clock)

    def expire(self) -> int:
        """See `closing.expire`."""
        return expire(self.database, self.edition_id, self.clock)

    def state(self) -> str:
        """The edition's state, empty when it is gone."""
        with self.database.read_connection() as connection:
            return state_of(connection, self.edition_id)


def _attempt(edition: int, item: Settled, trace: Trace, now: int) -> AttemptRow:
    return AttemptRow(
        edition,
        item.subscriber,
        item.attempts,
        now,
        trace.result.value,
        item.code,
        trace.enhanced[:16],
        trace.reply,
        trace.backend,
        None if trace.next_at is None else to_ms(trace.next_at),
    )
