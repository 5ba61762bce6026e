"""``newsletter mails``: what readers are sent outside any edition."""

from __future__ import annotations

import typer

from newsletter import loop
from newsletter.cli.output import Json, opened, print_json, print_table, say
from newsletter.delivery import service
from newsletter.press.service import send_waiting

app = typer.Typer(help="Mails to one reader, outside any edition.", no_args_is_help=True)


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the latest mails outside any edition, and what became of them."""
    with opened(ctx) as site, site.database.reading() as session:
        mails, numbers = service.listing(session)
        rows = [
            {
                "id": one.id,
                "kind": one.kind,
                "state": one.state,
                "address": one.email,
                "asked": one.created_at,
                "attempts": one.attempts,
                "next": one.due_at if one.state == service.State.WAITING else None,
                "reply": one.reply,
            }
            for one in mails
        ]
    if as_json:
        print_json({"states": numbers, "mails": rows})
        return
    print_table(
        ("mail", "kind", "state", "address", "asked (UTC)", "attempts", "reply"),
        [
            (r["id"], r["kind"], r["state"], r["address"], f"{r['asked']:%Y-%m-%d %H:%M}", r["attempts"], r["reply"])
            for r in rows
        ],
    )
    say(_numbers(numbers))


@app.command("send")
def send_(ctx: typer.Context, as_json: Json = False) -> None:
    """Send the mails that wait now, as the clock of `serve` does by itself."""
    with opened(ctx) as site:
        done = loop.run(send_waiting(site))
    numbers = {state.value: number for state, number in done.items()}
    if as_json:
        print_json(numbers)
    else:
        say(_numbers(numbers))


def _numbers(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in sorted(numbers.items())) or "none"
