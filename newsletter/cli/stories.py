"""``newsletter stories``: the story store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from newsletter.cli.output import By, Json, opened, plural, print_json, print_table, say
from newsletter.cli.output import complain as complain_line
from newsletter.press.site import Site
from newsletter.stories import store
from newsletter.stories.importers import ImportReport, import_sources
from newsletter.stories.models import Story, StoryStatus, StoryVersion

app = typer.Typer(help="The story store.", no_args_is_help=True)
Key = Annotated[str, typer.Argument(help="The story's slug, or its external id.", metavar="KEY")]


def imported(site: Site, sources: list[str], *, released: bool) -> ImportReport:
    """Imports into a site's store, as its configuration has it."""
    return import_sources(
        site.database,
        sources,
        site.clock,
        default_status=StoryStatus.USABLE if released else None,
        edition_names=[briefing.name for briefing in site.settings.briefings.values()],
        timezone=site.settings.publication.timezone,
        root=site.root,
    )


@app.command("import")
def import_(
    ctx: typer.Context,
    sources: Annotated[list[str], typer.Argument(help="Files, folders, or URLs.", metavar="PATH_OR_URL...")],
    release: Annotated[bool, typer.Option("--release", help="New stories may go out at once.")] = False,
    as_json: Json = False,
) -> None:
    """Store stories from Markdown, briefing notes, RSS, Atom and JSON Feed."""
    with opened(ctx) as site:
        report = imported(site, sources, released=release)
    if as_json:
        print_json(
            {
                "new": report.new,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "problems": [str(problem) for problem in report.problems],
                "stories": [
                    {"key": one.key, "headline": one.headline, "outcome": one.outcome, "status": one.status}
                    for one in report.stories
                ],
            }
        )
    else:
        for one in report.stories:
            say(f"{one.outcome}: {one.key} ({one.status})")
        say(f"{report.new} new, {report.updated} updated, {report.unchanged} unchanged")
    for problem in report.problems:
        complain_line(str(problem))
    if not report.ok:
        complain_line(f"{plural(len(report.problems), 'mistake')}; what has none is stored")
        raise typer.Exit(1)


@app.command("list")
def list_(
    ctx: typer.Context,
    status: Annotated[list[StoryStatus] | None, typer.Option("--status", help="Only these.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 200,
    as_json: Json = False,
) -> None:
    """List stories, the one that changed last first."""
    with opened(ctx) as site, site.database.reading() as session:
        found = store.listing(session, statuses=status or (), limit=limit)
        if as_json:
            print_json([_told(version, whole=False) for version in found])
            return
        print_table(
            ("story", "status", "version", "section", "priority", "headline"),
            [
                (v.story.slug, v.story.status, v.no, v.section, v.priority, v.short_headline or v.headline)
                for v in found
            ],
        )


@app.command()
def show(ctx: typer.Context, key: Key, as_json: Json = False) -> None:
    """Show everything that is stored of a story."""
    with opened(ctx) as site, site.database.reading() as session:
        told = _told(store.latest(session, store.find(session, key)), whole=True)
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        if name == "bullets":
            for bullet in value:
                say(f"{'bullet':<15}{bullet['label']}: {bullet['text']}")
        elif name == "image" and value:
            for part, words in value.items():
                if words:
                    say(f"{'image ' + part:<15}{words}")
        elif name != "body" and value not in ("", None, []):
            say(f"{name.replace('_', ' '):<15}{', '.join(value) if isinstance(value, list) else value}")
    if told["body"]:
        say(f"\n{told['body']}")


def _told(version: StoryVersion, *, whole: bool) -> dict[str, Any]:
    story = version.story
    told: dict[str, Any] = {
        "key": story.slug,
        "external_id": story.external_id,
        "status": story.status,
        "source": story.source,
        "version": version.no,
    }
    names = ["headline", "short_headline", "section", "tags", "regions", "priority", "published_at"]
    if whole:
        told |= {"decision": story.decision, "decided_by": story.decided_by, "decided_at": story.decided_at}
        names = [
            *("kicker", "headline", "short_headline", "dek", "summary", "byline", "section", "tags", "regions"),
            "fence",
            *("priority", "url", "image", "published_at", "embargo_until", "expires_at", "internal_note", "rights"),
            *("bullets", "body"),
        ]
    return told | {name: getattr(version, name) for name in names}


def _decide(ctx: typer.Context, key: str, deed: Callable[[Session, str, datetime, str], Story], by: str) -> None:
    with opened(ctx) as site, site.database.writing() as session:
        story = deed(session, key, site.clock.now(), by)
        say(f"{story.slug} is {story.status}")


@app.command()
def release(ctx: typer.Context, key: Key, by: By = "") -> None:
    """Let a story go out."""
    _decide(ctx, key, store.release, by)


@app.command()
def hold(ctx: typer.Context, key: Key, by: By = "") -> None:
    """Take a story back until it is released; its source cannot release it."""
    _decide(ctx, key, store.hold, by)


@app.command()
def kill(ctx: typer.Context, key: Key, by: By = "") -> None:
    """End a story for good."""
    _decide(ctx, key, store.kill, by)
