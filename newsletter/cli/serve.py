"""``newsletter serve``."""

from __future__ import annotations

import asyncio
import signal

import typer

from newsletter import schedule
from newsletter.cli.logs import log_to_stderr
from newsletter.cli.output import opened, say


def serve(ctx: typer.Context) -> None:
    """Run the clock: every briefing assembles, locks and sends at its local time. SIGINT and SIGTERM drain."""
    log_to_stderr()
    with opened(ctx) as site:

        async def run() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await schedule.serve(site, stop)

        say(f"serving {site.root}; stop with Ctrl-C")
        asyncio.run(run())
