"""``newsletter segments``."""

from __future__ import annotations

import json

import typer

from newsletter.audience import subscribers
from newsletter.cli.output import Json, opened, print_json, print_table
from newsletter.yamlfile import load_yaml

app = typer.Typer(help="Named rules over readers.", no_args_is_help=True)
_RULE_SHOWN = 60


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List every segment with its rule, and how many readers it fits today."""
    with opened(ctx) as site, site.database.reading() as session:
        written = load_yaml(site.settings.segments_file).data
        rows = [
            {
                "segment": one.key,
                "title": one.title,
                "backends": list(one.backends),
                "rule": written[one.key]["rule"],
                "readers": subscribers.count(session, one.clause()),
            }
            for one in site.segments.values()
        ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("segment", "title", "readers", "backends", "rule"),
        [(r["segment"], r["title"], r["readers"], ", ".join(r["backends"]), _short(r["rule"])) for r in rows],
    )


def _short(rule: object) -> str:
    words = json.dumps(rule, ensure_ascii=False).replace('"', "")  # as near to what is written as one line gets
    return words if len(words) <= _RULE_SHOWN else words[: _RULE_SHOWN - 1] + "…"
