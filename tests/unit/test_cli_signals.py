"""What signals do to a command that delivers."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from newsletter.cli.signals import EndedAtOnce, stoppable


def run(*numbers: signal.Signals, obeys: bool, quiet: bool = False, patience: float = 60) -> str:
    """Runs work that sends itself signals, and ends when it is told to stop if it ``obeys``."""

    async def work(stop: asyncio.Event) -> str:
        for number in numbers:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0)
        await stop.wait()
        if not obeys:
            await asyncio.Event().wait()
        return "drained"

    return asyncio.run(stoppable(work, lambda: 12, quiet=quiet, patience=patience))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_the_first_one_lets_the_work_drain_and_says_what_it_waits_for(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(number, obeys=True) == "drained"
    assert capsys.readouterr().err.startswith("draining: 12 messages on the wire; again")


def test_a_second_one_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EndedAtOnce):
        run(signal.SIGINT, signal.SIGTERM, obeys=False)
    assert "ending at once" in capsys.readouterr().err


def test_a_termination_does_not_wait_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EndedAtOnce):
        run(signal.SIGTERM, obeys=False, patience=0.01)
    assert "no answer" in capsys.readouterr().err


def test_a_quiet_one_leaves_the_words_to_its_parent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(signal.SIGTERM, obeys=True, quiet=True) == "drained"
    with pytest.raises(EndedAtOnce):
        run(signal.SIGTERM, signal.SIGINT, obeys=False, quiet=True)
    assert capsys.readouterr().err == ""
