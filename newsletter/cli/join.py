"""``newsletter join-form``."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.catalogues import languages
from newsletter.cli.output import opened, say
from newsletter.press.snippet import join_form as form


def join_form(
    ctx: typer.Context,
    briefing: Annotated[
        list[str] | None, typer.Option("--briefing", help="For this briefing; may be repeated.", metavar="KEY")
    ] = None,
    language: Annotated[str, typer.Option("--language", help="The publication's unless given.", metavar="CODE")] = "",
) -> None:
    """Print a sign-up form for a page of your own: HTML, without script and styles."""
    if language and language not in languages():
        raise typer.BadParameter(
            f"{language!r} is no language of the catalogues: write one of {', '.join(languages())}"
        )
    with opened(ctx) as site:
        say(form(site, briefing or (), language).rstrip("\n"))
