"""One marked copy to an allowed address. Never in the ledger, and it tells the truth about what the server said."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from newsletter.backends.base import Answer, Counter, Message, Outcome
from newsletter.delivery.ledger import Recipient
from newsletter.errors import Refused
from newsletter.press.messages import NEUTRAL, compiled_for, headers, reader_values, rendered_for
from newsletter.press.site import Site
from newsletter.rendering.headers import addr_spec, recipient


class _One(Counter):
    """A counter with one message, which no ledger knows of."""

    def __init__(self, message: Message) -> None:
        self._message: Message | None = message
        self.outcome: Outcome | None = None

    def next(self, lane: int) -> Message | None:
        message, self._message = self._message, None
        return message

    async def more(self, lane: int) -> bool:
        return self._message is not None

    def announce(self, lane: int, message: Message, then: Answer) -> None:
        asyncio.get_running_loop().call_soon(then, None)

    def settle(self, lane: int, message: Message, outcome: Outcome) -> None:
        self.outcome = outcome

    def give_back(self, lane: int, message: Message) -> None:
        self._message = message


def allowed(site: Site, address: str) -> bool:
    """Whether ``test_addresses`` of the configuration names the address, or its domain as ``@domain``."""
    wanted = address.lower()
    known = {entry.lower() for entry in site.settings.test_addresses}
    return wanted in known or "@" + wanted.rpartition("@")[2] in known


async def test_send(site: Site, key: str, to: str, segment: str | None = None) -> Outcome:  # noqa: PT028
    """Sends a copy, marked in subject and header, through the segment's first backend. Its links name no reader.

    Raises `Refused` for an address that is not allowed. The outcome is what the server said.
    """
    if not allowed(site, to):
        raise Refused("that address is not allowed for test copies: add it, or its @domain, to test_addresses")
    segment = segment or site.briefing(key.partition("/")[0]).segments[0]
    edition, rendered = rendered_for(site, key, segment)
    extra = (("X-Newsletter-Test", f"{key} {segment}"),)
    head = headers(site, edition, segment, site.clock.now(), extra)
    compiled = compiled_for(site, edition, replace(rendered, subject=f"[Test] {rendered.subject}"), head)
    domain = addr_spec(head.sender_address).rpartition("@")[2]
    values = replace(
        reader_values(site, edition, Recipient(NEUTRAL, to, "", 0)),
        message_id=f"test.{int(site.clock.now().timestamp() * 1000):x}@{domain}",
    )
    counter = _One(Message(NEUTRAL, compiled.sender, recipient(to), compiled.build(values)))
    backend = site.backend(site.segment(segment).backends[0])
    try:
        await backend.deliver(counter)
    finally:
        await backend.close()
    assert counter.outcome is not None, "the backend settled nothing"
    return counter.outcome
