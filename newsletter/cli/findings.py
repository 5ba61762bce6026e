"""``newsletter edition check``, ``links`` and ``override``: what is wrong with an edition, and who lets it go out."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import typer

from newsletter import press
from newsletter.checks import Finding, blocks, why_final
from newsletter.checks.online import Verdict
from newsletter.cli.output import Json, Key, Reason, Who, opened, plural, print_json, say
from newsletter.errors import Refused


def check(ctx: typer.Context, key: Key, as_json: Json = False) -> None:
    """Run every check; exit status 1 when one of them blocks."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        findings = press.check(site, key)
    if as_json:
        print_json({"edition": key, "blocked": blocks(findings), "findings": [_finding(f) for f in findings]})
    else:
        for f in findings:
            line = f", line {f.line}" if f.line else ""
            word = f" [overridden by {f.override.by}: {f.override.reason}]" if f.override else ""
            say(f"{f.severity}: {f.code}: {f.where}{line}: {f.message}; {f.mend}{word}")
        say(f"{key}: {plural(len(findings), 'finding')}" if findings else f"{key}: nothing found")
    if blocks(findings):
        raise Refused(f"{key} cannot go out like this: mend what blocks")


def _finding(f: Finding) -> dict[str, Any]:
    """A finding as JSON; the keys stand in docs/reference/checks.md."""
    told = {name: getattr(f, name) for name in ("code", "severity", "where", "line", "message", "mend", "segments")}
    word = asdict(f.override) if f.override else None
    return told | {"blocks": f.blocks, "can_be_overridden": not why_final(f), "override": word}


def links(ctx: typer.Context, key: Key, as_json: Json = False) -> None:
    """Ask every link over the network, a line an answer; exit status 1 when one is broken."""
    counts: Counter[Verdict] = Counter()
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        for one in press.links(site, key):
            counts[one.verdict] += 1
            if as_json:
                say(json.dumps(asdict(one), ensure_ascii=False))
            else:
                to = f" → {one.leads_to}" if one.leads_to else ""
                say(f"{one.verdict}: {one.link.where}: {one.link.address}{to}: {one.message}")
            sys.stdout.flush()
    if not as_json:
        say(
            f"{key}: "
            + (", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]) or "no link")
        )
    if counts[Verdict.BROKEN]:
        raise Refused(f"{key} has {plural(counts[Verdict.BROKEN], 'broken link')}: mend the story, or leave it out")


def override(
    ctx: typer.Context,
    key: Key,
    code: Annotated[str, typer.Argument(help="The check.", metavar="CODE")],
    by: Who,
    reason: Reason = "",
    where: Annotated[str | None, typer.Option("--where", help="Where, as `check` says it.", metavar="PLACE")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take it back.")] = False,
) -> None:
    """Let an edition go out with a finding, for a reason that is kept. It holds for what was seen, and nothing else."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        if clear:
            count = press.take_back(site, key, code, by, where)
            say(f"{key}: {plural(count, 'override')} of {code} taken back")
            return
        for f in press.override(site, key, code, by, reason, where):
            say(f"{key}: {f.code} ({f.where}: {f.message}) is overridden by {by}: {reason}")
