"""``newsletter send`` and ``test-send``."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from newsletter import loop, press
from newsletter.backends.base import Result
from newsletter.cli.output import Day, Json, Segment, day_of, duration_of, opened, plural, print_json, say
from newsletter.cli.signals import EndedAtOnce, stoppable
from newsletter.cli.status import show_report
from newsletter.delivery.figures import Report
from newsletter.editions import store
from newsletter.editions.states import State
from newsletter.errors import DeliveryError, Refused
from newsletter.press.site import Site

Which = Annotated[str, typer.Argument(help="An edition (morning/2026-11-23) or a briefing.", metavar="BRIEFING_OR_KEY")]


_NAMED = 12
"""How many readers in doubt are named at the end of a send; a command lists all."""


def sent(site: Site, key: str, wait: timedelta | None = None) -> Report:
    """Sends as far as it goes; an interrupt or a SIGTERM drains, a second one ends it.

    Raises what `press.send` raises, and `Refused` with the names of those in doubt after an end.
    """

    async def send(stop: asyncio.Event) -> Report:
        return await press.send(site, key, wait=wait, stop=stop)

    try:
        return loop.run(stoppable(send, lambda: press.on_the_wire(site, key)))
    except EndedAtOnce:
        raise Refused(_ended(site, key)) from None


def _ended(site: Site, key: str) -> str:
    found = list(press.doubts(site, key))
    if not found:
        return f"{key} was ended with nobody in doubt; run `newsletter send {key}` again"
    names = ", ".join(one.email or f"#{one.subscriber}" for one in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return (
        f"{key} was ended: {plural(len(found), 'reader')} in doubt, {names}{more}; "
        f"see `newsletter edition doubts {key}`, and run `newsletter send {key}` again for the others"
    )


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
    span = duration_of(wait)
    with opened(ctx) as site:
        report = sent(site, press.edition_of(site, which, day), span)
        if as_json:
            print_json(report.as_dict())
        else:
            show_report(report)
        refuse_unfinished(site, report)


def copy(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="An edition or a briefing.", metavar="KEY")],
    to: Annotated[str, typer.Option("--to", help="An allowed address.", metavar="ADDRESS")],
    segment: Segment = None,
) -> None:
    """Send one marked copy to an allowed address."""
    with opened(ctx) as site:
        outcome = loop.run(press.test_send(site, press.edition_of(site, key), to, segment))
    told = " ".join(str(part) for part in (outcome.code or "", outcome.enhanced, outcome.reply) if part)
    if outcome.result != Result.ACCEPTED:
        raise DeliveryError(f"the copy was not accepted but {outcome.result.replace('_', ' ')}: {told}")
    say(f"accepted: {told}")
