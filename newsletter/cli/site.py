"""The site as a whole: ``db``, ``init``, ``plan``, ``doctor``."""

from __future__ import annotations

import typer

from newsletter.cli.output import opened, say
from newsletter.database import schema

db = typer.Typer(help="The database.", no_args_is_help=True)


@db.callback()
def _db() -> None:
    pass


@db.command()
def upgrade(ctx: typer.Context) -> None:
    """Bring the schema up to date."""
    with opened(ctx, schema=False) as site:
        before = schema.current(site.database)
        schema.upgrade(site.database)
        after = schema.current(site.database)
    say(f"the schema is up to date ({after})" if before == after else f"the schema is now {after}")
