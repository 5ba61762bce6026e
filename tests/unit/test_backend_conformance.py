"""Every backend that needs no server keeps the contract; the counter that tests it catches those that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from pathlib import Path

import pytest

from newsletter.backends.base import Backend, Counter, Message, OneByOne, Outcome, Result, Stopped
from newsletter.backends.console import ConsoleBackend
from newsletter.backends.memory import MemoryBackend
from newsletter.backends.outbox import OutboxBackend
from newsletter.testing import conformance
from newsletter.testing.conformance import Case


@asynccontextmanager
async def memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Case]:
    backend = MemoryBackend("memory", {})
    yield Case(backend, lambda: [message.recipient for message in backend.messages])


@asynccontextmanager
async def console(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Case]:
    printed: list[str] = []

    def went_out() -> list[str]:
        printed.extend(line.split()[1] for line in capsys.readouterr().out.splitlines() if " · accepted" in line)
        return list(printed)

    yield Case(ConsoleBackend("console", {"limit": 1000}), went_out)


@asynccontextmanager
async def outbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Case]:
    backend = OutboxBackend("outbox", {"path": "outbox"}, tmp_path)

    def went_out() -> list[str]:
        files = (tmp_path / "outbox").glob("new/*")
        return [message_from_bytes(file.read_bytes())["To"] for file in files]

    yield Case(backend, went_out)


class Pigeon(OneByOne):
    def __init__(self) -> None:
        super().__init__("pigeon", {})
        self.flown: list[str] = []

    def send(self, message: Message) -> str:
        self.flown.append(message.recipient)
        return "delivered"


@asynccontextmanager
async def one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Case]:
    pigeon = Pigeon()
    yield Case(pigeon, lambda: list(pigeon.flown))


@pytest.mark.parametrize("build", [memory, console, outbox, one_by_one], ids=lambda build: build.__name__)
@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_the_backend_keeps_the_contract(check, build, tmp_path, capsys):
    asyncio.run(conformance.run(check, lambda: build(tmp_path, capsys)))


class Careless(Backend):
    """Breaks one rule of the contract, which its name says."""

    def __init__(self, sin: str) -> None:
        super().__init__("careless", {})
        self.sin, self.sent = sin, list[str]()

    async def deliver(self, counter: Counter) -> None:
        while (message := await counter.take(0)) is not None:
            if self.sin == "sends before it intends":
                self.sent.append(message.recipient)
            try:
                if self.sin != "never intends":
                    await counter.intend(0, message)
            except Stopped:
                if self.sin != "does not stop":
                    return
            if self.sin != "sends before it intends":
                self.sent.append(message.recipient)
            if self.sin == "forgets to settle" and len(self.sent) == 25:
                return
            counter.settle(0, message, Outcome(Result.ACCEPTED, 250))
            if self.sin == "settles twice":
                counter.settle(0, message, Outcome(Result.ACCEPTED, 250))
            if self.sin == "leaves some" and len(self.sent) == 20:
                return


SINS = [
    "sends before it intends",
    "never intends",
    "does not stop",
    "forgets to settle",
    "settles twice",
    "leaves some",
]


@pytest.mark.parametrize("sin", SINS)
def test_a_backend_that_breaks_a_rule_is_caught(sin):
    def caught(check: conformance.Check) -> bool:
        @asynccontextmanager
        async def build() -> AsyncIterator[Case]:
            backend = Careless(sin)
            yield Case(backend, lambda: list(backend.sent))

        try:
            asyncio.run(conformance.run(check, build))
        except AssertionError:
            return True
        return False

    assert any(caught(check) for check in conformance.CHECKS)
