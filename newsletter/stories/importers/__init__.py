"""Importers: stories from files, folders and the network into the store, each on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.errors import ImportRefused
from newsletter.stories.draft import StoryDraft
from newsletter.stories.importers import feed, jsonfeed, markdown, note
from newsletter.stories.importers.document import Document, Fetch, documents
from newsletter.stories.importers.fetch import Guard
from newsletter.stories.importers.reading import Importer, Item, Reading
from newsletter.stories.models import StoryStatus
from newsletter.stories.store import Outcome, save
from newsletter.stories.versions import digest
from newsletter.text import clean


@dataclass(frozen=True, slots=True)
class ImportedStory:
    """A story of an import that is stored: its slug and headline, where it came from, and what that changed."""

    key: str
    headline: str
    where: str
    outcome: Outcome
    status: StoryStatus


@dataclass(slots=True)
class ImportReport:
    """What an import did. ``problems`` has a line for everything that was refused; the other stories are stored."""

    stories: list[ImportedStory] = field(default_factory=list)
    problems: list[ImportRefused] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        return sum(story.outcome is outcome for story in self.stories)

    @property
    def new(self) -> int:
        return self.count(Outcome.NEW)

    @property
    def updated(self) -> int:
        return self.count(Outcome.UPDATED)

    @property
    def unchanged(self) -> int:
        return self.count(Outcome.UNCHANGED)

    @property
    def ok(self) -> bool:
        """Whether nothing was refused. An import that is not ok ends with exit status 1."""
        return not self.problems


def import_sources(
    database: Database,
    sources: Sequence[str],
    clock: Clock,
    *,
    fetch: Fetch | None = None,
    default_status: StoryStatus | None = None,
    edition_names: Sequence[str] = (),
    timezone: str = "UTC",
    root: Path | None = None,
) -> ImportReport:
    """Imports paths of files and folders, and URLs.

    Every story is stored in a transaction of its own, so that a bad one stops no other. ``default_status`` is that of
    new stories whose source says nothing: held, unless given. ``edition_names`` are the briefings' names, with which
    the text of a note's picture may begin. Times without an offset are meant in ``timezone`` (IANA). Under ``root``,
    the site's folder, a file's story is known by its path from there, so that the site may be moved. Nothing but the
    database's own errors is raised.
    """
    reading = Reading(tuple(edition_names), timezone)
    report = ImportReport()
    met: dict[str, str] = {}
    for document in documents(sources, fetch or Guard(clock), root):
        if isinstance(document, ImportRefused):
            report.problems.append(document)
            continue
        for item in read(document, reading):
            if isinstance(item, ImportRefused):
                report.problems.append(item)
                continue
            # Two stories of one id would write over each other, now and at every import to come.
            content = digest(item)
            if (first := met.setdefault(item.external_id, content)) != content:
                report.problems.append(
                    document.refuse(f"“{item.headline[:60]}” has the id of another story of this import: change its id")
                )
            elif first is content:
                report.stories.append(_stored(database, item, document.name, clock, default_status or StoryStatus.HELD))
    return report


def _stored(
    database: Database, draft: StoryDraft, where: str, clock: Clock, default_status: StoryStatus
) -> ImportedStory:
    with database.writing() as session:
        saved = save(session, draft, clock.now(), default_status=default_status)
    return ImportedStory(saved.slug, draft.headline, where, saved.outcome, saved.status)


def read(document: Document, reading: Reading) -> list[Item]:
    """The stories of a document, of whatever kind it is, and what is wrong with it."""
    found: list[Item] = []
    try:
        found.extend(_kind(document)(document, reading))
    except ImportRefused as error:
        found.append(error)
    return found


def _kind(document: Document) -> Importer:
    """By its beginning, and by the end of its name where the beginning leaves it open. Raises `ImportRefused`."""
    if document.raw.lstrip()[:1] == b"<" or (document.suffix in (".xml", ".rss", ".atom")):
        return feed.read  # before it is taken for UTF-8: XML says itself what it is written in
    lines = [line.strip() for line in clean(document.text()).split("\n")]
    filled = [line for line in lines if line]
    if not filled:
        raise document.refuse("is empty: write a story, or take it away")
    if filled[0].startswith("<"):
        return feed.read
    if filled[0] == "---":
        return markdown.read
    if document.suffix == ".json" or filled[0].startswith("{"):
        return jsonfeed.read
    if document.suffix in (".md", ".markdown") and not any(line.startswith("![") for line in filled[:3]):
        raise document.refuse("has no front matter: begin it with ---, title: …, ---", lines.index(filled[0]) + 1)
    return note.read


__all__ = ["ImportReport", "ImportedStory", "import_sources", "read"]
