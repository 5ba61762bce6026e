"""What a send's failures make of addresses, on both engines: by their reason, their days and their age."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from newsletter import press
from newsletter.audience import bounces
from newsletter.audience.bounces import Failure, Limit
from newsletter.audience.models import Bounce, Subscriber, Suppression
from newsletter.audience.suppression import Reason, Stop, lift, suppress_all
from newsletter.backends.base import Outcome, Result
from newsletter.database import Database
from newsletter.delivery import failures
from newsletter.delivery.failures import harm_of
from newsletter.delivery.models import Status, attempt, delivery
from newsletter.delivery.reasons import Harm
from newsletter.delivery.rulebook import built_in
from newsletter.press.bounces import limit
from newsletter.testing import FixedClock
from tests.integration.delivery_world import DEADLINE, NOW, FakeBackend, World, address, make_world
from tests.sites import make_site

LIMIT = Limit(3, timedelta(days=30))


def rejected(code: int, enhanced: str, reply: str = "no") -> Outcome:
    return Outcome(Result.REJECTED, code, enhanced, reply)


def deferred(code: int, enhanced: str, reply: str = "later", *, fault: bool = False) -> Outcome:
    return Outcome(Result.DEFERRED, code, enhanced, reply, fault)


def count(world: World, *, limit: Limit = LIMIT) -> int:
    stopped = 0
    with world.database.writing() as session:
        for page in failures.failures(session, world.edition, {"fake": built_in()}):
            stopped += bounces.count(session, page, limit)
    return stopped


def stops(database: Database) -> dict[str, str]:
    with database.reading() as session:
        return {str(row.email_norm): f"{row.reason}: {row.note}" for row in session.scalars(select(Suppression))}


def scores(database: Database) -> dict[str, float]:
    with database.reading() as session:
        rows = session.execute(
            select(Subscriber.email, Bounce.score).join(Bounce, Bounce.address_hash == Subscriber.address_hash)
        )
        return {row.email: row.score for row in rows}


HARD = [
    rejected(550, "5.1.1"), rejected(550, "5.1.10"), rejected(550, "5.1.6"), rejected(550, "5.2.1"),
    rejected(550, "5.4.4"), rejected(556, "5.1.10"), rejected(550, "5.7.1", "550 5.7.1 user unknown"),
]  # fmt: skip
SOFT = [rejected(552, "5.2.2"), rejected(550, ""), rejected(550, "5.1.0")]
OURS = [
    rejected(550, "5.7.1"), rejected(550, "5.7.26"), rejected(554, "5.7.1", "listed at a blocklist"),
    rejected(552, "5.3.4"), rejected(554, "5.6.0"), rejected(530, "5.7.0"), rejected(550, "5.7.1", "relay access denied"),
    Outcome(Result.REJECTED, reply="the message cannot be written"),
]  # fmt: skip


def test_what_is_rejected_for_good_counts_by_its_reason(database: Database, clock: FixedClock) -> None:
    """Hard ones stop the address with the server's words; a policy or reputation block never counts."""
    said = dict(enumerate([*HARD, *SOFT, *OURS], 1))
    world = make_world(database, clock, len(said))
    world.run(FakeBackend(answer=lambda message: said[message.subscriber]), deadline=NOW + timedelta(seconds=1))
    assert count(world) == len(HARD)
    assert set(stops(database)) == {address(number) for number in range(1, len(HARD) + 1)}
    assert stops(database)[address(1)] == "bounce: 550 5.1.1 no"
    soft = {address(number): 1.0 for number in range(len(HARD) + 1, len(HARD) + len(SOFT) + 1)}
    assert {email: score for email, score in scores(database).items() if email in soft} == soft
    assert len(scores(database)) == len(HARD) + len(SOFT)


def test_counting_again_changes_nothing(database: Database, clock: FixedClock) -> None:
    world = make_world(database, clock, 2)
    said = {1: rejected(550, "5.1.1"), 2: rejected(552, "5.2.2")}
    world.run(FakeBackend(answer=lambda message: said[message.subscriber]))
    assert (count(world), count(world)) == (1, 0)
    clock.advance(timedelta(days=3))
    with database.writing() as session:
        session.execute(delete(Suppression))
    assert count(world) == 0
    assert stops(database) == {}
    assert scores(database) == {address(1): 3.0, address(2): 1.0}


def test_what_bounced_before_a_suppression_was_lifted_does_not_count_any_more(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    site = make_site(tmp_path / "site", database, clock)
    with database.reading() as session:
        rita = session.scalars(select(Subscriber).where(Subscriber.email == "rita@example.org")).one()
    hard = Failure(rita.address_hash, rita.email_norm, clock.now(), True, "550 5.1.1 no such user")
    with database.writing() as session:
        assert bounces.count(session, [hard], limit(site)) == 1
    clock.advance(timedelta(days=1))
    with database.writing() as session:
        assert lift(session, "rita@example.org", clock)
        assert bounces.count(session, [hard], limit(site)) == 0
        assert bounces.count(session, [hard._replace(at=clock.now() + timedelta(hours=1))], limit(site)) == 1


def test_who_was_tried_until_the_end_counts_as_soft_and_only_by_what_speaks_of_the_address(
    database: Database, clock: FixedClock
) -> None:
    said = {
        1: deferred(452, "4.2.2"), 2: deferred(450, "4.1.1"), 3: deferred(451, "4.7.1"), 4: deferred(451, "4.3.0"),
        5: deferred(550, "5.1.1", fault=True), 6: deferred(0, "", "connection refused", fault=True),
        7: deferred(421, "4.2.1"),
    }  # fmt: skip
    world = make_world(database, clock, len(said))
    backend = FakeBackend(answer=lambda message: said[message.subscriber])
    world.run(backend)
    clock.advance(DEADLINE - NOW)
    world.run(backend)
    assert set(world.statuses().values()) == {Status.EXPIRED}
    assert count(world) == 0
    assert scores(database) == {address(1): 1.0, address(2): 1.0}


@pytest.mark.parametrize("outcome", HARD)
def test_a_hard_reason_is_soft_while_the_server_says_that_it_will_pass(outcome: Outcome) -> None:
    passing = outcome._replace(result=Result.DEFERRED, code=450, enhanced=f"4{outcome.enhanced[1:]}")
    assert harm_of(outcome) is Harm.HARD
    assert harm_of(passing, tried_on=True) in (Harm.SOFT, Harm.NONE)


class Day:
    """Failures of one address, day after day."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def fails(self, days: float, *, hard: bool = False) -> int:
        failure = Failure(b"h" * 32, "rita@example.org", NOW + timedelta(days=days), hard, "552 5.2.2 full")
        with self.database.writing() as session:
            return bounces.count(session, [failure], LIMIT)

    @property
    def score(self) -> float:
        with self.database.reading() as session:
            return round(session.scalars(select(Bounce)).one().score, 3)


def test_soft_failures_count_once_a_day_and_fade(database: Database) -> None:
    rita = Day(database)
    for hours in (0, 1, 5, 19.9):
        assert rita.fails(hours / 24) == 0
    assert rita.score == 1.0
    rita.fails(30)
    assert rita.score == 1.5
    rita.fails(29)  # one that is told late
    assert rita.score == 1.5
    rita.fails(90)
    assert rita.score == 1.375
    assert stops(database) == {}


def test_days_of_a_full_mailbox_stop_an_address_at_the_limit(database: Database) -> None:
    rita = Day(database)
    assert [rita.fails(day) for day in range(4)] == [0, 0, 0, 1]
    assert stops(database) == {"rita@example.org": "bounce: 552 5.2.2 full"}


def test_of_two_failures_at_once_the_hard_one_counts(database: Database) -> None:
    rita = Failure(b"h" * 32, "rita@example.org", NOW, True, "550 5.1.1")
    with database.writing() as session:
        assert bounces.count(session, [rita, rita._replace(hard=False, at=NOW + timedelta(hours=1))], LIMIT) == 1


def test_a_complaint_is_not_made_a_bounce(database: Database) -> None:
    with database.writing() as session:
        suppress_all(session.connection(), [Stop(b"h" * 32, "", "rita@example.org", Reason.COMPLAINT, "", NOW)])
    assert Day(database).fails(0, hard=True) == 0
    assert stops(database) == {"rita@example.org": "complaint: "}


def test_an_editions_end_counts_what_failed(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    """Through the whole press, with addresses that the outbox refuses; the next edition does not go to them."""
    readers = "email,first_name,country\nrita+550@example.org,Rita,DE\nomar@example.org,Omar,FR\n"
    site = make_site(tmp_path / "site", database, clock, readers=readers)
    press.assemble(site, "morning")
    first = asyncio.run(press.send(site, "morning/2026-11-23"))
    assert (first.counts.accepted, first.counts.rejected) == (1, 1)
    assert stops(database)["rita+550@example.org"].startswith("bounce: 550 5.1.1 ")
    clock.advance(timedelta(minutes=2))  # a count holds for one
    assert press.readers(site, "morning", date(2026, 11, 24)) == 1


def test_many_failures_are_counted_in_pages(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "PAGE", 7)
    world = make_world(database, clock, 50)
    world.run(FakeBackend(answer=lambda _: rejected(550, "5.1.1")))
    with database.write_connection() as connection:  # two that a crash has left with one number
        row = connection.execute(select(attempt).where(attempt.c.subscriber_id == 7)).one()
        connection.execute(insert(attempt).values({**row._mapping, "id": 10_000}))
        connection.execute(update(delivery).where(delivery.c.subscriber_id == 50).values(status=Status.ACCEPTED))
    assert count(world) == 49
