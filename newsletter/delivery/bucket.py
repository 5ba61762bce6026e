"""What one worker knows of one pace: the tokens that it has leased, and what it has to tell the others."""

from __future__ import annotations

import math
from datetime import datetime

from newsletter.delivery.pace import Pace, Plan, Told
from newsletter.delivery.pacestore import Answer, Request

LEASE = 0.75
"""Seconds for which a worker leases tokens ahead: the longest time between two of its leases."""

SOON = 0.02
"""Seconds after which it is worth asking again for what is about to be there."""


class Bucket:
    """Leased tokens of a backend, a provider or a domain. Times are the clock's monotonic seconds, but where told."""

    __slots__ = (
        "_accepted",
        "_back",
        "_held_until",
        "_not_before",
        "_paused_until",
        "_rate_now",
        "_seen",
        "_throttled",
        "_to",
        "_used",
        "connections",
        "name",
        "out",
        "paced",
        "paused",
        "plan",
        "tokens",
    )

    def __init__(self, name: str, plan: Plan, connections: int | None) -> None:
        self.name, self.plan, self.connections = name, plan, connections
        self.paced = plan.rate is not None
        """Whether it needs tokens at all."""
        self.tokens = 0
        self.paused = 0.0
        self.out = 0
        """Messages on the wire, where ``connections`` are limited."""
        self._rate_now = plan.rate or 1.0
        self._not_before = 0.0
        self._used = self.paced and not name  # a backend's own is wanted by the first message
        self._back = 0
        self._forget()

    def _forget(self) -> None:
        self._accepted, self._throttled, self._seen = 0, False, 0.0
        self._to: float | None = None
        self._held_until: datetime | None = None
        self._paused_until: datetime | None = None

    def wait(self, now: float, lease_at: float) -> float:
        """Seconds until it is worth asking again; 0.0 when a message may go now. ``lease_at`` is the next lease."""
        self._used = True
        if now < self.paused:
            return self.paused - now
        if self.connections is not None and self.out >= self.connections:
            return SOON
        if not self.paced or self.tokens > 0:
            return 0.0
        return max(SOON, lease_at - now, self._not_before - now)

    def take(self) -> None:
        """One message goes."""
        if self.paced:
            self.tokens -= 1
        if self.connections is not None:
            self.out += 1

    def put_back(self) -> None:
        """One that was taken does not go after all."""
        if self.paced:
            self.tokens += 1
        self.settled()

    def settled(self) -> None:
        """One is off the wire."""
        if self.out:
            self.out -= 1

    def accepted(self) -> None:
        """One was taken by the server."""
        self._accepted += 1
        self.settled()

    def slow_down(self, seen: float, rate: float | None, held_until: datetime | None, *, throttled: bool) -> None:
        """A server asked for less. What was leased goes back: it is the others' as much as ours."""
        self.paced = self.paced or throttled or rate is not None
        self._throttled = self._throttled or throttled
        self._seen = max(self._seen, seen)
        self._to = rate if self._to is None or rate is None else min(self._to, rate)
        self._held_until = held_until or self._held_until
        self._back, self.tokens = self._back + self.tokens, 0

    def pause(self, until: float, instant: datetime) -> None:
        """Nothing goes before a time, which is also told as an ``instant`` to the other workers."""
        self.paused = max(self.paused, until)
        self._paused_until = max(instant, self._paused_until or instant)
        self._back, self.tokens = self._back + self.tokens, 0

    @property
    def news(self) -> bool:
        """Whether there is something that others should know."""
        return self._throttled or self._to is not None or self._paused_until is not None

    @property
    def busy(self) -> bool:
        """Whether forgetting it would lose something."""
        return bool(self.out or self._back or self.news)

    def request(self, now: float, *, closing: bool = False) -> Request | None:
        """What to ask of the store, and None when there is nothing. What was told counts as told."""
        if not self.paced and not self.news:
            return None
        used = self._used and not closing
        want = 0
        if used and now >= self._not_before and now >= self.paused:
            want = max(0, max(1, math.ceil(self._rate_now * LEASE)) - self.tokens)
        elif not used:
            self._back, self.tokens = self._back + self.tokens, 0
        self._used = used and not want and not self.tokens  # it has to wait for its token: ask again then
        if not (want or self._back or self.news or (closing and self._accepted)):
            return None
        told = Told(self._accepted, self._throttled, self._seen, self._to, self._held_until, self._paused_until)
        back, self._back = self._back, 0
        self._forget()
        return Request(self.name, self.plan, want, back, told)

    def unserved(self, request: Request) -> None:
        """Nothing of a request could be written: it is told again."""
        told = request.told
        self._used = True
        self._back += int(request.back)
        self._accepted += told.accepted
        self._throttled = self._throttled or told.throttled
        self._seen = max(self._seen, told.seen)
        self._to = told.rate if self._to is None else self._to
        self._held_until = self._held_until or told.held_until
        self._paused_until = self._paused_until or told.paused_until

    def served(self, answer: Answer, wall: datetime, now: float) -> None:
        """Takes what the store answered at an instant, which is ``now`` by the monotonic clock."""
        if answer.pace is None:
            self.paced = self.plan.rate is not None or self.news
            return
        self.follow(answer.pace, wall, now)
        self.tokens += answer.granted
        if self.tokens == 0:
            self._not_before = now + answer.pace.next_token(wall)

    def follow(self, pace: Pace, wall: datetime, now: float) -> None:
        """Takes a pace and a pause over from the store."""
        self.paced = True
        self._rate_now = pace.rate
        if pace.paused_until is not None:
            self.paused = max(self.paused, now + (pace.paused_until - wall).total_seconds())
