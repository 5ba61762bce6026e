"""``newsletter demo``: the whole main job on the sample site, by the same functions as every other command."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from newsletter import press
from newsletter.backends.outbox import OutboxBackend
from newsletter.cli import sample, stories, subscribers
from newsletter.cli.output import Json, complain, plural, print_json, say
from newsletter.cli.send import refuse_unfinished, sent
from newsletter.cli.status import show_report
from newsletter.database import schema
from newsletter.editions import store
from newsletter.editions.states import EDITABLE, State
from newsletter.errors import Refused
from newsletter.press.site import Site

_MARK = ".newsletter-demo"
_CONSENT = "Yes, send me the briefing every morning. I can leave with one click."


def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where the sample is laid out.", metavar="DIR")] = Path(
        "var/demo"
    ),
    keep: Annotated[bool, typer.Option("--keep", help="Go on in a folder of an earlier demo.")] = False,
    as_json: Json = False,
) -> None:
    """Import, assemble, check, send to the outbox and report, on the sample site."""
    if not (keep and (folder / _MARK).exists()):
        _fresh(folder)
    with Site.open(folder / "config.yaml", schema=False) as site:
        schema.upgrade(site.database)
        told: list[str] = []
        _import(site, told)
        key = press.edition_of(site, next(iter(site.settings.briefings)))
        if _state(site, key) in EDITABLE | {None}:
            _prepare(site, key, told)
        if not as_json:
            for line in told:
                say(line)
        report = sent(site, key)
        outboxes = _outboxes(site)
        if as_json:
            print_json({"site": site.root, "outboxes": outboxes, "report": report.as_dict()})
        else:
            for path, number in outboxes.items():
                say(f"outbox     {path}: {plural(number, 'message')}")
            say()
            show_report(report)
        refuse_unfinished(site, report)


def _fresh(folder: Path) -> None:
    if (folder / _MARK).is_file():
        shutil.rmtree(folder)
    sample.lay_out(folder)
    (folder / _MARK).touch()


def _import(site: Site, told: list[str]) -> None:
    found = stories.imported(site, [str(site.root / "stories")], released=False)
    for problem in found.problems:
        complain(str(problem))
    if not found.ok:
        raise Refused(f"{plural(len(found.problems), 'story', 'stories')} of the sample refused")
    told.append(f"stories    {found.new} new, {found.updated} updated, {found.unchanged} unchanged")
    readers = subscribers.imported(site, site.root / "subscribers" / "sample.csv", _CONSENT)
    told.append(f"readers    {readers.added} added, {readers.unchanged} unchanged, {readers.rejected} rejected")


def _prepare(site: Site, key: str, told: list[str]) -> None:
    edition = press.assemble(site, *store.parse_key(key))
    if edition.state == State.SKIPPED:
        raise Refused(f"{key} is skipped: {edition.reason}")
    for segment, variant in press.variants(site, key).items():
        size = len(variant.rendered.html.encode())
        number = plural(len(variant.view.stories), "story", "stories")
        told.append(f"rendered   {segment}: {number}, {size:,} bytes of HTML, “{variant.rendered.subject}”")
    findings = press.check(site, key)
    told.append(f"checked    {plural(len(findings), 'finding')}")
    told += [f"           {one.severity}: {one.code}: {one.where}: {one.message}" for one in findings]


def _state(site: Site, key: str) -> str | None:
    briefing, day = store.parse_key(key)
    with site.database.reading() as session:
        known = store.listing(session, briefing=briefing)
        return next((edition.state for edition in known if edition.edition_date == day), None)


def _outboxes(site: Site) -> dict[str, int]:
    """How many messages each outbox of the site holds, by its path."""
    found = {}
    for name in site.settings.backends:
        backend = site.backend(name)
        if isinstance(backend, OutboxBackend):
            found[str(backend.path)] = sum(1 for _ in (backend.path / "new").glob("*.eml"))
    return found
