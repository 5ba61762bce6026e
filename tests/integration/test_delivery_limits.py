"""Limits: what goes when, what servers change about it, and how several workers share it."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from newsletter.backends.base import Outcome, Result
from newsletter.clock import SystemClock
from newsletter.config import LimitSettings
from newsletter.database import Database
from newsletter.delivery import limits as limits_module
from newsletter.delivery import pacestore
from newsletter.delivery.ledger import Recipient
from newsletter.delivery.limits import Limits
from newsletter.delivery.models import pace as table
from newsletter.delivery.pace import Plan, Told
from newsletter.delivery.pacestore import FORGET, DatabasePaces, Request
from newsletter.delivery.queues import DomainQueues
from newsletter.errors import ConfigError
from newsletter.testing import FixedClock

OK = Outcome(Result.ACCEPTED, 250)
TOO_FAST = Outcome(Result.DEFERRED, 450, "4.7.1", "450 4.7.1 Error: too much mail from 192.0.2.1")
CONNECTIONS = Outcome(Result.DEFERRED, 421, "4.7.0", "421 4.7.0 Error: too many connections", backend_fault=True)
GMAIL = Outcome(
    Result.DEFERRED, 421, "4.7.28", "421 4.7.28 unusual rate of unsolicited mail - gsmtp", backend_fault=True
)
OUTLOOK = Outcome(Result.DEFERRED, 451, "4.7.651", "451 4.7.651 temporarily rate limited due to IP reputation")
HALF = 0.5


class Worker:
    """One worker's limits, driven by hand."""

    def __init__(self, database: Database, clock: FixedClock, settings: dict[str, Any] | None = None) -> None:
        store = DatabasePaces(database, "relay")
        self.clock = clock
        self.limits = Limits("relay", LimitSettings.model_validate(settings or {}), store, clock, random.Random(7))

    def load(self) -> Worker:
        asyncio.run(self.limits.load())
        return self

    def save(self, *, closing: bool = False) -> None:
        asyncio.run(self.limits.save(closing=closing))

    def wait(self, domain: str = "example.org") -> float:
        return self.limits.admit(domain, self.clock.monotonic())

    def rush(self, domain: str = "example.org", outcome: Outcome = OK, most: int = 100_000) -> int:
        """Sends until it has to wait; returns how many that were."""
        sent = 0
        while sent < most and self.wait(domain) == 0.0:
            self.limits.judged(domain, outcome)
            sent += 1
        return sent


def seconds(worker: Worker, clock: FixedClock, count: float, domain: str = "example.org") -> int:
    """Sends whatever may go for some seconds, with a lease every half second."""
    sent = 0
    for _ in range(int(count / HALF)):
        clock.advance(HALF)
        worker.save()
        sent += worker.rush(domain)
    return sent


def rows(database: Database) -> dict[str, Any]:
    with database.read_connection() as connection:
        return {row.name: row for row in connection.execute(select(table)).all()}


def test_without_a_limit_everything_goes_and_the_database_hears_nothing(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock).load()
    assert worker.rush(most=5000) == 5000
    worker.save()
    assert rows(database) == {}


def test_a_backends_rate_holds_over_a_minute_and_is_used_up(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock, {"rate": "20/s", "burst": 20}).load()
    sent = worker.rush() + seconds(worker, clock, 60)
    assert 20 * 60 * 0.98 <= sent <= 20 + 20 * 60


def test_a_rate_of_a_few_an_hour_is_kept(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock, {"rate": "6/h"}).load()
    assert worker.rush() == 1
    worker.save()
    assert worker.wait() == 600.0
    sent = 0
    for _ in range(12 * 3):
        clock.advance(timedelta(minutes=5))
        worker.save()
        sent += worker.rush()
    assert 17 <= sent <= 18


def test_each_domain_has_its_own_bucket_and_a_provider_one_for_all_of_its_domains(
    database: Database, clock: FixedClock
) -> None:
    settings = {"per_domain": {"every": "5/s", "google": {"rate": "50/s", "burst": 8}, "slow.example": "1/s"}}
    worker = Worker(database, clock, settings).load()
    domains = ["a.example", "b.example", "slow.example", "gmail.com", "googlemail.com"]
    for domain in domains:
        assert worker.wait(domain) > 0.0  # the first lease comes with the next save
    worker.save()
    assert [worker.rush(domain) for domain in domains] == [4, 4, 1, 8, 0]
    assert set(rows(database)) == {"a.example", "b.example", "slow.example", "google"}


def test_no_token_is_taken_of_one_bucket_when_the_other_has_none(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock, {"rate": "4/s", "burst": 3, "per_domain": {"b.example": {"rate": "1/s"}}}).load()
    worker.wait("b.example")
    worker.save()
    assert worker.rush("b.example") == 1
    assert worker.wait("b.example") > 0.0
    assert worker.rush("a.example") == 2


def test_published_numbers_of_connections_hold_only_where_they_are_asked_for(
    database: Database, clock: FixedClock
) -> None:
    free, held = Worker(database, clock).load(), Worker(database, clock, {"published": True}).load()
    assert all(free.wait("gmail.com") == 0.0 for _ in range(100))
    assert [held.wait("gmail.com") for _ in range(5)] == [0.0] * 5
    assert held.wait("googlemail.com") > 0.0
    assert held.wait("example.org") == 0.0
    held.limits.judged("gmail.com", OK)
    assert held.wait("googlemail.com") == 0.0
    held.limits.returned("gmail.com")
    assert held.wait("gmail.com") == 0.0
    assert held.wait("gmail.com") > 0.0


def test_a_message_that_comes_back_brings_its_token(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock, {"rate": "1/s"}).load()
    assert worker.wait() == 0.0
    assert worker.wait() > 0.0
    worker.limits.returned("example.org")
    assert worker.wait() == 0.0


def test_a_throttling_of_a_backend_without_a_limit_slows_it_down_and_it_recovers(
    database: Database, clock: FixedClock
) -> None:
    worker = Worker(database, clock).load()
    assert worker.rush(most=100) == 100
    assert worker.limits.judged("example.org", TOO_FAST)
    assert worker.wait() > 0.0
    worker.save()
    rate = rows(database)[""].rate
    assert rate == 50.0
    slow = seconds(worker, clock, 10)
    assert rate * 8 <= slow <= rate * 11
    for _ in range(900):
        clock.advance(1)
        worker.save()
        worker.rush(most=300)
        if not rows(database):
            break
    assert rows(database) == {}
    assert worker.rush(most=5000) == 5000


def test_fifty_connections_that_are_throttled_at_once_halve_it_once(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock, {"rate": "100/s"}).load()
    for _ in range(50):
        assert worker.wait() == 0.0
    for _ in range(50):
        assert worker.limits.judged("example.org", TOO_FAST)
    worker.save()
    assert rows(database)[""].rate == 50.0


def test_too_many_connections_pauses_the_backend_for_a_moment(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock).load()
    worker.wait()
    assert worker.limits.judged("example.org", CONNECTIONS)
    assert worker.wait() == worker.limits.closed(clock.monotonic()) == 10.0
    worker.save()
    clock.advance(10)
    worker.save()
    assert worker.limits.closed(clock.monotonic()) == 0.0


def test_the_wait_in_a_throttling_is_the_pause(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock).load()
    worker.wait()
    asked = Outcome(Result.DEFERRED, 450, "4.7.1", "450 4.7.1 Rate limit exceeded, try again in 7 minutes")
    assert worker.limits.judged("example.org", asked)
    assert worker.wait() == 420.0


def test_a_providers_complaint_slows_down_its_domains_and_no_other(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock).load()
    worker.wait("gmail.com")
    assert worker.limits.judged("gmail.com", GMAIL)
    assert worker.wait("gmail.com") == worker.wait("googlemail.com") == 600.0
    assert worker.rush("example.org", most=50) == 50
    assert worker.limits.closed(clock.monotonic()) == 0.0


def test_a_domain_that_answers_in_a_providers_words_is_kept_there(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock).load()
    worker.wait("newsroom.example")
    assert worker.limits.judged("newsroom.example", GMAIL)
    assert worker.limits.group("newsroom.example") == "google"
    assert worker.wait("gmail.com") == worker.wait("newsroom.example") == 600.0


def test_one_a_minute_for_ninety_minutes_where_a_rule_says_so(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock).load()
    worker.wait("hotmail.com")
    assert worker.limits.judged("hotmail.com", OUTLOOK)
    sent = 0
    for _ in range(80 * 2):
        clock.advance(30)
        worker.save()
        sent += worker.rush("outlook.com")
    assert 75 <= sent <= 82


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Result.REJECTED, 550, "5.1.1", "550 5.1.1 user unknown"),
        Outcome(Result.DEFERRED, 450, "4.2.0", "450 4.2.0 Greylisted, try again in 300 seconds"),
        Outcome(Result.DEFERRED, 450, "4.2.1", "450 4.2.1 This mailbox is receiving too many messages"),
        Outcome(Result.DEFERRED, 421, "", "421 shutting down", backend_fault=True),
        Outcome(Result.DEFERRED, reply="connection refused", backend_fault=True),
        Outcome(Result.IN_DOUBT, reply="connection lost after the final dot", backend_fault=True),
    ],
    ids=lambda outcome: outcome.reply,
)
def test_what_is_no_throttling_is_left_to_the_breaker_and_slows_nothing_down(
    database: Database, clock: FixedClock, outcome: Outcome
) -> None:
    worker = Worker(database, clock).load()
    worker.wait()
    assert not worker.limits.judged("example.org", outcome)
    assert worker.rush(most=100) == 100


def test_a_pause_and_a_slowed_rate_outlive_a_restart(database: Database, clock: FixedClock) -> None:
    worker = Worker(database, clock, {"rate": "100/s"}).load()
    worker.wait()
    worker.limits.judged("example.org", TOO_FAST)
    worker.wait("gmail.com")
    worker.limits.judged("gmail.com", GMAIL)
    worker.save(closing=True)
    clock.advance(60)
    again = Worker(database, clock, {"rate": "100/s"}).load()
    assert again.wait("gmail.com") == 540.0
    assert rows(database)[""].rate == 50.0


def test_tokens_outlive_a_restart(database: Database, clock: FixedClock) -> None:
    """A worker that is started again and again gets no burst for it."""
    settings = {"rate": "10/h", "burst": 30}
    sent = 0
    for _ in range(5):
        worker = Worker(database, clock, settings).load()
        sent += worker.rush(most=7)
        worker.save(closing=True)
        clock.advance(1)
    for _ in range(40):
        worker = Worker(database, clock, settings).load()
        sent += worker.rush()
        worker.save(closing=True)
    assert sent == 30


def test_what_a_worker_did_not_use_is_there_for_another(database: Database, clock: FixedClock) -> None:
    first = Worker(database, clock, {"rate": "100/h", "burst": 40}).load()
    first.save(closing=True)
    second = Worker(database, clock, {"rate": "100/h", "burst": 40}).load()
    sent = 0
    for _ in range(45):
        sent += second.rush()
        second.save()
    assert sent == 40


def test_several_workers_keep_one_limit_and_share_it_fairly(database: Database, clock: FixedClock) -> None:
    chance = random.Random(11)
    workers = [Worker(database, clock, {"rate": "40/s"}).load() for _ in range(3)]
    sent = [worker.rush() for worker in workers]
    due = [chance.uniform(0.25, 0.75) for _ in workers]
    clock_zero, length = 0.0, 80.0
    while (at := min(due)) < length:
        clock.advance(at - clock_zero)
        clock_zero = at
        number = due.index(at)
        workers[number].save()
        sent[number] += workers[number].rush()
        due[number] += chance.uniform(0.25, 0.75)
    assert sum(sent) <= 40 + 40 * length
    assert sum(sent) >= 40 * length * 0.95
    assert min(sent) >= 0.75 * max(sent)


def test_what_one_worker_is_told_the_others_hear(database: Database, clock: FixedClock) -> None:
    told, other = Worker(database, clock).load(), Worker(database, clock).load()
    told.wait("gmail.com")
    told.limits.judged("gmail.com", GMAIL)
    told.save()
    assert other.wait("gmail.com") == 0.0
    other.load()
    assert other.wait("gmail.com") == 600.0


def test_a_row_that_another_worker_wrote_in_between_is_left_alone_and_read_again(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, request = DatabasePaces(database, "relay"), Request("", Plan(5.0, 5), 3, 0, Told())
    store.exchange([request], clock.now())
    real = pacestore._pace
    with database.write_connection() as connection, monkeypatch.context() as patch:

        def robbed(row: Any) -> Any:
            connection.execute(update(table).values(tokens=0.0, version=table.c.version + 1))
            return real(row)

        patch.setattr(pacestore, "_pace", robbed)
        assert store._serve(connection, request, clock.now()) is None
    assert store.exchange([request], clock.now())[""].granted == 0


def test_two_stores_at_once_grant_no_token_twice(database: Database) -> None:
    store, plan, clock = DatabasePaces(database, "relay"), Plan(0.001, 60), SystemClock()

    async def worker() -> int:
        granted = 0
        for _ in range(15):
            answers = await asyncio.to_thread(store.exchange, [Request("", plan, 3, 0, Told())], clock.now())
            granted += answers[""].granted if "" in answers else 0
        return granted

    async def both() -> list[int]:
        return list(await asyncio.gather(*(worker() for _ in range(4))))

    granted = asyncio.run(both())
    assert sum(granted) == 60


def test_news_that_could_not_be_written_are_told_later(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(database, clock, {"rate": "100/s"}).load()
    worker.wait()
    worker.limits.judged("example.org", TOO_FAST)
    with monkeypatch.context() as patch:

        def down(*_: object) -> None:
            raise OperationalError("", {}, Exception("the database is away"))

        patch.setattr(worker.limits._store, "exchange", down)
        with pytest.raises(OperationalError):
            worker.save()
    assert worker.wait() > 0.0
    worker.save()
    assert rows(database)[""].rate == 50.0


def test_the_memory_of_domains_is_bounded(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "MOST", 50)
    worker = Worker(database, clock, {"per_domain": {"every": "5/s"}}).load()
    for number in range(500):
        worker.wait(f"d{number}.example")
    assert len(worker.limits._buckets) == 50
    assert "d499.example" in worker.limits._buckets
    hosted = Worker(database, clock).load()
    for number in range(200):
        hosted.limits.judged(f"h{number}.example", GMAIL)
    assert len(hosted.limits._learnt) == 50
    assert len(hosted.limits._groups) <= 50 + len(hosted.limits.rules.groups)


def test_rows_that_nobody_used_for_long_are_deleted(database: Database, clock: FixedClock) -> None:
    Worker(database, clock, {"rate": "5/s"}).load()
    assert len(rows(database)) == 1
    clock.advance(FORGET + timedelta(days=1))
    Worker(database, clock).load()
    with database.read_connection() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_a_provider_that_there_is_not_is_named(database: Database, clock: FixedClock) -> None:
    with pytest.raises(ConfigError, match=r"backends\.relay\.limits\.per_domain: there is no provider 'gogle'"):
        Worker(database, clock, {"per_domain": {"gogle": "5/s"}})


def test_keeping_leases_by_itself_and_survives_a_database_that_is_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "_FIRST_LEASE", 0.0)
    monkeypatch.setattr(limits_module, "LEASE", 0.01)
    clock = SystemClock()
    settings = LimitSettings.model_validate({"rate": "200/s", "burst": 1})
    limits = Limits("relay", settings, DatabasePaces(database, "relay"), clock, random.Random(1))
    real, failures = limits._store.exchange, []

    def shaky(*arguments: Any) -> Any:
        if len(failures) < 2:
            failures.append(1)
            raise OperationalError("", {}, Exception("the database is away"))
        return real(*arguments)

    async def send() -> int:
        monkeypatch.setattr(limits._store, "exchange", shaky)
        keeper = asyncio.create_task(limits.keep())
        sent = 0
        for _ in range(2000):
            if (wait := limits.admit("example.org", clock.monotonic())) == 0.0:
                sent += 1
            if sent == 3:
                break
            await asyncio.sleep(min(wait, 0.01))
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        return sent

    assert asyncio.run(send()) == 3
    assert len(failures) == 2


def test_a_server_that_takes_twenty_a_second_is_found_out_and_nobody_else_waits_for_it(
    database: Database, clock: FixedClock
) -> None:
    """Nothing is configured but what its words mean: the pace settles near what it takes, with few complaints."""
    rule = {"text": ["busy with you"], "class": "throttled"}
    worker = Worker(database, clock, {"replies": [rule]}).load()
    busy = Outcome(Result.DEFERRED, 450, "", "450 We are busy with you")
    waiting = [Recipient(number, f"reader{number}@slow.example", "Rita", 0) for number in range(9_000)]
    others = [Recipient(number, f"reader{number}@quick.example", "Rita", 0) for number in range(10_000, 10_200)]
    queues = DomainQueues([*waiting[:100], *others, *waiting[100:]], worker.limits)
    room, taken, complaints, quick = 20.0, 0, 0, 0
    for step in range(240 * 4):
        clock.advance(0.25)
        room = min(20.0, room + 20.0 * 0.25)
        if step % 2:
            worker.save()
        for _ in range(500):
            found = queues.next(clock.monotonic())
            if isinstance(found, float):
                break
            if found in others:
                quick += 1
                outcome = OK
            elif room >= 1.0:
                room -= 1.0
                outcome = OK
                taken += step >= 240
            else:
                outcome = busy
                complaints += step >= 240
                queues.put_back(found)
            worker.limits.judged(found.email.rpartition("@")[2], outcome)
        if step == 4:
            assert quick == 200  # in the first second, past all who wait
    assert taken >= 0.6 * 20 * 180
    assert complaints <= 0.05 * taken
