"""``newsletter edition correct`` and ``corrections``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from newsletter import press
from newsletter.cli.output import Json, Key, Who, named, opened, print_json, print_table, say
from newsletter.editions.corrections import Kind
from newsletter.errors import Refused


def correct(
    ctx: typer.Context,
    key: Key,
    by: Who,
    words: Annotated[str, typer.Argument(help="What was wrong, and what is right.", metavar="[WORDS]")] = "",
    kind: Annotated[Kind, typer.Option("--kind", help="What it is.", metavar="KIND")] = Kind.CORRECTION,
    take_back: Annotated[int | None, typer.Option("--take-back", help="The number of one.", metavar="NO")] = None,
) -> None:
    """Correct an edition that was sent, on its page in the archive; or take a correction back."""
    by = named(by)
    if (take_back is None) == (not words.strip()):
        raise Refused("write what was wrong and what is right, or --take-back NO")
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        if take_back is not None:
            press.take_back_correction(site, key, take_back, by)
            say(f"correction {take_back} of {key} is taken back")
            return
        made = press.correct(site, key, words, by, kind)
        shown = site.briefing(key.partition("/")[0]).archive.show != "none"
    say(f"{made.kind} {made.no} of {key} is made" + ("" if shown else "; nobody reads it, for the archive is off"))


def corrections(ctx: typer.Context, key: Key, as_json: Json = False) -> None:
    """List the corrections of an edition, those taken back too."""
    with opened(ctx) as site:
        found = press.corrections(site, press.edition_of(site, key))
    if as_json:
        print_json([asdict(one) for one in found])
        return
    print_table(
        ("no", "at (UTC)", "kind", "by", "words", "taken back by"),
        [(o.no, f"{o.at:%Y-%m-%d %H:%M}", o.kind, o.by, o.words, o.taken_back_by) for o in found],
    )
