"""The event loop that is used carries a send."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec

import pytest

from newsletter import loop
from newsletter.backends.base import Result
from newsletter.backends.smtp import SmtpBackend
from newsletter.testing.conformance import letters
from newsletter.testing.counter import FakeCounter
from newsletter.testing.smtp import ScriptedServer

EXTENSIONS = {"data": ("PIPELINING", "8BITMIME"), "bare": ()}


@pytest.mark.parametrize("extensions", EXTENSIONS.values(), ids=EXTENSIONS)
def test_the_loop_that_is_installed_carries_a_send(extensions: tuple[str, ...]) -> None:
    async def scene() -> tuple[FakeCounter, ScriptedServer, str]:
        async with ScriptedServer(extensions=extensions) as server:
            counter = FakeCounter(letters(20))
            backend = SmtpBackend("relay", {"host": server.host, "port": server.port, "tls": "none", "connections": 3})
            await backend.deliver(counter)
            await backend.close()
            return counter, server, type(asyncio.get_running_loop()).__module__

    counter, server, module = loop.run(scene())
    assert module.startswith("uvloop" if find_spec("uvloop") else "asyncio")
    assert {outcome.result for outcome in counter.outcomes.values()} == {Result.ACCEPTED}
    assert len(server.accepted) == 20
    assert not server.violations


def test_without_uvloop_it_is_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop.factory() is None
