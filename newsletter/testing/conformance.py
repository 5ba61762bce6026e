"""What every backend owes the pump, as functions that a test of a plug-in can run over it.

    @pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
    def test_the_carrier_pigeon_keeps_the_contract(check):
        asyncio.run(conformance.run(check, build_pigeon))

``build_pigeon`` is an async context manager that yields a `Case`: a new backend, and what tells which recipients got
a message so far. The checks send to addresses under ``example.org`` that no backend has a reason to refuse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from newsletter.backends.base import Backend, Message, Result
from newsletter.testing.counter import FakeCounter


@dataclass(frozen=True, slots=True)
class Case:
    """A backend under test. ``went_out`` returns the recipient of every message that has passed its point of no return,
    one entry a copy."""

    backend: Backend
    went_out: Callable[[], list[str]]


Check = Callable[[Case], Awaitable[None]]


def letters(count: int) -> list[Message]:
    """Messages to ``count`` different readers."""
    return [letter(f"reader{number}@example.org", number) for number in range(1, count + 1)]


def letter(recipient: str, number: int = 1) -> Message:
    """A small message in wire form."""
    lines = (
        "From: Edith <edith@courier.example.org>",
        f"To: {recipient}",
        "Subject: Monday Briefing",
        "Date: Mon, 23 Nov 2026 04:00:00 +0000",
        f"Message-ID: <morning.2026-11-23.{number}@courier.example.org>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "Good morning.",
        "",
        f"This is copy {number}.",
        "",
    )
    return Message(number, "bounces@courier.example.org", recipient, "\r\n".join(lines).encode("ascii"))


async def takes_everything_and_settles_each_once(case: Case) -> None:
    """A backend takes until there is nothing left, and settles every message once, as accepted here."""
    counter = FakeCounter(letters(25))
    await case.backend.deliver(counter)
    assert not counter.waiting, f"{len(counter.waiting)} messages were never taken"
    assert not counter.unsettled, f"taken and never settled: {counter.unsettled}"
    assert {outcome.result for outcome in counter.outcomes.values()} == {Result.ACCEPTED}
    assert sorted(case.went_out()) == sorted(counter.outcomes), "not every reader got one copy"


async def intends_before_a_message_goes_out(case: Case) -> None:
    """When a message is intended, nothing of it is past the point of no return."""

    def look(message: Message) -> None:
        assert message.recipient not in case.went_out(), f"{message.recipient} got it before it was intended"

    counter = FakeCounter(letters(12), before_intent=look)
    await case.backend.deliver(counter)
    assert sorted(counter.intended) == sorted(case.went_out())


async def a_stopped_message_stays_here(case: Case) -> None:
    """A message whose intent is refused does not go out and is settled by nobody; what went before it is settled."""
    counter = FakeCounter(letters(60), stop_after=7)
    await case.backend.deliver(counter)
    assert counter.stopped, "no intent was refused"
    assert not set(counter.stopped) & set(case.went_out()), "a stopped message went out"
    assert not set(counter.stopped) & set(counter.outcomes), "a stopped message was settled"
    assert sorted(counter.outcomes) == sorted(case.went_out()) == sorted(counter.intended)


async def a_lane_ends_when_it_is_stopped(case: Case) -> None:
    """A lane takes nothing more once its intent was refused."""
    counter = FakeCounter(letters(200), stop_after=0)
    await case.backend.deliver(counter)
    assert len(counter.stopped) <= len(counter.lanes), "a lane went on taking after it was stopped"
    assert not case.went_out()


async def delivers_again(case: Case) -> None:
    """A backend can be called again, also after it was stopped, and also with nothing to do."""
    await case.backend.deliver(FakeCounter(letters(4), stop_after=2))
    await case.backend.deliver(FakeCounter([]))
    counter = FakeCounter([letter(f"later{n}@example.org", 100 + n) for n in range(5)])
    await case.backend.deliver(counter)
    assert sorted(counter.outcomes) == [f"later{n}@example.org" for n in range(5)]
    assert {f"later{n}@example.org" for n in range(5)} <= set(case.went_out())


async def one_recipient_a_message(case: Case) -> None:
    """Two readers of the same text get a copy each, and no copy goes to both."""
    counter = FakeCounter([letter("rita@example.org", 1), letter("roman@example.org", 2)])
    await case.backend.deliver(counter)
    assert sorted(case.went_out()) == ["rita@example.org", "roman@example.org"]


async def two_deliveries_at_once(case: Case) -> None:
    """Two editions can go out over one backend at the same time, and nothing is mixed up or left."""
    first = FakeCounter(letters(15))
    second = FakeCounter([letter(f"evening{n}@example.org", 100 + n) for n in range(15)])
    await asyncio.gather(case.backend.deliver(first), case.backend.deliver(second))
    assert not first.unsettled
    assert not second.unsettled
    assert sorted(case.went_out()) == sorted([*first.outcomes, *second.outcomes])
    assert len(first.outcomes) == len(second.outcomes) == 15


CHECKS: tuple[Check, ...] = (
    takes_everything_and_settles_each_once,
    intends_before_a_message_goes_out,
    a_stopped_message_stays_here,
    a_lane_ends_when_it_is_stopped,
    delivers_again,
    one_recipient_a_message,
    two_deliveries_at_once,
)


async def run(check: Check, build: Callable[[], AbstractAsyncContextManager[Case]]) -> None:
    """Runs one check over a new backend, and closes it."""
    async with build() as case:
        try:
            await check(case)
        finally:
            await case.backend.close()
