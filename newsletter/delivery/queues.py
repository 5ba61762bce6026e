"""Domain queues: the readers of a batch, handed out so that nobody waits for a domain that is not their own."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Protocol

from newsletter.delivery.ledger import Recipient


class Gatekeeper(Protocol):
    """Who says which domain may be mailed at: `newsletter.delivery.limits.Limits`."""

    limited: bool
    """Whether anybody may have to wait."""

    def admit(self, domain: str, now: float) -> float:
        """0.0 when a message may go, which takes its token; else seconds until it is worth asking again."""

    def closed(self, now: float) -> float:
        """Seconds for which nothing may go, to whatever domain."""

    def group(self, domain: str) -> str:
        """What a domain shares its limit with."""


class DomainQueues:
    """Readers in their order, but for those whose domain has to wait: these are set aside, and come first when it may.

    Each step costs the same however many readers wait, but for the logarithm of the number of domains that do.
    """

    def __init__(self, recipients: Iterable[Recipient], gate: Gatekeeper) -> None:
        self._gate = gate
        self._fresh = deque(recipients)
        self._aside: dict[str, deque[Recipient]] = {}
        self._wake: list[tuple[float, int, str]] = []
        self._turn = 0
        self.left = len(self._fresh)
        """How many readers wait."""

    def next(self, now: float) -> Recipient | float:
        """The next reader who may be mailed, whose token is taken; or the seconds until it is worth asking again.

        Raises IndexError when there are none.
        """
        if not self.left:
            raise IndexError("no reader is left")
        gate, wait = self._gate, 0.0
        if not gate.limited and not self._aside:
            gate.admit("", now)  # it counts what goes
            self.left -= 1
            return self._fresh.popleft()
        while self._wake and self._wake[0][0] <= now:
            name = self._wake[0][2]
            waiting = self._aside[name]
            wait = gate.admit(_domain(waiting[0]), now)
            if wait > 0.0:
                if (closed := gate.closed(now)) > 0.0:
                    return closed
                heapq.heapreplace(self._wake, (now + wait, self._next_turn(), name))
                continue
            if len(waiting) == 1:
                heapq.heappop(self._wake)
                del self._aside[name]
            else:
                # Behind the other domains that are due, so that a large one does not keep them waiting.
                heapq.heapreplace(self._wake, (now, self._next_turn(), name))
            self.left -= 1
            return waiting.popleft()
        fresh = self._fresh
        while fresh:
            recipient = fresh[0]
            domain = _domain(recipient)
            if self._aside and (waiting_too := self._aside.get(gate.group(domain))) is not None:
                waiting_too.append(fresh.popleft())
                continue
            wait = gate.admit(domain, now)
            if wait > 0.0:
                if (closed := gate.closed(now)) > 0.0:
                    return closed
                name = gate.group(domain)
                self._aside[name] = deque((fresh.popleft(),))
                heapq.heappush(self._wake, (now + wait, self._next_turn(), name))
                continue
            self.left -= 1
            return fresh.popleft()
        return max(self._wake[0][0] - now, 0.0)

    def upcoming(self, most: int) -> list[Recipient]:
        """Who is likely to come next, ``most`` at most."""
        return [*islice(self._fresh, most)]

    def put_back(self, recipient: Recipient) -> None:
        """One who was handed out was not mailed: first again."""
        self._fresh.appendleft(recipient)
        self.left += 1

    def clear(self) -> None:
        """Nobody is left."""
        self._fresh.clear()
        self._aside.clear()
        self._wake.clear()
        self.left = 0

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn


def _domain(recipient: Recipient) -> str:
    return recipient.email.rpartition("@")[2]
