"""Limits of a backend: how fast it may be, and how fast each provider and domain may be mailed at through it.

What is configured holds for all workers together. What is not is free until a server complains, and then has a pace
until it has recovered. `admit` and `judged` run once a message, on the event loop, and touch memory alone; `keep`
leases tokens and spreads the news between them.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import NoReturn

from sqlalchemy.exc import SQLAlchemyError

from newsletter.backends.base import Outcome, Result
from newsletter.clock import Clock
from newsletter.config import LimitSettings
from newsletter.delivery.bucket import LEASE, Bucket
from newsletter.delivery.pace import HOLD, Plan
from newsletter.delivery.pacestore import PaceStore, Request
from newsletter.delivery.reasons import Reason
from newsletter.delivery.retry import judge
from newsletter.delivery.rulebook import Rule, built_in
from newsletter.errors import ConfigError

_log = logging.getLogger(__name__)

MOST = 10_000
"""Domains and providers of which a worker keeps a bucket, and domains of which it has learnt the provider."""

EVERY = "every"
"""The name in ``per_domain`` of whatever has no line of its own."""

_FIRST_LEASE = 0.25
_AT_ONCE = 500  # paces that one exchange serves
_REFRESH = 5.0
_WINDOW = 10.0
_CLOSED_CHANNEL = timedelta(seconds=5)
"""The pause after a 421 that gives no other: it has closed the connection, and the next would come at once."""


class Limits:
    """The limits of one backend in one worker. For one event loop; ``store`` is called in threads."""

    def __init__(
        self,
        backend: str,
        settings: LimitSettings,
        store: PaceStore,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        """``chance`` spreads the leases of several workers, so that each comes first as often as the others. Raises
        `ConfigError` for a provider or a reason that there is not."""
        where = f"backends.{backend}.limits"
        self.rules = built_in().with_rules(settings.replies, f"{where}.replies")
        self._backend, self._store, self._clock, self._chance = backend, store, clock, chance
        self._plans, self._connections = _plans(settings, where)
        self._every = EVERY in self._plans or EVERY in self._connections
        self._groups = dict(self.rules.groups)
        self._learnt: OrderedDict[str, None] = OrderedDict()
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._whole: Bucket | None = None
        if settings.rate is not None:
            self._whole = Bucket("", Plan(settings.rate, settings.burst), None)
        self._domains = bool(self._plans or self._connections)
        self.limited = self._domains or self._whole is not None
        """Whether anything is: if not, `admit` says yes to everything."""
        self._lease_at = self._refresh_at = 0.0
        self._admitted, self._since, self._before = 0, clock.monotonic(), 0.0

    # Once a message.

    def admit(self, domain: str, now: float) -> float:
        """0.0 when a message to this domain may go, which takes its token; else seconds until it is worth asking again.

        ``now`` is the clock's monotonic time.
        """
        if not self.limited:
            self._admitted += 1
            return 0.0
        whole, bucket = self._whole, self._bucket(domain) if self._domains else None
        wait = 0.0 if whole is None else whole.wait(now, self._lease_at)
        if bucket is not None and (own := bucket.wait(now, self._lease_at)) > wait:
            wait = own
        if wait > 0.0:
            return wait
        if whole is not None:
            whole.take()
        if bucket is not None:
            bucket.take()
        self._admitted += 1
        return 0.0

    def closed(self, now: float) -> float:
        """Seconds for which nothing at all may go, to whatever domain; 0.0 when something may."""
        return 0.0 if self._whole is None else self._whole.wait(now, self._lease_at)

    def group(self, domain: str) -> str:
        """What a domain shares its limit with: the name of its provider, or itself."""
        return self._groups.get(domain, domain)

    def returned(self, domain: str) -> None:
        """A message that was admitted does not leave after all."""
        if self.limited:
            for bucket in self._touched(domain):
                bucket.put_back()

    def judged(self, domain: str, outcome: Outcome) -> bool:
        """Takes what became of an admitted message.

        True when the outcome asked us to be slower, and we are: then it is no failure of the backend, and its breaker
        has nothing to do with it.
        """
        if outcome.result is Result.ACCEPTED:
            if self.limited:
                for bucket in self._touched(domain):
                    bucket.accepted()
            return False
        if self.limited:
            for bucket in self._touched(domain):
                bucket.settled()
        judgement = judge(outcome, self.rules)
        rule = judgement.rule
        throttled = judgement.reason is Reason.THROTTLED
        if not throttled and (rule is None or (rule.settings.pause is None and rule.settings.rate is None)):
            return False
        pause = max(
            (rule.settings.pause if rule is not None else None) or timedelta(0),
            (judgement.wait if throttled else None) or timedelta(0),
            _CLOSED_CHANNEL if outcome.code == 421 else timedelta(0),
        )
        self._slow_down(self._target(domain, rule), rule, pause, throttled=throttled)
        return True

    def _slow_down(self, bucket: Bucket, rule: Rule | None, pause: timedelta, *, throttled: bool) -> None:
        now, wall = self._clock.monotonic(), self._clock.now()
        rate = rule.settings.rate if rule is not None else None
        hold = (rule.settings.hold if rule is not None else None) or HOLD
        if not bucket.news:
            _log.warning(
                "asked to be slower",
                extra={
                    "action": "limit",
                    "backend": self._backend,
                    "limit": bucket.name or "all",
                    "reason": rule.reason.value if rule is not None else Reason.THROTTLED.value,
                    "pause_seconds": int(pause.total_seconds()),
                },
            )
        bucket.slow_down(self._seen(now), rate, wall + hold, throttled=throttled)
        if pause:
            bucket.pause(now + pause.total_seconds(), wall + pause)
        self.limited = True

    def _target(self, domain: str, rule: Rule | None) -> Bucket:
        if rule is None or rule.settings.scope == "backend":
            if self._whole is None:
                self._whole = Bucket("", Plan(), None)
            return self._whole
        if rule.provider and domain not in self._groups and domain not in self._buckets:
            # Its mail is kept there: whoever answers in a provider's words is that provider.
            self._groups[domain] = rule.provider
            self._learnt[domain] = None
            if len(self._learnt) > MOST:
                del self._groups[self._learnt.popitem(last=False)[0]]
        self._domains = True
        return self._add(self.group(domain))

    def _seen(self, now: float) -> float:
        """Messages a second that went lately."""
        return max(self._admitted / max(now - self._since, 1.0), self._before)

    def _touched(self, domain: str) -> list[Bucket]:
        bucket = self._buckets.get(self._groups.get(domain, domain)) if self._domains else None
        return [one for one in (self._whole, bucket) if one is not None]

    def _bucket(self, domain: str) -> Bucket | None:
        name = self._groups.get(domain, domain)
        bucket = self._buckets.get(name)
        if bucket is not None:
            self._buckets.move_to_end(name)
            return bucket
        if self._every or name in self._plans or name in self._connections:
            return self._add(name)
        return None

    def _add(self, name: str) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            plan = self._plans.get(name) or self._plans.get(EVERY) or Plan()
            connections = self._connections.get(name) or self._connections.get(EVERY)
            bucket = self._buckets[name] = Bucket(name, plan, connections)
            if len(self._buckets) > MOST:
                self._evict()
        return bucket

    def _evict(self) -> None:
        # The one that was not asked for longest; rather one that holds nothing, if that is found at once.
        oldest = list(islice(self._buckets, 8))
        name = next((name for name in oldest if not self._buckets[name].busy), oldest[0])
        del self._buckets[name]

    # Between the messages.

    async def load(self) -> None:
        """Takes over what the store knows, from before a restart or from other workers, and leases the first tokens.
        Raises what the database raises."""
        await self._refresh()
        await self.save()

    async def _refresh(self) -> None:
        wall, now = self._clock.now(), self._clock.monotonic()
        paces = await asyncio.to_thread(self._store.read, wall)
        for name, pace in paces.items():
            if name == "":
                self._whole = self._whole or Bucket("", Plan(), None)
                self._whole.follow(pace, wall, now)
            elif len(self._buckets) < MOST or name in self._buckets:
                self._add(name).follow(pace, wall, now)
                self._domains = True
        self.limited = self._domains or self._whole is not None
        self._refresh_at = now + _REFRESH

    async def save(self, *, closing: bool = False) -> None:
        """Tells the store what has been seen, and leases tokens for the next moment; ``closing`` gives all back. Raises
        what the database raises; nothing is lost by that, but for the wait."""
        now = self._clock.monotonic()
        requests: list[Request] = []
        buckets = [*([] if self._whole is None else [self._whole]), *self._buckets.values()]
        by_name = {bucket.name: bucket for bucket in buckets}
        for bucket in buckets:
            if closing or len(requests) < _AT_ONCE:
                request = bucket.request(now, closing=closing)
                if request is not None:
                    requests.append(request)
        if not requests:
            return
        wall = self._clock.now()
        try:
            answers = await asyncio.to_thread(self._store.exchange, requests, wall)
        except SQLAlchemyError:
            for request in requests:
                by_name[request.name].unserved(request)
            raise
        now = self._clock.monotonic()
        for request in requests:
            bucket = by_name[request.name]
            if (answer := answers.get(request.name)) is None:
                bucket.unserved(request)
            else:
                bucket.served(answer, wall, now)
        self._drop_free()

    def _drop_free(self) -> None:
        """Forgets what was never configured and has recovered."""
        for name in [name for name, bucket in self._buckets.items() if _free(bucket)]:
            del self._buckets[name]
        if self._whole is not None and _free(self._whole):
            self._whole = None
        self._domains = bool(self._buckets or self._plans or self._connections)
        self.limited = self._domains or self._whole is not None

    async def keep(self) -> NoReturn:
        """Saves and refreshes for as long as it is let, every half second or so where something is limited."""
        while True:
            pause = self._chance.uniform(_FIRST_LEASE, LEASE)
            self._lease_at = self._clock.monotonic() + pause
            await asyncio.sleep(pause)
            now = self._clock.monotonic()
            if now - self._since >= _WINDOW:
                self._before, self._admitted, self._since = self._admitted / (now - self._since), 0, now
            try:
                if now >= self._refresh_at:
                    await self._refresh()
                await self.save()
            except SQLAlchemyError as error:  # the next round may find the database back
                _log.warning("limits not saved", extra={"action": "limit", "error": type(error).__name__})


def _free(bucket: Bucket) -> bool:
    return not (bucket.paced or bucket.busy or bucket.connections is not None or bucket.plan.rate is not None)


def _plans(settings: LimitSettings, where: str) -> tuple[Mapping[str, Plan], Mapping[str, int]]:
    providers = built_in().providers
    connections = (
        {name: one.connections for name, one in providers.items() if one.connections is not None}
        if settings.published
        else {}
    )
    plans = {}
    for name, pace in settings.per_domain.items():
        if "." not in name and name != EVERY and name not in providers:
            known = ", ".join(providers)
            raise ConfigError(f"{where}.per_domain: there is no provider {name!r}: write a domain, {EVERY}, or {known}")
        name = name.lower()
        if pace.rate is not None:
            plans[name] = Plan(pace.rate, pace.burst)
        if pace.connections is not None:
            connections[name] = pace.connections
    return plans, connections
