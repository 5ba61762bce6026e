"""A small site of its own for a test: two segments, three sections, an outbox, the real template."""

from __future__ import annotations

import dataclasses
import shutil
from functools import cache
from pathlib import Path

from newsletter.audience.transfer import import_csv
from newsletter.clock import Clock
from newsletter.config import load_settings
from newsletter.database import Database
from newsletter.press import Site
from newsletter.rendering import page
from newsletter.rendering.page import TemplateSet
from newsletter.rendering.source import Files
from newsletter.testing.stories import store

_TEMPLATES = Path(__file__).parent.parent / "templates"

CONFIG = """\
publication:
  name: The Port Maren Courier
  postal_address: 1 Quay Street, Port Maren
  base_url: https://courier.example.org
  timezone: Europe/Berlin
test_addresses: [edith@example.org, "@staff.example.org"]
backends:
  outbox: {type: outbox, path: outbox}
briefings:
  morning:
    name: Morning Briefing
    sender: {name: The Courier, address: morning@courier.example.org}
    segments: [europe, world]
    schedule: {time: "06:00", send_within: 2h}
    min_stories: 2
    sections:
      - {key: lead, layout: lead, min: 1, max: 1, required: true}
      - key: near
        title: Near you
        layout: brief
        max: 2
        select: {regions: [world]}
        segments:
          europe: {title: In Europe, select: {regions: [europe]}}
      - {key: rest, title: In brief, layout: list, max: 5}
"""
SEGMENTS = """\
europe: {backend: outbox, rule: {country: [DE, FR]}}
world: {backend: outbox, rule: {everyone: true}}
"""
READERS = """\
email,first_name,country
rita@example.org,Rita,DE
omar@example.org,Omar,FR
edith@example.org,Edith,US
jo@example.org,,BR
"""


def make_site(root: Path, database: Database, clock: Clock, *, config: str = CONFIG, readers: str = READERS) -> Site:
    """A site in ``root`` on a database with the newest schema; six stories and four readers are stored."""
    (root / "subscribers").mkdir(parents=True, exist_ok=True)
    (root / "config.yaml").write_text(config, encoding="utf-8")
    (root / "subscribers" / "segments.yaml").write_text(SEGMENTS, encoding="utf-8")
    if not (root / "templates").exists():
        shutil.copytree(_TEMPLATES, root / "templates")
        _know(root / "templates" / "email" / "briefing")
    site = Site(load_settings(root / "config.yaml"), database, clock)
    with database.writing() as session:
        store(session, "harbour", now=clock.now(), priority=1)
        store(session, "ferry", "trains", now=clock.now(), regions=("europe",), priority=3)
        store(session, "olives", now=clock.now(), regions=("world",), priority=3)
        store(session, "bank", "bridge", now=clock.now(), priority=4)
    if readers:
        (root / "readers.csv").write_text(readers, encoding="utf-8")
        import_csv(database, root / "readers.csv", consent="Yes, mail me.", source="test", clock=clock)
    return site


def _know(folder: Path) -> None:
    """Spares the tests compiling the same template once for every site: a copy of it is what the original is. Whoever
    writes into it makes another version, which is compiled."""
    known, files = _original(), Files.read(folder)
    while len(page._kept) >= page._MOST_KEPT:
        page._kept.pop(next(iter(page._kept)))
    page._kept[folder, files.version] = dataclasses.replace(known, folder=folder, files=files)


@cache
def _original() -> TemplateSet:
    return TemplateSet.load(_TEMPLATES / "email" / "briefing")


def outbox(site: Site) -> list[Path]:
    """The mails in the site's outbox."""
    return sorted((site.root / "outbox").rglob("*.eml"))
