"""``newsletter serve``."""

from __future__ import annotations

import typer

from newsletter import loop, press, schedule
from newsletter.cli.logs import log_to_stderr
from newsletter.cli.output import opened, say
from newsletter.cli.signals import EndedAtOnce, stoppable
from newsletter.errors import Refused


def serve(ctx: typer.Context) -> None:
    """Run the clock: every briefing assembles, locks and sends at its local time. SIGINT and SIGTERM drain."""
    log_to_stderr()
    with opened(ctx) as site:
        say(f"serving {site.root}; stop with Ctrl-C")
        try:
            # The clock has a patience of its own.
            serving = stoppable(lambda stop: schedule.serve(site, stop), lambda: press.on_the_wire(site), patience=None)
            loop.run(serving)
        except EndedAtOnce:
            raise Refused("ended at once: `newsletter status` tells who is in doubt") from None
