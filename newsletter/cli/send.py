"""``newsletter send``, ``status`` and ``test-send``."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from newsletter import press
from newsletter.backends.base import Result
from newsletter.cli.output import Day, Json, Segment, day_of, opened, plural, print_json, print_table, say
from newsletter.clock import parse_duration
from newsletter.delivery.models import Status
from newsletter.delivery.report import Counts, Name, Report
from newsletter.editions import store
from newsletter.editions.states import State
from newsletter.errors import DeliveryError, Refused
from newsletter.press.site import Site

Which = Annotated[str, typer.Argument(help="An edition (morning/2026-11-23) or a briefing.", metavar="BRIEFING_OR_KEY")]
_COUNTS = ("accepted", "rejected", "suppressed", "expired", "withdrawn", "in_doubt", "to_go")


def sent(site: Site, key: str, wait: timedelta | None = None) -> Report:
    """Sends as far as it goes; an interrupt or a SIGTERM drains. Raises what `press.send` raises."""

    async def run() -> Report:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await press.send(site, key, wait=wait, stop=stop)

    return asyncio.run(run())


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
            say(f"{reason.count:,} {status} in {reason.segment}: {reason.reason} {reason.reply}")
    if report.adds_up:
        numbers = zip(_COUNTS, _numbers(report.counts), strict=True)
        parts = " + ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in numbers)
        say(f"It adds up: {report.frozen:,} frozen = {parts}")
    for problem in report.problems:
        say(f"It does not add up: {problem}")


def _numbers(counts: Counts) -> list[int]:
    return [getattr(counts, name) for name in _COUNTS]


def refuse_unfinished(site: Site, report: Report) -> None:
    """Raises `Refused` with the reason when an edition has not come to its end, or its report does not add up."""
    if report.problems:
        raise Refused(f"{report.edition} does not add up: {report.problems[0]}")
    if report.state in (State.HELD, State.SKIPPED, State.PAUSED, State.ABORTED):
        with site.database.reading() as session:
            reason = store.find(session, report.edition).reason
        raise Refused(f"{report.edition} is {report.state}: {reason or 'no reason was given'}")
    if report.state != State.SENT:
        when = f", the next at {report.next_due:%Y-%m-%d %H:%M} UTC" if report.next_due else ""
        raise Refused(
            f"{report.edition}: {plural(report.counts.to_go, 'message')} still to go{when}; run `newsletter send` again"
        )


def send(
    ctx: typer.Context,
    which: Which,
    date: Day = None,
    wait: Annotated[
        str | None, typer.Option("--wait", help="How long to stay for messages to be tried again, such as 10m.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send an edition now. Run again, it goes on where it stopped."""
    day = day_of(date)
    try:
        span = None if wait is None else parse_duration(wait)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with opened(ctx) as site:
        report = sent(site, press.edition_of(site, which, day), span)
        if as_json:
            print_json(report.as_dict())
        else:
            show_report(report)
        refuse_unfinished(site, report)


def _status(words: str) -> Status:
    try:
        return Status[words.upper().replace("-", "_").replace(" ", "_")]
    except KeyError:
        known = ", ".join(one.name.lower() for one in Status)
        raise typer.BadParameter(f"{words!r} is no status: write one of {known}") from None


def _show_names(readers: list[Name], as_json: bool) -> None:
    if as_json:
        print_json([asdict(reader) for reader in readers])
        return
    print_table(
        ("reader", "segment", "backend", "tries", "reason", "reply"),
        [(r.email or f"#{r.subscriber}, erased", r.segment, r.backend, r.attempts, r.reason, r.reply) for r in readers],
    )


def status(
    ctx: typer.Context,
    which: Annotated[str | None, typer.Argument(help="An edition or a briefing.", metavar="[KEY]")] = None,
    names: Annotated[
        Status | None, typer.Option("--names", help="The readers behind a number.", parser=_status, metavar="STATUS")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the report of an edition, or where the last ones are."""
    with opened(ctx) as site:
        if names is not None:
            if which is None:
                raise Refused("--names wants an edition: write its key before it")
            _show_names(press.deliveries(site, press.edition_of(site, which), names), as_json)
            return
        if which is not None:
            report = press.report(site, press.edition_of(site, which))
            if as_json:
                print_json(report.as_dict())
            else:
                show_report(report)
            return
        with site.database.reading() as session:
            keys = [edition.key for edition in store.listing(session, limit=10)]
        reports = [press.report(site, key) for key in keys]
        if as_json:
            print_json([report.as_dict() for report in reports])
            return
        print_table(
            ("edition", "state", "readers", "accepted", "to go", "adds up"),
            [
                (r.edition, r.state, r.frozen, r.counts.accepted, r.counts.to_go, "yes" if r.adds_up else "no")
                for r in reports
            ],
        )


def copy(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="An edition or a briefing.")],
    to: Annotated[str, typer.Option("--to", help="An allowed address.", metavar="ADDRESS")],
    segment: Segment = None,
) -> None:
    """Send one marked copy to an allowed address."""
    with opened(ctx) as site:
        outcome = asyncio.run(press.test_send(site, press.edition_of(site, key), to, segment))
    told = " ".join(str(part) for part in (outcome.code or "", outcome.enhanced, outcome.reply) if part)
    if outcome.result != Result.ACCEPTED:
        raise DeliveryError(f"the copy was not accepted but {outcome.result.replace('_', ' ')}: {told}")
    say(f"accepted: {told}")
