"""``newsletter serve``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from newsletter import loop, press
from newsletter.cli.logs import log_to_stderr
from newsletter.cli.output import opened, say
from newsletter.cli.signals import EndedAtOnce, stoppable
from newsletter.errors import Refused
from newsletter.press import Site


def serve(
    ctx: typer.Context,
    no_web: Annotated[bool, typer.Option("--no-web", help="Without the desk and readers' pages.")] = False,
    no_clock: Annotated[
        bool, typer.Option("--no-clock", help="The desk and readers' pages alone: another process runs the clock.")
    ] = False,
) -> None:
    """Run the clock, the editors' desk and readers' pages: every briefing assembles, locks and sends at its local time.

    With a process for each (`--no-web` and `--no-clock`) pages are answered as quickly while a large edition goes out.
    SIGINT and SIGTERM drain.
    """
    if no_web and no_clock:
        raise Refused("there is nothing left to serve: leave out --no-web or --no-clock")
    # The desk and the clock take 15 MB that no other command needs.
    from newsletter import schedule
    from newsletter.web import WebServer

    log_to_stderr()
    # The desk stays open while the clock drains, so that its people see what becomes of a send.
    with opened(ctx) as site, ExitStack() as open_:
        if not no_web:
            desk = open_.enter_context(WebServer(site))
            say(f"the desk is at {desk.url}")
            _invite(site, desk.url)
        say(f"serving {site.root}{' without the clock' if no_clock else ''}; stop with Ctrl-C")
        try:
            # The clock has a patience of its own.
            work = (lambda stop: stop.wait()) if no_clock else (lambda stop: schedule.serve(site, stop))
            loop.run(stoppable(work, lambda: press.on_the_wire(site), quiet=no_clock, patience=None))
        except EndedAtOnce:
            raise Refused("ended at once: `newsletter status` tells who is in doubt") from None


def _invite(site: Site, url: str) -> None:
    from newsletter.accounts.signin import LINK_LASTS, first_link

    token = first_link(site.database, site.clock.now())
    if token is not None:
        hours = int(LINK_LASTS.total_seconds() // 3600)
        say(f"nobody has an account yet; this link makes the first one, once, within {hours} hours:")
        say(f"  {url}/first/{token}")
