"""A pace: a token bucket that slows down when a server says so, and speeds up again. Values only; no clock, no table.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681 section 3.1): what is taken speeds up by a
six-hundredth of the ceiling each second, a throttling halves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

SLOWEST = 1 / 60
"""Messages a second: no throttling makes it slower than one a minute."""
SAME_BREATH = timedelta(seconds=2)
"""Throttlings that come so close together count once: they speak of the same rush."""
HOLD = timedelta(seconds=30)
"""How long it does not speed up after a throttling, unless a rule says otherwise."""
RECOVERY = 600.0
"""Seconds of steady traffic from nothing back to the ceiling."""

_STRIDE = 0.1  # of the ceiling, at most, in one step: silence earns nothing


@dataclass(frozen=True, slots=True)
class Plan:
    """What is configured: messages a second (None: nothing, it is as fast as it goes) and at once."""

    rate: float | None = None
    burst: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a worker has seen since it last said so: how many were taken, and whether servers asked for less."""

    accepted: int = 0
    throttled: bool = False
    seen: float = 0.0
    """Messages a second that went when they asked: from where a pace begins that is not configured."""
    rate: float | None = None
    """No faster than this until ``held_until``."""
    held_until: datetime | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """The bucket. ``tokens`` are as of ``at``."""

    rate: float
    ceiling: float
    tokens: float
    at: datetime
    paused_until: datetime | None = None
    slowed_at: datetime | None = None
    held_until: datetime | None = None

    @classmethod
    def full(cls, ceiling: float, burst: int | None, now: datetime) -> Pace:
        """One that nobody has slowed down."""
        return cls(ceiling, ceiling, float(burst or max(1.0, ceiling)), now)

    def burst(self, plan: Plan) -> float:
        """How many may go at once: as much less than configured as the rate is."""
        most = plan.burst or max(1.0, self.ceiling)
        return max(1.0, most * self.rate / self.ceiling)

    def configured(self, plan: Plan) -> Pace:
        """With the ceiling that the config says now; a rate that was slowed down stays, if it is less."""
        if plan.rate is None or plan.rate == self.ceiling:
            return self
        rate = plan.rate if self.rate >= self.ceiling else min(self.rate, plan.rate)
        return replace(self, ceiling=plan.rate, rate=rate)

    def refilled(self, plan: Plan, now: datetime) -> Pace:
        """At a later instant. A clock that went back adds nothing."""
        passed = max(0.0, (now - self.at).total_seconds())
        tokens = min(self.burst(plan), self.tokens + passed * self.rate)
        return replace(self, tokens=tokens, at=max(now, self.at))

    def told(self, told: Told, now: datetime) -> Pace:
        """After what a worker has seen."""
        pace = self
        if told.throttled or told.rate is not None:
            pace = pace._slowed(told, now)
        elif told.accepted and (pace.held_until is None or now >= pace.held_until):
            step = told.accepted * pace.ceiling / RECOVERY / pace.rate
            rate = min(pace.ceiling, pace.rate + min(step, _STRIDE * pace.ceiling))
            pace = replace(pace, rate=rate)
        if told.paused_until is not None:
            until = max(told.paused_until, pace.paused_until or told.paused_until)
            pace = replace(pace, paused_until=until, tokens=min(pace.tokens, 1.0))
        return pace

    def _slowed(self, told: Told, now: datetime) -> Pace:
        rate = self.rate
        if told.throttled and (self.slowed_at is None or now - self.slowed_at >= SAME_BREATH):
            rate = max(min(SLOWEST, self.ceiling), rate / 2)
        if told.rate is not None:
            rate = min(rate, told.rate)
        held = max(told.held_until or now + HOLD, self.held_until or now)
        return replace(self, rate=rate, slowed_at=now, held_until=held, tokens=min(self.tokens, 1.0))

    def paused(self, now: datetime) -> bool:
        """Whether nothing may go at an instant."""
        return self.paused_until is not None and now < self.paused_until

    def over(self, plan: Plan, now: datetime) -> bool:
        """Whether a pace that nobody has configured has served its time."""
        return plan.rate is None and self.rate >= self.ceiling and not self.paused(now)

    def taken(self, want: float, now: datetime) -> tuple[Pace, int]:
        """Whole tokens for a worker, as many as there are and it wants."""
        granted = 0 if self.paused(now) else int(min(want, self.tokens))
        return replace(self, tokens=self.tokens - granted), granted

    def next_token(self, now: datetime) -> float:
        """Seconds until there is a whole token."""
        pause = (self.paused_until - now).total_seconds() if self.paused_until is not None else 0.0
        return max(0.0, pause, (1.0 - self.tokens) / self.rate)
