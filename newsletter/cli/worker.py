"""``newsletter worker``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from newsletter import loop, press
from newsletter.cli.logs import log_to_stderr
from newsletter.cli.output import duration_of, opened, say
from newsletter.cli.signals import EndedAtOnce, stoppable
from newsletter.errors import Refused
from newsletter.press.drain import DRAIN_SECONDS


def worker(
    ctx: typer.Context,
    edition: Annotated[
        str | None, typer.Option("--edition", help="One edition alone; ends when nothing of it is due.", metavar="KEY")
    ] = None,
    wait: Annotated[
        str | None, typer.Option("--wait", help="With --edition: how long to stay for messages to be tried again.")
    ] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Deliver what is being sent, beside as many others as wanted, until told to stop. SIGINT and SIGTERM drain."""
    span = duration_of(wait)
    if span is not None and edition is None:
        raise typer.BadParameter("--wait goes with --edition: without it a worker stays until it is told to stop")
    if edition is None:
        log_to_stderr()
    with opened(ctx) as site:
        key = None if edition is None else press.edition_of(site, edition)

        async def work(stop: asyncio.Event) -> None:
            with _parent(stop) if with_parent else contextlib.nullcontext():
                if key is None:
                    await press.work(site, stop)
                else:
                    await press.go_on(site, key, wait=span, stop=stop)

        # A parent sees to it when it is asked to stop.
        patience = None if with_parent else DRAIN_SECONDS
        if not with_parent:
            say(f"working on {key or site.root}; stop with Ctrl-C")
        try:
            loop.run(stoppable(work, lambda: press.on_the_wire(site, key), quiet=with_parent, patience=patience))
        except EndedAtOnce:
            raise Refused("ended at once: `newsletter status` tells who is in doubt") from None


@contextlib.contextmanager
def _parent(stop: asyncio.Event) -> Iterator[None]:
    """Sets ``stop`` when the process that started this one is gone: then the pipe that is our standard input ends."""
    loop, pipe = asyncio.get_running_loop(), sys.stdin.fileno()

    def heard() -> None:
        if not os.read(pipe, 4096):
            loop.remove_reader(pipe)
            stop.set()

    loop.add_reader(pipe, heard)
    try:
        yield
    finally:
        loop.remove_reader(pipe)
