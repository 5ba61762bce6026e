"""``newsletter status`` and ``deliveries``: what became of everyone, and of one reader."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from newsletter import press
from newsletter.cli.output import Json, opened, plural, print_json, print_table, say
from newsletter.clock import format_duration
from newsletter.delivery.figures import Counts, Name, Report
from newsletter.delivery.models import PUT_BACK, Status
from newsletter.delivery.progress import Progress
from newsletter.delivery.reader import Received
from newsletter.editions import store
from newsletter.editions.states import UNDER_WAY
from newsletter.press.site import Site

_COUNTS = ("accepted", "rejected", "suppressed", "expired", "withdrawn", "in_doubt", "to_go")
_DRAWN_SECONDS, _PLAIN_SECONDS = 0.5, 5.0
"""Between two looks, on a terminal and elsewhere."""


def show_report(report: Report) -> None:
    """The report, with its sum."""
    say(f"{report.edition} is {report.state}")
    rows = [(line.segment, line.backend or "–", line.counts) for line in report.lines]
    table = [(segment, backend, *_numbers(counts), counts.total) for segment, backend, counts in rows]
    table.append(("all", "", *_numbers(report.counts), report.counts.total))
    print_table(("segment", "backend", *(name.replace("_", " ") for name in _COUNTS), "readers"), table)
    for reason in report.reasons:
        if reason.status != "accepted":
            status = reason.status.replace("_", " ")
            fault = f" ({reason.meaning.replace('-', ' ')}, {reason.blame})" if reason.blame else ""
            by = f" by {reason.backend}" if reason.backend else ""
            say(f"{reason.count:,} {status} in {reason.segment}{by}: {reason.reason}{fault} {reason.reply}".rstrip())
    if report.adds_up:
        numbers = zip(_COUNTS, _numbers(report.counts), strict=True)
        parts = " + ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in numbers)
        say(f"It adds up: {report.frozen:,} frozen = {parts}")
    for one in report.overridden:
        say(f"{one.code} ({one.where}: {one.message}) was overridden by {one.by}: {one.reason}")
    for problem in report.problems:
        say(f"It does not add up: {problem}")
    if report.links:
        say("Clicks, by nobody in particular:")
        print_table(
            ("clicks", "by scanners", "link", "leads to"),
            [(one.clicks, one.by_scanners, one.label[:60], one.url) for one in report.links],
        )


def _numbers(counts: Counts) -> list[int]:
    return [getattr(counts, name) for name in _COUNTS]


def _status(words: str) -> Status:
    try:
        return Status[words.upper().replace("-", "_").replace(" ", "_")]
    except KeyError:
        known = ", ".join(one.name.lower() for one in Status)
        raise typer.BadParameter(f"{words!r} is no status: write one of {known}") from None


def show_names(readers: Sequence[Name], as_json: bool) -> None:
    """Readers behind a number, by name and with the server's words."""
    if as_json:
        print_json([asdict(reader) for reader in readers])
        return
    print_table(
        ("reader", "segment", "backend", "tries", "since (UTC)", "reason", "reply"),
        [
            (
                reader.email or f"#{reader.subscriber}, erased",
                reader.segment,
                reader.backend,
                reader.attempts,
                f"{reader.at:%Y-%m-%d %H:%M:%S}" if reader.at else "",
                reader.reason,
                reader.reply,
            )
            for reader in readers
        ],
    )


def status(
    ctx: typer.Context,
    which: Annotated[str | None, typer.Argument(help="An edition or a briefing.", metavar="[KEY]")] = None,
    names: Annotated[
        Status | None, typer.Option("--names", help="The readers behind a number.", parser=_status, metavar="STATUS")
    ] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="With --names: of one segment.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="With --names: of one reason, as printed.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="With --names: how many at most.", min=1)] = 1000,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again until the send has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Show the report of an edition, or where the last ones are; with `--names` the readers behind a number."""
    if which is None and (names is not None or watch):
        raise typer.BadParameter("--names and --watch want an edition: write its key before them")
    if names is None and (segment is not None or reason is not None):
        raise typer.BadParameter("--segment and --reason go with --names STATUS")
    with opened(ctx) as site:
        if which is None:
            _show_last(site, as_json)
            return
        key = press.edition_of(site, which)
        if names is not None:
            found = list(
                islice(press.deliveries(site, key, names, segment=segment, reason=reason, limit=limit + 1), limit + 1)
            )
            show_names(found[:limit], as_json)
            if len(found) > limit and not as_json:
                say(f"and more: write --limit {limit * 10}")
            return
        if watch:
            _watch(site, key, as_json)
            if as_json:
                return
        report = press.report(site, key)
        if as_json:
            print_json(report.as_dict())
        else:
            show_report(report)


def _show_last(site: Site, as_json: bool) -> None:
    with site.database.reading() as session:
        keys = [edition.key for edition in store.listing(session, limit=10)]
    reports = [press.report(site, key) for key in keys]
    if as_json:
        print_json([report.as_dict() for report in reports])
        return
    print_table(
        ("edition", "state", "readers", "accepted", "in doubt", "to go", "adds up"),
        [
            (
                r.edition,
                r.state,
                r.frozen,
                r.counts.accepted,
                r.counts.in_doubt,
                r.counts.to_go,
                "yes" if r.adds_up else "no",
            )
            for r in reports
        ],
    )


def _watch(site: Site, key: str, as_json: bool) -> None:
    """Says how far a send is until it has ended, or until Ctrl-C."""
    drawn = sys.stdout.isatty() and not as_json
    looks = _looks(site, key, _DRAWN_SECONDS if drawn else _PLAIN_SECONDS)
    try:
        if drawn:
            with Live(console=Console(highlight=False), transient=True, auto_refresh=False) as live:
                for look in looks:
                    live.update(_drawn(look), refresh=True)
        else:
            for look in looks:
                say(json.dumps(_told(look), ensure_ascii=False) if as_json else _line(look))
                sys.stdout.flush()
    except KeyboardInterrupt:
        pass  # that is how one stops watching


def _looks(site: Site, key: str, seconds: float) -> Iterator[Progress]:
    watching = press.watching(site, key)
    # The send's end is the bound.
    while True:
        look = watching.look()
        yield look
        if look.state not in UNDER_WAY:
            return
        time.sleep(seconds)


def _told(look: Progress) -> dict[str, Any]:
    told = asdict(look)
    told["counts"]["to_go"] = look.counts.to_go
    for part, one in zip(told["parts"], look.parts, strict=True):
        part["counts"]["to_go"] = one.counts.to_go
    told["next_due"] = None if look.next_due is None else look.next_due.isoformat()
    return told


def _left(look: Progress) -> str:
    if not look.counts.to_go:
        return "nothing left"
    if look.counts.to_go == look.later:
        return f"{look.later:,} for later"
    if look.seconds_left is None:
        return "time left unknown"
    return f"{format_duration(timedelta(seconds=max(1, round(look.seconds_left))))} left"


def _line(look: Progress) -> str:
    done = look.counts.total - look.counts.to_go
    rest = ", ".join(
        f"{number:,} {name.replace('_', ' ')}"
        for name, number in zip(_COUNTS, _numbers(look.counts), strict=True)
        if number and name not in ("accepted", "to_go")
    )
    return (
        f"{look.edition} is {look.state}: {done:,} of {look.frozen:,}, {look.counts.accepted:,} accepted"
        f"{', ' + rest if rest else ''}, {look.on_the_wire} on the wire, {look.rate:,.0f}/s, {_left(look)}"
    )


def _drawn(look: Progress) -> Table:
    done = look.counts.total - look.counts.to_go
    share = done / look.counts.total if look.counts.total else 1.0
    table = Table.grid(padding=(0, 2))
    table.add_row(f"{look.edition} is {look.state}", f"{done:,} of {look.frozen:,} ({share:.1%})")
    table.add_row("rate", f"{look.rate:,.0f}/s, {_left(look)}, {look.on_the_wire} on the wire")
    for name, number in zip(_COUNTS, _numbers(look.counts), strict=True):
        table.add_row(name.replace("_", " "), f"{number:,}")
    return table


def deliveries(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="The reader's address.")],
    as_json: Json = False,
) -> None:
    """Show what one reader got: every edition, each attempt, and the server's words."""
    with opened(ctx) as site:
        history = press.history(site, email)
    if as_json:
        told: dict[str, Any] = {"email": history.email, "subscriber": history.subscriber}
        told["suppressed"] = [{"briefing": s.briefing, "reason": s.reason, "at": s.at} for s in history.suppressions]
        told["deliveries"] = [asdict(one) for one in history.received]
        print_json(told)
        return
    for row in history.suppressions:
        say(f"suppressed since {row.at:%Y-%m-%d %H:%M} UTC in {row.briefing or 'every briefing'}: {row.reason}")
    if history.subscriber is None:
        say("there is no reader with this address any more; what the ledger has of one who was erased has no name")
        return
    if not history.received:
        say(f"{history.email} is reader {history.subscriber}; no edition has been locked with this reader in it")
        return
    say(f"{history.email} is reader {history.subscriber}: {plural(len(history.received), 'edition')}")
    for one in history.received:
        say(f"\n{one.edition} ({one.state}), segment {one.segment}: {_became(one)}")
        for attempt in one.tries:
            words = " ".join(str(part) for part in (attempt.code or "", attempt.enhanced_code) if part)
            again = f"; again at {attempt.next_at:%H:%M:%S}" if attempt.next_at else ""
            what = (
                attempt.reply
                if attempt.result == PUT_BACK
                else f"attempt {attempt.n} by {attempt.backend}: {attempt.result.replace('_', ' ')}"
                f"{', ' + words if words else ''}: {attempt.reply}{again}"
            )
            say(f"  {attempt.at:%Y-%m-%d %H:%M:%S} UTC  {what}")


def _became(one: Received) -> str:
    status = one.status.replace("_", " ")
    if one.at is None:
        return f"{status}, {plural(one.attempts, 'attempt')} so far"
    by = f" by {one.backend}" if one.backend else ""
    when = "to be tried again at" if one.status == "deferred" else "at"
    code = f" ({one.code})" if one.code else ""
    tries = f", {plural(one.attempts, 'attempt')}" if one.attempts else ""
    return f"{status}{by}{code} {when} {one.at:%Y-%m-%d %H:%M:%S} UTC{tries}"
