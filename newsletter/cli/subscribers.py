"""``newsletter subscribers``: the audience."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from newsletter import press
from newsletter.audience import consentlog, formats, subscribers
from newsletter.audience.addresses import normalise
from newsletter.audience.archives import people_files
from newsletter.audience.columns import FIELDS
from newsletter.audience.consent import Said
from newsletter.audience.consentlog import LogEntry
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
        decisions = consentlog.log_of(session, email)
        told["decisions"] = [
            {"at": one.at, "decision": one.decision, "briefing": one.briefing, "until": one.until,
             "wording": one.wording, "source": one.source}
            for one in decisions
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
            for one in decisions:
                _say_decided(one)
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


@app.command("consent")
def consent_(
    ctx: typer.Context,
    email: Annotated[
        str, typer.Argument(help="The reader's address; the whole log without one.", metavar="[EMAIL]")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", help="A new file for the whole log, as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Show what a person said yes and no to, when and by which words, also once they are erased; or write it all."""
    if email and out is not None:
        raise typer.BadParameter("--out is for the whole log: leave the address out")
    with opened(ctx) as site, site.database.reading() as session:
        if not email:
            if out is None:
                consentlog.export_log(session, sys.stdout)
                return
            with new_file(out) as sheet:
                say(f"{plural(consentlog.export_log(session, sheet), 'decision')} in {out}")
            return
        found = consentlog.log_of(session, email)
    if as_json:
        print_json([{**asdict(one), "address_hash": one.address_hash.hex()} for one in found])
        return
    if not found:
        say("nothing was decided at this address")
    for one in found:
        _say_decided(one)


def _say_decided(one: LogEntry) -> None:
    where = one.briefing or "everything"
    until = f" until {one.until:%Y-%m-%d %H:%M} UTC" if one.until else ""
    said = f"{one.at:%Y-%m-%d %H:%M} UTC{until}, by “{one.wording}” ({one.source})"
    say(f"{one.decision:<{_NAME_WIDTH}}{where}, {said}")


@app.command()
def held(
    ctx: typer.Context,
    email: Email,
    out: Annotated[Path | None, typer.Option("--out", help="A new file; standard output unless given.")] = None,
) -> None:
    """Write all that is held about one person as JSON: what a reader who asks for it is mailed."""
    with opened(ctx) as site:
        text = press.held_as_json(site, email)
    if out is None:
        sys.stdout.write(text)
        return
    with new_file(out) as file:
        file.write(text)
    say(f"all that is held about them is in {out}")


@app.command()
def erase(
    ctx: typer.Context,
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete everything about a person for good, and never let the address in again."""
    normalise(email)  # what is no address is said before anything is asked
    if not yes:
        typer.confirm("Everything about this person is deleted, and it cannot be undone. Go on?", abort=True)
    with opened(ctx) as site:
        there = press.erase(site, email, Said("newsletter subscribers erase", "operator"))
    say("erased, and suppressed for good" if there else "there was no such reader; the address is suppressed for good")
