"""The site as a whole: ``db``, ``init``, ``plan``, ``doctor``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from newsletter import loop, press
from newsletter.cli import sample
from newsletter.cli.output import Json, complain, opened, plural, print_json, print_table, say
from newsletter.database import schema
from newsletter.editions.patterns import check_pattern
from newsletter.errors import NewsletterError
from newsletter.press.site import Site

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


def init(folder: Annotated[Path, typer.Argument(help="A new folder.", metavar="DIR")]) -> None:
    """Lay out a site."""
    sample.lay_out(folder)
    say(f"a site stands in {folder}: go there, edit config.yaml, and run `newsletter db upgrade`")


def plan(
    ctx: typer.Context, days: Annotated[int, typer.Option("--days", min=1, max=366)] = 7, as_json: Json = False
) -> None:
    """Show what will be sent to whom and when, clock changes included."""
    with opened(ctx) as site:
        waves = press.upcoming(site, days)
    if as_json:
        print_json([asdict(wave) for wave in waves])
        return
    print_table(
        ("edition", "segment", "readers' time", "UTC", "state", "note"),
        [(w.key, w.segment, w.local, f"{w.due_at:%Y-%m-%d %H:%M}", w.state, w.note) for w in waves],
    )


def doctor(
    ctx: typer.Context,
    dns: Annotated[
        bool, typer.Option("--dns", help="Look up what the DNS says of the senders: DKIM, SPF and DMARC.")
    ] = False,
    nameserver: Annotated[
        str | None,
        typer.Option("--nameserver", help="With --dns: ask this server.", metavar="ADDRESS[:PORT]"),
    ] = None,
    sends_from: Annotated[
        list[str] | None,
        typer.Option("--sends-from", help="With --dns: hold SPF against this address of a host.", metavar="ADDRESS"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong with a site and how to mend it; with `--dns` also with its senders, as the world sees them."""
    from newsletter.press.senders import Dns, examine  # 7 MB, for this alone

    if nameserver is not None and not dns:
        raise typer.BadParameter("--nameserver goes with --dns")
    if sends_from and not dns:
        raise typer.BadParameter("--sends-from goes with --dns")
    server, port = _server(nameserver)
    hosts = [_host(words) for words in sends_from or ()]
    with opened(ctx, schema=False) as site:
        problems = list(_problems(site))
        remarks = examine(site, Dns(server, port), hosts) if dns else []
    problems += [one.text for one in remarks if one.problem]
    notes = [one.text for one in remarks if not one.problem]
    if as_json:
        print_json({"ok": not problems, "problems": problems, "notes": notes})
    else:
        for words in notes:
            say(f"note: {words}")
        for problem in problems:
            complain(problem)
        if not problems:
            say("all is well")
    if problems:
        complain(plural(len(problems), "problem"))
        raise typer.Exit(1)


def _server(words: str | None) -> tuple[str, int]:
    """An address and a port, 53 unless given. Raises a usage error."""
    if words is None:
        return "", 53
    found = re.fullmatch(r"\[(?P<v6>[0-9a-fA-F:.]+)\](?::(?P<p6>\d{1,5}))?|(?P<v4>[0-9.]+)(?::(?P<p4>\d{1,5}))?", words)
    try:
        if found is None:
            return str(ip_address(words)), 53
        return str(ip_address(found["v6"] or found["v4"])), int(found["p6"] or found["p4"] or 53)
    except ValueError:
        raise typer.BadParameter(
            f"{words!r} is no IP address: write for example 192.0.2.53 or [2001:db8::53]:53"
        ) from None


def _host(words: str) -> IPv4Address | IPv6Address:
    """An address that mail leaves from. Raises a usage error."""
    try:
        return ip_address(words)
    except ValueError:
        raise typer.BadParameter(f"{words!r} is no IP address: write for example 192.0.2.25 or 2001:db8::25") from None


def _problems(site: Site) -> Iterator[str]:
    try:
        schema.require_current(site.database)
    except NewsletterError as error:
        yield str(error)
    except SQLAlchemyError as error:
        yield f"database: {str(error).splitlines()[0]}: look at `database` in config.yaml"
    try:
        used = {name for segment in site.segments.values() for name in segment.backends}
    except NewsletterError as error:
        yield str(error)
        used = set()
    for key, briefing in site.settings.briefings.items():
        for segment in briefing.segments if used else ():
            if segment not in site.segments:
                yield f"briefing {key} names {segment}, which {site.settings.segments_file} has not: write it there"
        for step in (
            partial(site.template, key),
            partial(site.signing_keys, key),
            partial(check_pattern, briefing.subject),
            partial(check_pattern, briefing.preheader),
        ):
            try:
                step()
            except NewsletterError as error:
                yield f"briefing {key}: {error}"
    for made in (site.service_template, site.service_keys):
        try:
            made()
        except NewsletterError as error:
            yield f"service mails: {error}"
    for name in sorted(used | set(site.settings.backends)):
        try:
            yield from loop.run(_checked(site, name))
        except NewsletterError as error:
            yield str(error)


async def _checked(site: Site, name: str) -> list[str]:
    backend = site.backend(name)
    try:
        return await backend.check()
    finally:
        await backend.close()
