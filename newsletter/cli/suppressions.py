"""``newsletter suppressions``: addresses that get nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from newsletter.audience import stoplist, subscribers, suppression
from newsletter.audience.suppression import Reason
from newsletter.cli.output import Json, complain, new_file, opened, plural, print_json, print_table, say

app = typer.Typer(help="Addresses that get nothing.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(help="The address.")]
Briefing = Annotated[str, typer.Option("--briefing", help="One briefing alone; all unless given.")]
Note = Annotated[str, typer.Option("--note", help="Why.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    reason: Annotated[Reason | None, typer.Option("--reason", help="Only these.")] = None,
    after: Annotated[int, typer.Option("--after", help="Leave out so many.", min=0)] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 100,
    as_json: Json = False,
) -> None:
    """List suppressions, the newest first."""
    with opened(ctx) as site, site.database.reading() as session:
        found = suppression.listing(session, reason=reason, after=after, limit=limit)
    if as_json:
        print_json([
            {"email": one.email_norm, "briefing": one.briefing, "reason": one.reason, "since": one.at, "note": one.note}
            for one in found
        ])  # fmt: skip
        return
    print_table(
        ("email", "briefing", "reason", "since", "note"),
        [
            (one.email_norm or "(erased)", one.briefing or "all", one.reason, f"{one.at:%Y-%m-%d %H:%M}", one.note)
            for one in found
        ],
    )


@app.command()
def show(ctx: typer.Context, email: Email, as_json: Json = False) -> None:
    """Show why an address gets nothing."""
    with opened(ctx) as site, site.database.reading() as session:
        found = suppression.suppressions_of(session, email)
        score = subscribers.bounce_score(session, email)
    if as_json:
        rows = [{"briefing": one.briefing, "reason": one.reason, "since": one.at, "note": one.note} for one in found]
        print_json({"suppressed": rows, "bounces": score and {"score": score.score, "at": score.at}})
        return
    for one in found:
        note = f": {one.note}" if one.note else ""
        say(f"{one.reason} since {one.at:%Y-%m-%d %H:%M} UTC, {one.briefing or 'every briefing'}{note}")
    if not found:
        say("not suppressed")
    if score is not None and score.score:
        say(f"soft bounces count for {score.score:.1f} as of {score.at:%Y-%m-%d}, of {site.settings.bounces.limit:g}")


@app.command()
def add(ctx: typer.Context, email: Email, briefing: Briefing = "", note: Note = "", as_json: Json = False) -> None:
    """Let an address get nothing any more."""
    with opened(ctx) as site, site.database.writing() as session:
        if briefing:
            site.briefing(briefing)
        changed = suppression.suppress(session, email, Reason.MANUAL, site.clock, briefing, note)
    if as_json:
        print_json({"changed": changed, "briefing": briefing})
    else:
        where = briefing or "every briefing"
        say(f"suppressed for {where}" if changed else "was suppressed already: nothing changed")


@app.command()
def remove(ctx: typer.Context, email: Email, briefing: Briefing = "", as_json: Json = False) -> None:
    """Undo a suppression by hand or for bounces; not one that a reader or their provider wanted."""
    with opened(ctx) as site, site.database.writing() as session:
        if briefing:
            site.briefing(briefing)
        changed = suppression.lift(session, email, site.clock, briefing)
    if as_json:
        print_json({"changed": changed, "briefing": briefing})
    else:
        say(f"gets {briefing or 'every briefing'} again" if changed else "was not suppressed there: nothing changed")


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file with a header.", metavar="FILE.csv")],
    reason: Annotated[Reason, typer.Option("--reason", help="Of rows that say none.")] = Reason.MANUAL,
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Suppress the addresses of a CSV: the list of another system, or one of export."""
    if reason is Reason.ERASED:
        raise typer.BadParameter("erased is what `subscribers erase` does: write another reason")
    with opened(ctx) as site:
        done = stoplist.import_stops(
            site.database, file, site.clock, reason=reason, briefings=site.settings.briefings, note=note or file.name
        )
    if as_json:
        print_json({name: getattr(done, name) for name in ("rows", "added", "unchanged", "rejected", "rejects")})
    else:
        rest = f"{done.added:,} added, {done.unchanged:,} unchanged, {done.rejected:,} rejected"
        say(f"{plural(done.rows, 'row')}: {rest}")
    for line, why in done.rejects:
        complain(f"{file}:{line}: {why}")
    if done.rejected:
        raise typer.Exit(1)


@app.command()
def export(
    ctx: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", help="A new file; standard output unless given.")] = None,
) -> None:
    """Write every suppression as CSV. Who was erased has no address to write."""
    with opened(ctx) as site:
        if out is None:
            stoplist.export(site.database, sys.stdout)
            return
        with new_file(out) as sheet:
            written, erased = stoplist.export(site.database, sheet)
    say(f"{plural(written, 'suppression')} in {out}" + (f"; {erased:,} erased have no address" if erased else ""))
