"""The event loop: uvloop's where it is installed (the extra ``fast``), else Python's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


def factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes a loop for `asyncio.Runner`; None for Python's own."""
    try:
        made: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    except ImportError:
        return None
    return made


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end in a loop of its own, like `asyncio.run`."""
    with asyncio.Runner(loop_factory=factory()) as runner:
        return runner.run(work)
