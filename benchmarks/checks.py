"""What a look at an edition costs, 25 stories for each of 6 segments: ``python -m benchmarks.checks [--quick]``.

Rendered and checked as the desk does it after an edit, on SQLite with readers in it, in one process, without a network.
Each line is the median of several runs with the least and the most, in milliseconds of processor time.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from benchmarks.edition import add_readers
from newsletter import press
from newsletter.checks import CHECKS, CheckedVariant, CheckInput
from newsletter.checks.built import build
from newsletter.checks.page import Page
from newsletter.clock import SystemClock
from newsletter.config import load_settings
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.editions.store import find
from newsletter.press import Site
from newsletter.press.audience import audience
from newsletter.press.messages import headers
from newsletter.press.readers import largest_reader
from newsletter.stories.draft import BulletDraft, ImageDraft
from newsletter.testing.stories import store

SEGMENTS = ("europe", "africa", "americas", "asia", "pacific", "world")
_CONFIG = """\
publication: {name: The Port Maren Courier, postal_address: 1 Quay Street, base_url: https://courier.example.org}
briefings:
  morning:
    name: Morning Briefing
    sender: {name: The Courier, address: morning@courier.example.org}
    segments: [europe, africa, americas, asia, pacific, world]
    sections:
      - {key: lead, layout: lead, max: 1, select: {tags: [lead]}}
      - key: near
        title: Near you
        layout: brief
        max: 4
        select: {regions: [world]}
        segments:
          europe: {select: {regions: [europe]}}
          africa: {select: {regions: [africa]}}
          americas: {select: {regions: [americas]}}
          asia: {select: {regions: [asia]}}
          pacific: {select: {regions: [pacific]}}
      - {key: explained, title: Explained, layout: labelled, max: 2, select: {tags: [explained]}}
      - {key: rest, title: While you slept, layout: brief, max: 18, select: {tags: [rest]}}
"""
_RULES = "\n".join(
    f"{name}: {{backend: outbox, rule: {rule}}}"
    for name, rule in zip(
        SEGMENTS,
        ("{country: [DE, FR]}", "{country: NG}", "{country: US}", "{country: JP}", "{country: NZ}", "{everyone: true}"),
        strict=True,
    )
)
_BODY = (
    "The council said on Sunday that it had won a clear and lasting mandate to rebuild the old harbour, the largest "
    "public project in the city’s history. Turnout was [71 percent](https://courier.example.org/turnout), the highest "
    "in a local vote since 1998."
)


def make_site(folder: Path, readers: int) -> Site:
    """A site with an assembled edition, as large as a mail may be."""
    (folder / "subscribers").mkdir()
    (folder / "config.yaml").write_text(_CONFIG, encoding="utf-8")
    (folder / "subscribers" / "segments.yaml").write_text(_RULES + "\n", encoding="utf-8")
    shutil.copytree(Path(__file__).parent.parent / "templates", folder / "templates")
    settings = load_settings(folder / "config.yaml", {})
    upgrade(database := Database(settings.database, root=settings.root))
    site = Site(settings, database, SystemClock())
    bullets = [BulletDraft("Why it matters", _BODY[:120], ""), BulletDraft("Next", _BODY[120:240], "")]
    published = site.clock.now() - timedelta(hours=1)
    with database.writing() as session:
        for name, count, more in (
            ("lead", 1, {"tags": ["lead"], "bullets": bullets}),
            ("explained", 2, {"tags": ["explained"], "bullets": bullets}),
            ("rest", 18, {"tags": ["rest"]}),
            *((region, 4, {"regions": [region]}) for region in SEGMENTS),
        ):
            for number in range(count):
                picture = ImageDraft(f"https://images.example.org/{name}-{number}.jpg", f"A view of {name} {number}.")
                image = picture if number % 2 == 0 else None
                store(session, f"{name}-{number}", published_at=published, body=_BODY, image=image, **more)
    add_readers(site, readers)
    press.assemble(site, "morning")
    return site


def timed(what: str, runs: int, deed: Callable[[], object]) -> None:
    """Prints a line."""
    deed()
    took = []
    for _ in range(runs):
        began = time.process_time()
        deed()
        took.append((time.process_time() - began) * 1000)
    print(f"{what:<44} {statistics.median(took):8.2f}  ({min(took):.2f} to {max(took):.2f})", flush=True)


def main() -> None:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few runs")
    runs = 5 if (options := parser.parse_args()).quick else 25
    readers = 2_000 if options.quick else 50_000
    with tempfile.TemporaryDirectory() as name, make_site(Path(name), readers) as site:
        key = press.edition_of(site, "morning")
        seen = press.variants(site, key)
        sizes = [len(one.rendered.html) for one in seen.values()]
        stories = [len(one.view.stories) for one in seen.values()]
        size = f"{max(sizes) / 1000:.0f} kB of HTML"
        print(f"{len(seen)} segments, {max(stories)} stories each, {size}, {readers:,} readers\n")
        timed("render all segments", runs, partial(press.variants, site, key))
        timed("check, rendered anew", runs, partial(press.check, site, key))

        def again() -> object:
            return press.check(site, key, {s: CheckedVariant(v.view, v.rendered) for s, v in seen.items()})

        timed("check, of what was rendered", runs, again)
        with site.database.reading() as session:
            edition = find(session, key)
            largest = largest_reader(site, session, "morning", edition.edition_date)
            heads = {segment: headers(site, edition, segment, edition.due_at) for segment in seen}

            def count() -> object:
                site.counted.clear()
                return audience(site, session, edition)

            timed("  count the readers (which holds for a minute)", runs, count)
        timed("  build the worst reader's messages", runs, lambda: [
            build(v.rendered, heads[s], largest) for s, v in seen.items()])  # fmt: skip
        timed("  read the HTML", runs, lambda: [Page.read(v.rendered.html) for v in seen.values()])
        timed("  gather the words", runs, lambda: [
            CheckedVariant(v.view, v.rendered).passages for v in seen.values()])  # fmt: skip
        subject = _input(site, key, seen)
        for code, check in CHECKS.items():
            timed(f"  {code}", runs, partial(lambda check: list(check(subject)), check))


def _input(site: Site, key: str, seen: dict[str, CheckedVariant]) -> CheckInput:
    """What the checks are given."""
    given: list[CheckInput] = []
    CHECKS["benchmark"] = lambda subject: given.append(subject) or ()
    press.check(site, key, seen)
    del CHECKS["benchmark"]
    return given[0]


if __name__ == "__main__":
    main()
