"""A counter without a pump: for tests of backends, ours and those of plug-ins.

It holds the backend to the contract of `newsletter.backends.base` while it runs, and keeps what happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from newsletter.backends.base import Answer, Counter, Message, Outcome, Result, Stopped


class FakeCounter(Counter):
    """Hands out ``messages`` in their order, each once.

    ``outcomes`` holds every outcome by recipient; ``intended`` the recipients in the order of their intents.
    ``stop_after`` intents, the next one raises `Stopped`, and so does every later one. ``before_intent`` is called with
    the message before its intent is recorded: the place to look that nothing of it has gone out yet. A breach of the
    contract raises AssertionError out of `deliver`.
    """

    def __init__(
        self,
        messages: Iterable[Message],
        *,
        stop_after: int | None = None,
        before_intent: Callable[[Message], None] | None = None,
    ) -> None:
        self.waiting = list(messages)
        self.taken: list[Message] = []
        self.intended: list[str] = []
        self.stopped: list[str] = []
        self.outcomes: dict[str, Outcome] = {}
        self.lanes: set[int] = set()
        self.seconds_to_disk = 0.0
        """How long an intent takes to be on disk."""
        self._stop_after, self._before_intent = stop_after, before_intent
        self._open: dict[int, list[Message]] = {}

    @property
    def unsettled(self) -> list[str]:
        """Recipients of messages that were taken and never settled, without those whose intent was refused."""
        return [m.recipient for m in self.taken if m.recipient not in self.outcomes and m.recipient not in self.stopped]

    def next(self, lane: int) -> Message | None:
        if not self.waiting:
            return None
        message = self.waiting.pop(0)
        self.lanes.add(lane)
        self.taken.append(message)
        on_lane = self._open.setdefault(lane, [])
        on_lane.append(message)
        assert len(on_lane) <= 2, (
            f"lane {lane} holds {len(on_lane)} messages: one on the wire and one behind it at most"
        )
        return message

    async def more(self, lane: int) -> bool:
        await asyncio.sleep(0)
        return bool(self.waiting)

    async def take(self, lane: int) -> Message | None:
        await asyncio.sleep(0)  # so that lanes that only take and settle take turns
        return await super().take(lane)

    def announce(self, lane: int, message: Message, then: Answer) -> None:
        assert message in self._open.get(lane, ()), (
            f"lane {lane} intends a message that it did not take, or has settled"
        )
        assert self._open[lane][0] is message, f"lane {lane} intends a message before it settled the one before"
        if self._before_intent is not None:
            self._before_intent(message)
        stopped: Stopped | None = None
        if self._stop_after is not None and len(self.intended) >= self._stop_after:
            self._open[lane].remove(message)
            self.stopped.append(message.recipient)
            stopped = Stopped("after so many intents")
        else:
            self.intended.append(message.recipient)
        asyncio.get_running_loop().call_later(self.seconds_to_disk, then, stopped)

    def settle(self, lane: int, message: Message, outcome: Outcome) -> None:
        assert message in self._open.get(lane, ()), f"lane {lane} settles what it did not take, or settles twice"
        self._open[lane].remove(message)
        if outcome.result in (Result.ACCEPTED, Result.IN_DOUBT):
            assert message.recipient in self.intended, "a message went out that nobody had intended"
        self.outcomes[message.recipient] = outcome

    def give_back(self, lane: int, message: Message) -> None:
        assert message in self._open.get(lane, ()), f"lane {lane} gives back what it did not take, or has settled"
        assert message.recipient not in self.intended, "a message that was intended cannot be given back"
        self._open[lane].remove(message)
        self.taken.remove(message)
        self.waiting.insert(0, message)
