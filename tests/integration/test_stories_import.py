"""Importing, from files, folders and the network into the store, on both engines."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.errors import ImportRefused
from newsletter.stories import store
from newsletter.stories.importers import ImportReport, import_sources
from newsletter.stories.importers.fetch import Fetched
from newsletter.stories.models import StoryStatus
from newsletter.testing import FixedClock

SAMPLE = Path(__file__).parent.parent / "samples" / "briefing-note.txt"
Bring = Callable[..., ImportReport]

PLAIN = "---\ntitle: {}\n---\nText.\n"


def write(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def no_network(url: str) -> Fetched:
    raise AssertionError(f"{url} was asked for")


@pytest.fixture
def bring(database: Database, clock: FixedClock, tmp_path: Path) -> Bring:
    """Imports sources below the test's folder."""

    def run(*sources: Path | str, **more: object) -> ImportReport:
        more = {"fetch": no_network, "root": tmp_path} | more
        return import_sources(database, [str(source) for source in sources], clock, **more)  # type: ignore[arg-type]

    return run


def summary(report: ImportReport) -> tuple[int, int, int, int]:
    return report.new, report.updated, report.unchanged, len(report.problems)


def test_the_sample_note_is_stored_with_its_ten_parts(database: Database, bring: Bring, tmp_path: Path) -> None:
    shutil.copy(SAMPLE, tmp_path / "note.txt")
    report = bring(tmp_path / "note.txt")
    assert summary(report) == (1, 0, 0, 0)
    (story,) = report.stories
    assert (story.key, story.status, story.headline) == (
        "voters-back-the-harbour-plan",
        "held",
        "Voters back the harbour plan",
    )
    lines = SAMPLE.read_text("utf-8").splitlines()
    with database.reading() as session:
        version = store.latest(session, store.find(session, story.key))
    parts = [version.summary, version.image["alt"], version.headline, *version.body.split("\n\n")]  # type: ignore[index]
    parts += [f"{bullet['label']}: {bullet['text']}" for bullet in version.bullets]
    assert len(parts) == 10
    assert parts == [lines[0], "The old harbour at dawn, with three cranes standing idle over the water.", *lines[2:]]


def test_importing_twice_changes_nothing(bring: Bring, tmp_path: Path, clock: FixedClock) -> None:
    shutil.copy(SAMPLE, tmp_path / "note.txt")
    write(tmp_path, "a/b.md", PLAIN.format("One"))
    assert summary(bring(tmp_path)) == (2, 0, 0, 0)
    clock.advance(3600)
    again = bring(tmp_path)
    assert summary(again) == (0, 0, 2, 0)
    assert again.ok


def test_a_changed_story_makes_one_new_version(bring: Bring, tmp_path: Path) -> None:
    for title in ("One", "Two"):
        write(tmp_path, "a.md", PLAIN.format(title))
        write(tmp_path, "b.md", PLAIN.format("Same"))
        report = bring(tmp_path)
    assert summary(report) == (0, 1, 1, 0)


def test_a_bad_file_is_named_and_the_good_ones_are_stored(bring: Bring, tmp_path: Path) -> None:
    write(tmp_path, "a.md", PLAIN.format("One"))
    write(tmp_path, "b.md", "---\ntitle: T\npriority: 99\n---\nText.\n")
    write(tmp_path, "c.md", PLAIN.format("Three"))
    report = bring(tmp_path)
    assert summary(report) == (2, 0, 0, 1)
    assert not report.ok
    assert str(report.problems[0]) == f"{tmp_path / 'b.md'}:3: priority: is 99: write 1 (the most urgent) to 9"


def test_a_folder_is_read_in_order_without_what_is_hidden(bring: Bring, tmp_path: Path) -> None:
    for name in ("b.md", "a/z.txt", "a/c.md", ".git/x.md", ".hidden.md", "a/.b/x.md", "a.png", "README"):
        write(tmp_path, name, PLAIN.format(name.replace("/", " ")))
    report = bring(tmp_path)
    assert [Path(story.where).relative_to(tmp_path).as_posix() for story in report.stories] == [
        "b.md",
        "a/c.md",
        "a/z.txt",
    ]
    assert report.ok


def test_a_file_that_is_met_twice_is_read_once(bring: Bring, tmp_path: Path) -> None:
    file = write(tmp_path, "a.md", PLAIN.format("One"))
    (tmp_path / "again.md").symlink_to(file)
    assert summary(bring(tmp_path, file, tmp_path / "again.md")) == (1, 0, 0, 0)


def test_links_out_of_a_folder_are_not_followed(bring: Bring, tmp_path: Path) -> None:
    outside = write(tmp_path, "outside/secret.md", PLAIN.format("Secret"))
    folder = tmp_path / "stories"
    write(folder, "a.md", PLAIN.format("One"))
    (folder / "b.md").symlink_to(outside)
    (folder / "c").symlink_to(outside.parent)
    (folder / "loop").symlink_to(folder)
    (folder / "gone.md").symlink_to(folder / "nowhere.md")
    (folder / "round.md").symlink_to(folder / "round.md")
    report = bring(folder)
    assert [story.headline for story in report.stories] == ["One"]
    assert [str(problem).removeprefix(f"{folder}/") for problem in report.problems] == [
        "b.md: is a link out of the folder: put the file itself here",
        "c: is a link out of the folder: put the file itself here",
        "gone.md: cannot be read (No such file or directory)",
        "round.md: is a link out of the folder: put the file itself here",
    ]


def test_what_is_no_file_is_named(bring: Bring, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    write(tmp_path, "large.md", b"x" * 10_000_001)
    report = bring(tmp_path / "pipe.md", tmp_path / "large.md", tmp_path / "gone.md", "/dev/zero", "a\0b")
    assert [str(problem).partition(": ")[2] for problem in report.problems] == [
        "is no file: name a file, a folder or a URL",
        "is larger than 10 MB",
        "cannot be read (No such file or directory)",
        "is no file: name a file, a folder or a URL",
        "is no path: name a file, a folder or a URL",
    ]


def test_a_story_is_known_by_its_place_in_the_site(
    bring: Bring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file by another path, from another directory, and in a site that was moved, is the same story."""
    site = tmp_path / "site"
    file = write(site, "stories/a.md", PLAIN.format("One"))
    assert summary(bring(file, root=site)) == (1, 0, 0, 0)
    monkeypatch.chdir(site / "stories")
    assert summary(bring("../stories/a.md", root=Path(".."))) == (0, 0, 1, 0)
    monkeypatch.chdir(tmp_path)
    site.rename(tmp_path / "moved")
    assert summary(bring("moved", root=tmp_path / "moved")) == (0, 0, 1, 0)


def test_two_stories_of_one_id_do_not_write_over_each_other(bring: Bring, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path, f"{name}.md", f"---\nid: same\ntitle: {name}\n---\nText.\n")
    for expected in ((1, 0, 0, 1), (0, 0, 1, 1)):
        report = bring(tmp_path)
        assert summary(report) == expected
        assert "b.md: “b” has the id of another story of this import: change its id" in str(report.problems[0])


def test_a_default_status_is_for_new_stories_whose_source_says_nothing(bring: Bring, tmp_path: Path) -> None:
    write(tmp_path, "a.md", PLAIN.format("One"))
    write(tmp_path, "b.md", "---\ntitle: T\nstatus: withheld\n---\nText.\n")
    report = bring(tmp_path, default_status=StoryStatus.USABLE)
    assert [story.status for story in report.stories] == ["usable", "withheld"]


def test_a_feed_is_got_from_the_network_and_its_items_stored_one_by_one(bring: Bring, database: Database) -> None:
    raw = (
        '<rss version="2.0"><channel><link>https://news.example.org/</link>'
        "<item><title>One</title><guid>urn:x:1</guid></item><item><guid>urn:x:2</guid></item>"
        "<item><title>Three</title><link>/three</link></item></channel></rss>"
    )
    asked: list[str] = []

    def fetch(url: str) -> Fetched:
        asked.append(url)
        if url.endswith("gone"):
            raise ImportRefused("answered 404 Not Found", path=url)
        return Fetched("https://news.example.org/feed.xml", raw.encode())

    url, gone = "https://news.example.org/feed", "https://news.example.org/gone"
    report = bring(gone, url, url, fetch=fetch)
    assert asked == [gone, url]
    assert summary(report) == (2, 0, 0, 2)
    assert str(report.problems[0]) == f"{gone}: answered 404 Not Found"
    assert str(report.problems[1]).startswith(f"{url}: item 2: its headline is empty")
    with database.reading() as session:
        assert store.latest(session, store.find(session, "three")).url == "https://news.example.org/three"
    assert summary(bring(gone, url, fetch=fetch)) == (0, 0, 2, 2)


def test_only_the_guard_decides_which_urls_are_read(bring: Bring) -> None:
    """Without another way of getting documents, the real guard is in place: files by URL and loopback are refused."""
    report = bring("file:///etc/passwd", "http://127.0.0.1:9/", "ftp://example.org/", fetch=None)
    assert [str(problem).partition(": ")[2] for problem in report.problems] == [
        "is 'file', and only http and https are read",
        "127.0.0.1 is 127.0.0.1, which is no public address: only the public network is read",
        "is 'ftp', and only http and https are read",
    ]


def test_times_without_an_offset_are_those_of_the_newsroom(bring: Bring, database: Database, tmp_path: Path) -> None:
    write(tmp_path, "a.md", "---\ntitle: One\nembargo: 2026-11-23 06:00\n---\nText.\n")
    bring(tmp_path, timezone="Europe/Berlin")
    with database.reading() as session:
        embargo = store.latest(session, store.find(session, "a")).embargo_until
    assert embargo is not None
    assert embargo.isoformat() == "2026-11-23T05:00:00+00:00"


@settings(max_examples=30)
@given(
    texts=st.lists(
        st.tuples(
            st.sampled_from(["a.md", "b.txt", "c.xml", "d.json", "e"]),
            st.sampled_from(
                [
                    "",
                    "---\ntitle: T\n---\n",
                    "Summary.\nHeadline\n",
                    '{"version": "https://jsonfeed.org/version/1", "items": [',
                ]
            ),
            st.one_of(
                st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
            ),
        ),
        max_size=4,
    )
)
def test_any_files_are_imported_or_refused_and_a_second_import_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    database = Database(f"sqlite:///{folder / 'x.db'}")
    upgrade(database)
    sources = [str(write(folder / "in", name, head.encode() + tail)) for name, head, tail in texts]
    first, second = (import_sources(database, sources, FixedClock(), root=folder) for _ in range(2))
    database.close()
    assert (second.new, second.updated, second.unchanged) == (0, 0, first.new)
    assert [str(problem) for problem in first.problems] == [str(problem) for problem in second.problems]
