"""``newsletter subscribers``: the audience."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from newsletter.audience import consent, formats, subscribers
from newsletter.audience.archives import people_files
from newsletter.audience.columns import FIELDS
from newsletter.audience.exports import export_for
from newsletter.audience.formats import State
from newsletter.audience.formats.ours import OURS
from newsletter.audience.models import Subscriber
from newsletter.audience.transfer import COUNTS, TransferReport, import_csv
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


def imported(site: Site, file: Path, consent: str, **options: Any) -> TransferReport:
    """Imports a CSV of readers, with a bar on a terminal; ``options`` are `import_csv`'s. Raises `Refused` and
    `ImportRefused`."""
    with Progress(disable=not on_terminal(), transient=True) as progress:
        task = progress.add_task("readers", total=None)
        return import_csv(
            site.database,
            file,
            consent=consent,
            clock=site.clock,
            progress=lambda done, lines: progress.update(task, completed=done, total=lines),
            **options,
        )


_LABEL = "briefing."


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file with a header, a folder or a zip.", metavar="FILE")],
    consent: Annotated[str, typer.Option("--consent", help="The words to which these people said yes.")],
    source: Annotated[str, typer.Option("--source", help="Where they said it.")] = "",
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="listmonk, mailchimp, ghost, substack, newsletter or csv; as the header says unless given.",
            metavar="SYSTEM",
        ),
    ] = None,
    status: Annotated[
        State, typer.Option("--status", help="What people are of whom the file says nothing else.")
    ] = State.SUBSCRIBED,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="What a column is: email, country, attributes.NAME, or -. Or LABEL=briefing.KEY: new "
            "readers without that tag do not get the briefing.",
            metavar="COLUMN=FIELD",
        ),
    ] = None,
    returned: Annotated[
        str, typer.Option("--returned", help="The words by which those who left here said yes again.", metavar="WORDS")
    ] = "",
    rejects: Annotated[Path | None, typer.Option("--rejects", help="Where rejected rows go.")] = None,
    as_json: Json = False,
) -> None:
    """Store readers from a CSV file, or from what another system exports."""
    columns, labels = {}, {}
    for words in mapping or []:
        column, equals, field = words.rpartition("=")
        if not equals or not column:
            raise typer.BadParameter(f"{words!r}: write --map COLUMN=FIELD, for example --map Mail=email")
        if field.startswith(_LABEL):
            labels[column] = field.removeprefix(_LABEL)
        else:
            columns[column] = field
    with opened(ctx) as site, people_files(file) as files:
        for briefing in labels.values():
            site.briefing(briefing)
        reports = [
            imported(
                site, one, consent, source=source, mapping=columns, labels=labels, source_format=from_, status=status,
                returned=returned, rejects=_rejects(rejects, one, len(files)),
            )
            for one in files
        ]  # fmt: skip
    counts = {name: sum(getattr(report, name) for report in reports) for name in COUNTS}
    bad = [reject for report in reports for reject in report.rejects]
    if as_json:
        by_file = {one.name: {"format": report.format, "columns": dict(report.columns)}
                   for one, report in zip(files, reports, strict=True)}  # fmt: skip
        print_json({**counts, "files": by_file, "rejects": [reject._asdict() for reject in bad]})
    else:
        rest = ", ".join(f"{number:,} {name}" for name, number in counts.items() if name != "rows")
        kinds = ", ".join(dict.fromkeys(report.format for report in reports))
        say(f"{plural(counts['rows'], 'row')} ({kinds}): {rest}")
    for reject in bad:
        where = file if len(files) == 1 and files[0] == file else f"{file}/{reject.file}"
        complain(f"{where}:{reject.line}: {reject.reason}")
    if counts["rejected"]:
        where = f"all are in {rejects}" if rejects else "write --rejects FILE to keep them"
        complain(f"{plural(counts['rejected'], 'row')} rejected; {where}")
        raise typer.Exit(1)


def _rejects(path: Path | None, file: Path, files: int) -> Path | None:
    """Where the rejected rows of one file go: of several, each into one of its own, since their columns differ."""
    return path if path is None or files == 1 else path.with_name(f"{path.stem}-{file.stem}{path.suffix}")


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
    to: Annotated[
        str,
        typer.Option("--to", help="listmonk, mailchimp, ghost or substack; our own unless given.", metavar="SYSTEM"),
    ] = OURS.key,
    briefing: Annotated[
        str, typer.Option("--briefing", help="With --to: who has left this one counts as having left.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="A new file, with --to a new folder; standard output unless given.")
    ] = None,
) -> None:
    """Write every reader as CSV, ours or another system's."""
    with opened(ctx) as site:
        if to != OURS.key:
            form = formats.of(to)
            if form is None or out is None:
                raise typer.BadParameter("--to wants a system, and --out FOLDER")
            if briefing:
                site.briefing(briefing)
            counts = export_for(site.database, form, out, briefing=briefing)
            say(", ".join(f"{plural(number, 'person', 'people')} in {out / name}" for name, number in counts.items()))
            return
        if briefing:
            raise typer.BadParameter("--briefing goes with --to: our own export has what everybody left")
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
