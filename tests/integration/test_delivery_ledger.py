"""The ledger: claims, leases, epochs, lanes in doubt, and ends."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from newsletter.audience.models import Subscriber
from newsletter.backends.base import Result
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.delivery.claims import Claim
from newsletter.delivery.closing import expire, withdraw
from newsletter.delivery.ledger import LEASE, InDoubt, Ledger, Settled, Trace, intent
from newsletter.delivery.models import BatchState, Status, attempt, lane, to_ms
from newsletter.errors import WrongState
from newsletter.testing import FixedClock
from tests.integration.delivery_world import (
    DEADLINE,
    NOW,
    SUPPRESSED,
    World,
    batches,
    make_world,
    set_state,
    suppress,
)


def ledger(world: World, worker: str = "one", in_doubt: InDoubt = "hold") -> Ledger:
    return Ledger(world.database, world.edition, worker, world.clock, in_doubt=in_doubt, suppressed=SUPPRESSED)


def claimed(book: Ledger, world: World) -> Claim:
    claim = book.claim(world.variants)
    assert claim is not None
    return claim


def accepted(claim: Claim, subscriber: int, number: int | None = 0) -> Settled:
    return Settled(claim, number, subscriber, Status.ACCEPTED, 250, 1, 0, to_ms(NOW), None)


def on_lanes(database: Database) -> set[int]:
    with database.read_connection() as connection:
        return set(connection.execute(select(lane.c.subscriber_id)).scalars())


def _claim_all(url: str, edition: int, variants: list[int], worker: str, found: multiprocessing.Queue[object]) -> None:
    database = Database(url)
    book = Ledger(database, edition, worker, SystemClock())
    claims = []
    while (claim := book.claim(variants)) is not None:
        claims.append(claim.batch_id)
    found.put(claims)
    database.close()


def test_two_processes_share_the_batches_and_no_batch_is_claimed_twice(database: Database) -> None:
    world = make_world(database, SystemClock(), 400, batch_size=2)
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[list[int]] = context.Queue()
    url = database.url.render_as_string(hide_password=False)
    workers = [
        context.Process(target=_claim_all, args=(url, world.edition, world.variants, name, found))
        for name in ("one", "two")
    ]
    for worker in workers:
        worker.start()
    claims = found.get(timeout=60) + found.get(timeout=60)
    for worker in workers:
        worker.join(60)
    assert len(claims) == 200
    assert len(set(claims)) == 200


def test_nothing_is_claimed_before_it_is_due_nor_unless_the_edition_is_sending(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, FixedClock(NOW - timedelta(seconds=1)))
    book = ledger(world)
    assert book.claim(world.variants) is None
    book.clock = clock
    set_state(database, world.edition, "held")
    assert book.claim(world.variants) is None
    set_state(database, world.edition, "sending")
    assert book.claim([]) is None
    assert book.claim(world.variants) is not None
    assert book.claim(world.variants) is None


def test_an_intent_is_on_its_lane_until_its_outcome(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock)
    book = ledger(world)
    claim = claimed(book, world)
    book.commit([], [intent(claim, 0, 1, 0), intent(claim, 1, 2, 0)])
    assert on_lanes(database) == {1, 2}
    book.commit([accepted(claim, 1)], [intent(claim, 0, 3, 0)])
    assert on_lanes(database) == {2, 3}
    book.commit([accepted(claim, 2, 1)], [])
    assert on_lanes(database) == {3}
    assert world.statuses()[1] is world.statuses()[2] is Status.ACCEPTED


def test_lanes_and_subscribers_of_many_digits_are_kept_as_they_are(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock)
    book = ledger(world)
    claim = claimed(book, world)
    most = 2**46 - 1
    book.commit([], [intent(claim, 99_999, most, 1), intent(claim, 0, 1, 0), intent(claim, 131_071, 2, 0)])
    with database.read_connection() as connection:
        found = connection.execute(select(lane.c.lane, lane.c.subscriber_id, lane.c.epoch, lane.c.backend))
        assert {tuple(row) for row in found} == {
            (99_999, most, claim.epoch, 1), (0, 1, claim.epoch, 0), (131_071, 2, claim.epoch, 0),
        }  # fmt: skip


def test_a_dead_workers_lanes_are_in_doubt_under_hold(database: Database, clock: FixedClock) -> None:
    """Those on the wire and nobody else; a worker that is alive is not taken over."""
    world = make_world(database, clock)
    first, second = ledger(world), ledger(world, "two")
    claim = claimed(first, world)
    first.commit([accepted(claim, 1)], [intent(claim, 0, 2, 0), intent(claim, 1, 3, 0)])
    clock.advance(60)
    assert second.claim(world.variants) is None
    clock.advance(1)
    taken = claimed(second, world)
    assert (taken.batch_id, taken.epoch) == (claim.batch_id, claim.epoch + 1)
    assert {n for n, status in world.statuses().items() if status is Status.IN_DOUBT} == {2, 3}
    assert [reader[0] for reader in second.readers(taken)[0]] == [4, 5, 6, 7, 8, 9, 10]
    with database.read_connection() as connection:
        rows = connection.execute(select(attempt.c.subscriber_id, attempt.c.result, attempt.c.backend)).all()
    assert {tuple(row) for row in rows} == {(2, "in_doubt", "fake"), (3, "in_doubt", "fake")}
    assert on_lanes(database) == set()


def test_a_dead_workers_lanes_are_sent_again_under_resend_and_the_attempt_is_kept(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock)
    first, second = ledger(world), ledger(world, "two", "resend")
    claim = claimed(first, world)
    first.commit([accepted(claim, 1)], [intent(claim, 0, 2, 0)])
    clock.advance(61)
    taken = claimed(second, world)
    readers = {reader[0]: reader[3] for reader in second.readers(taken)[0]}
    assert readers == {2: 1} | dict.fromkeys(range(3, 11), 0)
    with database.read_connection() as connection:
        assert connection.execute(select(attempt.c.subscriber_id, attempt.c.result)).all() == [(2, "in_doubt")]


def test_a_deferral_whose_lane_fell_idle_is_not_in_doubt_after_a_crash(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock)
    book = ledger(world)
    claim = claimed(book, world)
    book.commit([], [intent(claim, 0, 1, 0)])
    again = NOW + timedelta(seconds=30)
    trace = Trace(Result.DEFERRED, "4.3.0", "later", "fake", again)
    book.commit([Settled(claim, 0, 1, Status.DEFERRED, 451, 1, 0, to_ms(again), trace)], [])
    clock.advance(61)
    taken = claimed(ledger(world, "two"), world)
    assert world.statuses()[1] is Status.DEFERRED
    assert 1 in [reader[0] for reader in ledger(world, "two").readers(taken)[0]]


def test_a_worker_frozen_past_its_lease_writes_nothing(database: Database, clock: FixedClock) -> None:
    """Neither before another takes over, nor after, nor when it lets go of the claim."""
    world = make_world(database, clock)
    zombie, heir = ledger(world, "zombie"), ledger(world, "heir")
    claim = claimed(zombie, world)
    zombie.commit([], [intent(claim, 0, 1, 0)])
    clock.advance(61)
    assert zombie.commit([accepted(claim, 1)], [intent(claim, 0, 2, 0)]).fenced == {claim.batch_id}
    zombie.finish(claim)
    assert on_lanes(database) == {1}
    assert world.statuses()[1] is Status.PENDING
    taken = claimed(heir, world)
    assert zombie.commit([accepted(claim, 1)], [intent(claim, 0, 2, 0)]).fenced == {claim.batch_id}
    zombie.finish(claim)
    assert world.statuses()[1] is Status.IN_DOUBT
    assert on_lanes(database) == set()
    heir.commit([accepted(taken, 2)], [])
    assert heir.commit([], [], [taken]).fenced == frozenset()


def test_the_same_worker_under_an_old_epoch_writes_nothing(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock)
    book = ledger(world)
    old = claimed(book, world)
    clock.advance(61)
    new = claimed(book, world)
    assert book.commit([accepted(old, 1)], []).fenced == {old.batch_id}
    assert world.statuses()[1] is Status.PENDING
    assert book.commit([accepted(new, 1)], []).fenced == frozenset()


def test_one_lost_batch_does_not_keep_the_outcomes_of_another_from_being_written(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 4, batch_size=2)
    book = ledger(world)
    lost, kept = claimed(book, world), claimed(book, world)
    clock.advance(50)
    book.commit([], [], [kept])
    clock.advance(11)
    done = book.commit([accepted(lost, 1), accepted(kept, 3, 1)], [intent(kept, 1, 4, 0), intent(lost, 0, 2, 0)])
    assert done.fenced == {lost.batch_id}
    assert world.statuses()[1] is Status.PENDING
    assert world.statuses()[3] is Status.ACCEPTED
    assert on_lanes(database) == {4}


def test_a_commit_prolongs_the_lease(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock)
    book = ledger(world)
    claim = claimed(book, world)
    for _ in range(5):
        clock.advance(50)
        assert book.commit([], [], [claim]).fenced == frozenset()
    assert ledger(world, "two").claim(world.variants) is None


def test_after_the_clock_was_set_back_a_commit_leaves_a_lease_of_its_usual_length(
    database: Database, clock: FixedClock
) -> None:
    """Neither hours more, which would keep others from taking over, nor less, because the worker remembers more."""
    world = make_world(database, clock, 3)
    book = ledger(world)
    claim = claimed(book, world)
    book.commit([], [intent(claim, 0, 1, 0)])
    clock.advance(timedelta(hours=-2))
    book.commit([accepted(claim, 1)], [])
    assert batches(database)[0].lease_until == clock.now() + LEASE
    book.finish(claim)
    claim = claimed(book, world)
    clock.advance(20)
    book.commit([], [intent(claim, 0, 2, 0)])
    assert batches(database)[0].lease_until == clock.now() + LEASE


def test_no_intent_is_written_once_the_edition_has_been_stopped_but_outcomes_are(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock)
    book = ledger(world)
    claim = claimed(book, world)
    book.commit([], [intent(claim, 0, 1, 0)])
    set_state(database, world.edition, "held")
    assert book.commit([accepted(claim, 1)], [intent(claim, 0, 2, 0)]).state == "held"
    assert world.statuses()[1] is Status.ACCEPTED
    assert on_lanes(database) == set()


def test_a_batch_with_deferred_readers_is_due_when_the_first_of_them_is(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 3)
    book = ledger(world)
    claim = claimed(book, world)
    trace = Trace(Result.DEFERRED, "4.3.0", "later", "fake", None)
    for number, minutes in ((1, 5), (2, 1)):
        at = NOW + timedelta(minutes=minutes)
        book.commit([Settled(claim, None, number, Status.DEFERRED, 451, 1, 0, to_ms(at), trace)], [])
    book.commit([accepted(claim, 3)], [])
    book.finish(claim)
    assert book.next_due() == {world.variants[0]: NOW + timedelta(minutes=1)}
    assert book.claim(world.variants) is None
    clock.advance(60)
    again = claimed(book, world)
    assert [reader[0] for reader in book.readers(again)[0]] == [2]
    book.commit([accepted(again, 2)], [])
    book.finish(again)
    assert book.next_due() == {world.variants[0]: NOW + timedelta(minutes=5)}


def test_a_batch_that_is_let_go_unsent_is_open_at_once_or_when_it_is_told(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock)
    book = ledger(world)
    book.finish(claimed(book, world))
    book.finish(claimed(book, world), NOW + timedelta(minutes=7))
    assert book.claim(world.variants) is None
    assert book.next_due() == {world.variants[0]: NOW + timedelta(minutes=7)}


def test_who_was_suppressed_or_erased_since_the_freeze_is_written_down_and_left_out(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 5)
    suppress(database, 2)
    with database.write_connection() as connection:
        connection.execute(delete(Subscriber).where(Subscriber.id == 4))
    book = ledger(world)
    readers, out = book.readers(claimed(book, world))
    assert [reader[0] for reader in readers] == [1, 3, 5]
    book.commit(out, ())
    assert {n for n, status in world.statuses().items() if status is Status.SUPPRESSED} == {2, 4}


def test_a_claim_of_one_of_two_interleaved_variants_reads_its_own_readers(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 10, backends=[["fake"], ["fake"]])
    book = ledger(world)
    claim = book.claim(world.variants[1:])
    assert claim is not None
    assert [reader[0] for reader in book.readers(claim)[0]] == [1, 3, 5, 7, 9]


def test_withdrawing_spares_what_is_on_the_wire_until_its_worker_is_gone(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 6, batch_size=3)
    book = ledger(world)
    claim = claimed(book, world)
    book.commit([accepted(claim, 1)], [intent(claim, 0, 2, 0)])
    with pytest.raises(WrongState, match="aborted"):
        withdraw(database, world.edition, clock)
    set_state(database, world.edition, "aborted")
    assert withdraw(database, world.edition, clock) == 4
    assert world.statuses()[2] is Status.PENDING
    clock.advance(61)
    assert withdraw(database, world.edition, clock) == 0
    assert world.statuses() == {1: Status.ACCEPTED, 2: Status.IN_DOUBT} | dict.fromkeys(range(3, 7), Status.WITHDRAWN)
    assert {row.state for row in batches(database)} == {BatchState.DONE}
    assert book.commit([accepted(claim, 2)], []).fenced == {claim.batch_id}
    assert world.balanced()


def test_what_is_on_the_wire_when_an_edition_is_aborted_keeps_its_own_outcome(
    database: Database, clock: FixedClock
) -> None:
    world = make_world(database, clock, 3)
    book = ledger(world)
    claim = claimed(book, world)
    book.commit([], [intent(claim, 0, 1, 0)])
    set_state(database, world.edition, "aborted")
    withdraw(database, world.edition, clock)
    book.commit([accepted(claim, 1)], [])
    book.finish(claim)
    withdraw(database, world.edition, clock)
    assert world.statuses() == {1: Status.ACCEPTED, 2: Status.WITHDRAWN, 3: Status.WITHDRAWN}
    assert book.next_due() == {}


def test_after_the_deadline_everyone_who_is_left_has_expired(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 5)
    clock.advance(DEADLINE - NOW)
    assert expire(database, world.edition, clock) == 5
    assert expire(database, world.edition, clock) == 0
    assert world.count(Status.EXPIRED) == 5
    assert world.balanced()
