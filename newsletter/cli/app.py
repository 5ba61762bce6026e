"""The commands, and what an error becomes: one line, and an exit status."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from newsletter import failpoints
from newsletter.cli import (
    demo,
    editing,
    inbound,
    join,
    mails,
    segments,
    send,
    serve,
    site,
    status,
    stories,
    subscribers,
    suppressions,
    users,
    worker,
)
from newsletter.cli.output import complain
from newsletter.errors import NewsletterError

app = typer.Typer(
    name="newsletter",
    help="A briefing press for newsrooms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    ctx: typer.Context,
    config: Annotated[
        Path, typer.Option("--config", envvar="NEWSLETTER_CONFIG", help="The site's configuration.")
    ] = Path("config.yaml"),
) -> None:
    failpoints.arm(os.environ.get("NEWSLETTER_FAILPOINTS", ""))
    ctx.obj = config


app.add_typer(stories.app, name="stories")
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(suppressions.app, name="suppressions")
app.add_typer(segments.app, name="segments")
app.add_typer(users.app, name="users")
app.add_typer(mails.app, name="mails")
app.add_typer(site.db, name="db")
app.add_typer(editing.app, name="edition")
for command in (
    site.init,
    demo.demo,
    send.send,
    status.status,
    status.deliveries,
    site.plan,
    site.doctor,
    serve.serve,
    worker.worker,
    inbound.inbound,
    join.join_form,
):
    app.command()(command)
app.command("test-send")(send.copy)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command, the process's own unless given; raises SystemExit, or returns the exit status of what failed.

    0 done, 1 refused or failed, 2 wrong usage or configuration.
    """
    try:
        app(args=sys.argv[1:] if arguments is None else arguments, prog_name="newsletter")
    except NewsletterError as error:
        complain(str(error))
        return error.exit_status
    except (OperationalError, ProgrammingError) as error:
        reason = str(error.orig).strip().splitlines()
        complain(f"the database cannot be used: {reason[0] if reason else error}; see `newsletter doctor`")
        return 1
    return 0
