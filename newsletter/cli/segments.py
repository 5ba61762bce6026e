"""``newsletter segments``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from newsletter import press
from newsletter.cli.output import Json, opened, print_json, print_table
from newsletter.press.segments import MOST

app = typer.Typer(help="Named rules over readers.", no_args_is_help=True)
_RULE_SHOWN = 60


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List every segment with its rule, and how many readers it has now."""
    with opened(ctx) as site:
        found = press.live_segments(site)
    if as_json:
        print_json([
            {
                "segment": one.segment.key, "title": one.segment.title, "backends": list(one.segment.backends),
                "rule": one.rule, "readers": one.fits, "mailed": one.mailed, "briefings": one.briefings,
            }
            for one in found
        ])  # fmt: skip
        return
    print_table(
        ("segment", "title", "readers", "get mail", "of briefings", "backends", "rule"),
        [
            (
                one.segment.key, one.segment.title, f"{one.fits:,}", f"{one.mailed:,}",
                ", ".join(f"{name} {number:,}" for name, number in one.briefings.items()),
                ", ".join(one.segment.backends), _short(one.rule),
            )
            for one in found
        ],
    )  # fmt: skip


@app.command()
def sample(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A segment.", metavar="NAME")],
    number: Annotated[int, typer.Option("-n", "--number", help="How many.", min=1, max=MOST)] = 5,
    as_json: Json = False,
) -> None:
    """Show some readers of a segment who get mail, by chance."""
    with opened(ctx) as site:
        found = press.sample_of(site, name, number)
    if as_json:
        print_json([
            {field: getattr(one, field) for field in ("id", "email", "country", "language", "tags", "attributes")}
            for one in found
        ])  # fmt: skip
        return
    print_table(
        ("no", "email", "name", "country", "language", "tags"),
        [
            (one.id, one.email, f"{one.first_name} {one.last_name}".strip(), one.country, one.language,
             ", ".join(one.tags))
            for one in found
        ],
    )  # fmt: skip


def _short(rule: object) -> str:
    words = json.dumps(rule, ensure_ascii=False).replace('"', "")  # as near to what is written as one line gets
    return words if len(words) <= _RULE_SHOWN else words[: _RULE_SHOWN - 1] + "…"
