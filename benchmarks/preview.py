"""How long an editor waits after an edit: ``python -m benchmarks.preview [--quick]``.

A desk with an edition of 25 stories for 6 segments answers over HTTP on loopback. Before every round a headline
changes, so that the mail has to be made anew. A round trip is what a browser needs to show the preview again: the page,
and then its two frames at the same time, the whole of each.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from newsletter import press
from newsletter.accounts import Role, tokens
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.editions import overrides, store
from newsletter.press import Site
from newsletter.testing import FixedClock
from newsletter.testing.stories import store as store_stories
from newsletter.web import WebServer
from tests.sites import CONFIG, make_site

SEGMENTS = ("europe", "world", "africa", "americas", "asia", "oceania")
STORIES = 25
KEY = "morning/2026-11-23"
BODY = "\n\n".join(
    f"Paragraph {number}: the harbour council met until midnight and agreed on *three* of the four "
    f"[proposals](https://news.example.org/{number}), the ferry among them, and put the fourth off until spring."
    for number in range(4)
)


@contextmanager
def site(port: int) -> Iterator[Site]:
    """A site with an edition of so many stories for so many segments."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/newsletter.db")
        upgrade(database)
        config = CONFIG.partition("    sections:")[0].replace("[europe, world]", f"[{', '.join(SEGMENTS)}]")
        config += "    sections:\n      - {key: lead, layout: lead, min: 1, max: 1, required: true}\n"
        for number, layout in enumerate(("brief", "labelled", "list")):
            config += f"      - {{key: s{number}, title: Section {number}, layout: {layout}, max: 8}}\n"
        made = make_site(Path(folder) / "site", database, FixedClock(), config=f"web: {{port: {port}}}\n{config}")
        rules = "".join(f"{name}: {{backend: outbox, rule: {{everyone: true}}}}\n" for name in SEGMENTS)
        made.settings.segments_file.write_text(rules, encoding="utf-8")
        with database.writing() as session:
            store_stories(session, *(f"story-{n}" for n in range(STORIES)), now=made.clock.now(), priority=2, body=BODY)
        press.assemble(made, "morning")
        try:
            yield made
        finally:
            database.close()


def edit(made: Site, words: str) -> None:
    """Gives the first story of the edition another headline."""
    with made.database.writing() as session:
        edition = store.find(session, KEY)
        overrides.set_override(
            session, edition, made.briefing("morning"), "headline", edition.slots[0].story_version.story.slug,
            clock=made.clock, by="Edith", text=words,
        )  # fmt: skip


async def rounds(made: Site, url: str, count: int) -> dict[str, list[float]]:
    """Seconds of each round, by what was asked for."""
    took: dict[str, list[float]] = {"preview: page and two frames": [], "the page alone": [], "grid: six segments": []}
    headers = {"authorization": f"Bearer {tokens.make(made.database, 'bench', Role.VIEWER, made.clock.now())}"}
    async with httpx.AsyncClient(base_url=f"{url}/editions/{KEY}", headers=headers) as client:
        for number in range(-2, count):
            segment = SEGMENTS[number % len(SEGMENTS)]
            edit(made, f"Headline number {number}")
            start = time.perf_counter()
            page = await client.get(f"/preview?segment={segment}")
            first = time.perf_counter()
            frame = f"/preview/mail?segment={segment}"
            mails = await asyncio.gather(client.get(frame), client.get(f"{frame}&colours=dark"))
            whole = time.perf_counter()
            assert page.status_code == 200
            assert all(f"Headline number {number}" in mail.text for mail in mails), "the edit is not seen"
            grid = await client.get("/grid")
            assert grid.text.count(f"Headline number {number}") >= 1
            if number >= 0:  # the first ones warm up
                for name, seconds in zip(
                    took, (whole - start, first - start, time.perf_counter() - whole), strict=True
                ):
                    took[name].append(seconds)
    return took


def main() -> None:
    """Prints a line for each thing that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look only")
    count = 12 if parser.parse_args().quick else 60
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with site(port) as made:
        size = press.preview(made, KEY).size
        with WebServer(made) as server:
            took = asyncio.run(rounds(made, server.url, count))
    print(f"{STORIES} stories, {len(SEGMENTS)} segments, message of {size.message:,} bytes; {count} edits\n")
    print(f"{'':<34}{'median':>10}{'least – most':>22}")
    for name, seconds in took.items():
        low, middle, high = (1000 * value for value in (min(seconds), statistics.median(seconds), max(seconds)))
        print(f"{name:<34}{f'{middle:.0f} ms':>10}{f'{low:.0f} – {high:.0f} ms':>22}")


if __name__ == "__main__":
    main()
