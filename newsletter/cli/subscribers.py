"""``newsletter subscribers``: the audience."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from newsletter.audience import consent, subscribers
from newsletter.audience.columns import FIELDS
from newsletter.audience.models import Subscriber
from newsletter.audience.transfer import TransferReport, import_csv
from newsletter.cli.output import (
    Json,
    Segment,
    complain,
    new_file,
    on_terminal,
    opened,
    plural,
    print_json,
    print_table,
    say,
)
from newsletter.press.site import Site

app = typer.Typer(help="The audience.", no_args_is_help=True)
_NAME_WIDTH = 20
Email = Annotated[str, typer.Argument(help="The reader's address.")]


def imported(
    site: Site,
    file: Path,
    consent: str,
    *,
    source: str = "",
    mapping: dict[str, str] | None = None,
    rejects: Path | None = None,
) -> TransferReport:
    """Imports readers, with a bar on a terminal. Raises `Refused` and `ImportRefused`."""
    with Progress(disable=not on_terminal(), transient=True) as progress:
        task = progress.add_task("readers", total=None)
        return import_csv(
            site.database,
            file,
            consent=consent,
            source=source or f"import {file.name}",
            clock=site.clock,
            mapping=mapping,
            rejects=rejects,
            progress=lambda done, lines: progress.update(task, completed=done, total=lines),
        )


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file with a header.", metavar="FILE.csv")],
    consent: Annotated[str, typer.Option("--consent", help="The words to which these people said yes.")],
    source: Annotated[str, typer.Option("--source", help="Where they said it.")] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="What a column is: email, country, attributes.NAME, or -.", metavar="COLUMN=FIELD"),
    ] = None,
    rejects: Annotated[Path | None, typer.Option("--rejects", help="Where rejected rows go.")] = None,
    as_json: Json = False,
) -> None:
    """Store readers from a CSV file."""
    columns = {}
    for words in mapping or []:
        column, equals, field = words.rpartition("=")
        if not equals or not column:
            raise typer.BadParameter(f"{words!r}: write --map COLUMN=FIELD, for example --map Mail=email")
        columns[column] = field
    with opened(ctx) as site:
        report = imported(site, file, consent, source=source, mapping=columns, rejects=rejects)
    counts = {name: getattr(report, name) for name in ("rows", "added", "updated", "unchanged", "duplicates",
                                                       "suppressed", "rejected")}  # fmt: skip
    if as_json:
        print_json({**counts, "columns": dict(report.columns), "rejects": report.rejects})
    else:
        rest = ", ".join(f"{number:,} {name}" for name, number in counts.items() if name != "rows")
        say(f"{plural(report.rows, 'row')}: {rest}")
    for line, reason in report.rejects:
        complain(f"{file}:{line}: {reason}")
    if report.rejected:
        where = f"all are in {rejects}" if rejects else "write --rejects FILE to keep them"
        complain(f"{plural(report.rejected, 'row')} rejected; {where}")
        raise typer.Exit(1)


@app.command("list")
def list_(
    ctx: typer.Context,
    segment: Segment = None,
    after: Annotated[int, typer.Option("--after", help="Begin after this number.", min=0)] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 100,
    as_json: Json = False,
) -> None:
    """List readers, by number."""
    with opened(ctx) as site, site.database.reading() as session:
        clause = site.segment(segment).clause() if segment else None
        found = subscribers.listing(session, clause, after=after, limit=limit)
        if as_json:
            print_json([_told(one) for one in found])
            return
        print_table(
            ("no", "email", "name", "country", "language", "tags"),
            [
                (s.id, s.email, f"{s.first_name} {s.last_name}".strip(), s.country, s.language, ", ".join(s.tags))
                for s in found
            ],
        )
        total = subscribers.count(session, clause)
        if found and total > len(found):
            say(f"{plural(total, 'reader')} in all; go on with --after {found[-1].id}")


def _told(one: Subscriber) -> dict[str, Any]:
    told = {"id": one.id, "email": one.email} | {name: getattr(one, name) for name in FIELDS}
    return told | {"attributes": one.attributes, "created_at": one.created_at, "paused_until": one.paused_until}


@app.command()
def show(ctx: typer.Context, email: Email, as_json: Json = False) -> None:
    """Show what is known of an address."""
    with opened(ctx) as site, site.database.reading() as session:
        person = subscribers.show(session, email)
        told: dict[str, Any] = _told(person.subscriber) if person.subscriber else {"email": email}
        if person.subscriber:
            told["segments"] = [
                key
                for key, segment in site.segments.items()
                if subscribers.count(session, segment.clause() & (Subscriber.id == person.subscriber.id))
            ]
        if person.consent:
            told["consent"] = {"wording": person.consent.wording, "source": person.consent.source,
                               "at": person.consent.at}  # fmt: skip
        told["suppressed"] = [
            {"briefing": row.briefing, "reason": row.reason, "at": row.at, "note": row.note}
            for row in person.suppressions
        ]
        told["decisions"] = [
            {"at": event.at, "decision": event.decision, "briefing": event.briefing, "until": event.until,
             "wording": words.wording, "source": words.source}
            for event, words in consent.events_of(session, email)
        ]  # fmt: skip
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        if name == "suppressed":
            for row in value:
                where = row["briefing"] or "everywhere"
                say(f"{'suppressed':<{_NAME_WIDTH}}{row['reason']} since {row['at']:%Y-%m-%d}, {where}")
        elif name == "decisions":
            for one in value:
                where = one["briefing"] or "everything"
                say(f"{one['decision']:<{_NAME_WIDTH}}{where}, {one['at']:%Y-%m-%d %H:%M} UTC, by “{one['wording']}” "
                    f"({one['source']})")  # fmt: skip
        elif name == "consent":
            say(f"{'consent':<{_NAME_WIDTH}}“{value['wording']}” ({value['source']}, {value['at']:%Y-%m-%d})")
        elif name == "attributes":
            for key, one in value.items():
                say(f"{key:<{_NAME_WIDTH}} {one}")
        elif value:
            say(f"{name.replace('_', ' '):<{_NAME_WIDTH}}{', '.join(value) if isinstance(value, list) else value}")


@app.command()
def export(
    ctx: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", help="A new file; standard output unless given.")] = None,
) -> None:
    """Write every reader as CSV."""
    with opened(ctx) as site:
        if out is None:
            subscribers.export(site.database, sys.stdout)
            return
        with new_file(out) as sheet:
            say(f"{plural(subscribers.export(site.database, sheet), 'reader')} in {out}")


@app.command()
def erase(ctx: typer.Context, email: Email) -> None:
    """Delete a reader for good, and never let the address in again."""
    with opened(ctx) as site:
        there = subscribers.erase(site.database, email, site.clock)
    say("erased, and suppressed for good" if there else "there was no such reader; the address is suppressed for good")
