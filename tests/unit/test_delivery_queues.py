"""Domain queues: nobody waits for a domain that is not their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.ledger import Recipient
from newsletter.delivery.queues import DomainQueues


class Gate:
    """Lets each group through at the times it is told; counts how often it is asked."""

    limited = True

    def __init__(self, after: dict[str, float] | None = None, groups: dict[str, str] | None = None) -> None:
        self.after, self.groups, self.asked = after or {}, groups or {}, 0
        self.every: dict[str, float] = {}
        self.shut = 0.0

    def admit(self, domain: str, now: float) -> float:
        self.asked += 1
        group = self.group(domain)
        if (wait := max(self.closed(now), self.after.get(group, 0.0) - now)) > 0:
            return wait
        if group in self.every:
            self.after[group] = now + self.every[group]
        return 0.0

    def closed(self, now: float) -> float:
        return max(0.0, self.shut - now)

    def group(self, domain: str) -> str:
        return self.groups.get(domain, domain)


def readers(*domains: str) -> list[Recipient]:
    return [Recipient(number, f"reader{number}@{domain}", "Rita", 0) for number, domain in enumerate(domains)]


def drain(queues: DomainQueues, now: float) -> tuple[list[int], float]:
    """Who may be mailed now, and how long the others wait."""
    handed = []
    while queues.left:
        found = queues.next(now)
        if isinstance(found, float):
            return handed, found
        handed.append(found.subscriber)
    return handed, 0.0


def test_without_a_limit_everyone_comes_in_order() -> None:
    assert drain(DomainQueues(readers("a", "b", "a", "c"), Gate()), 0.0) == ([0, 1, 2, 3], 0.0)


def test_a_domain_that_waits_is_passed_over_and_comes_first_when_it_may() -> None:
    queues = DomainQueues(readers("a", "b", "a", "b", "c"), Gate({"a": 5.0}))
    assert drain(queues, 0.0) == ([1, 3, 4], 5.0)
    assert queues.left == 2
    assert drain(queues, 2.0) == ([], 3.0)
    assert drain(queues, 5.0) == ([0, 2], 0.0)


def test_who_waited_comes_before_who_did_not() -> None:
    queues = DomainQueues(readers("a", "b", "b", "b"), Gate({"a": 1.0}))
    first = queues.next(0.0)
    assert isinstance(first, Recipient)
    assert first.subscriber == 1
    assert drain(queues, 1.0) == ([0, 2, 3], 0.0)


def test_domains_of_one_provider_wait_together_in_their_order() -> None:
    gate = Gate({"google": 5.0}, {"gmail.com": "google", "googlemail.com": "google"})
    queues = DomainQueues(readers("gmail.com", "a", "googlemail.com", "gmail.com"), gate)
    assert drain(queues, 0.0) == ([1], 5.0)
    assert gate.asked == 2
    assert drain(queues, 5.0) == ([0, 2, 3], 0.0)


def test_a_provider_at_one_a_second_does_not_keep_another_waiting() -> None:
    gate = Gate({"a": 1.0, "b": 1.0})
    gate.every = {"a": 1.0, "b": 1.0}
    queues = DomainQueues(readers("a", "a", "a", "b", "b"), gate)
    assert drain(queues, 0.0) == ([], 1.0)
    assert drain(queues, 1.0) == ([0, 3], 1.0)
    assert drain(queues, 2.0) == ([1, 4], 1.0)
    assert drain(queues, 3.0) == ([2], 0.0)


def test_while_the_backend_is_closed_nobody_is_set_aside() -> None:
    gate = Gate()
    gate.shut = 3.0
    queues = DomainQueues(readers("a", "b", "c"), gate)
    assert drain(queues, 0.0) == ([], 3.0)
    assert gate.asked == 1
    assert drain(queues, 3.0) == ([0, 1, 2], 0.0)


def test_who_is_put_back_comes_first_again() -> None:
    queues = DomainQueues(readers("a", "b"), Gate())
    first = queues.next(0.0)
    assert isinstance(first, Recipient)
    queues.put_back(first)
    assert queues.left == 2
    assert drain(queues, 0.0) == ([0, 1], 0.0)


def test_after_it_is_cleared_there_is_nobody() -> None:
    queues = DomainQueues(readers("a", "b"), Gate({"a": 9.0}))
    queues.next(0.0)
    queues.clear()
    assert queues.left == 0
    with pytest.raises(IndexError):
        queues.next(0.0)


@given(
    domains=st.lists(st.sampled_from("abcdef"), max_size=60),
    after=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 20).map(float)),
    every=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5).map(float)),
)
def test_everyone_comes_once_and_each_domain_in_its_order(
    domains: list[str], after: dict[str, float], every: dict[str, float]
) -> None:
    gate = Gate(dict(after))
    gate.every = every
    queues, now, handed = DomainQueues(readers(*domains), gate), 0.0, []
    for _ in range(1000):
        some, wait = drain(queues, now)
        handed += some
        assert queues.left == len(domains) - len(handed)
        if not queues.left:
            break
        assert wait > 0.0
        now += wait
    assert sorted(handed) == list(range(len(domains)))
    for domain in set(domains):
        own = [number for number in handed if domains[number] == domain]
        assert own == sorted(own)


def test_a_large_batch_of_a_waiting_domain_is_asked_about_once() -> None:
    gate = Gate({"a": 100.0})
    queues = DomainQueues(readers(*["a"] * 5000, "b"), gate)
    assert drain(queues, 0.0) == ([5000], 100.0)
    assert gate.asked == 2
