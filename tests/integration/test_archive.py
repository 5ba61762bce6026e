"""Past editions, as pages and feeds over HTTP: open as far as the configuration says, and nobody's."""

from __future__ import annotations

import asyncio
import html
import json
import re
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import feedparser
import httpx
import pytest
from lxml import etree
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import event, select, text, update

from newsletter import press
from newsletter.accounts import Role
from newsletter.config import load_settings
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.editions.models import Edition, Override, Variant
from newsletter.editions.states import State
from newsletter.errors import ConfigError, NotFound, Refused
from newsletter.press import Site, published
from newsletter.stories import store as stories
from newsletter.stories.importers import import_sources
from newsletter.stories.models import StoryVersion
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from newsletter.web.headers import ARCHIVE_POLICY, OWN_MAIL_POLICY, READER_POLICY
from tests.acceptance import commands
from tests.desk import Visitor, signed_in, visitor
from tests.sites import CONFIG, READERS, make_site

YESTERDAY, KEY = "morning/2026-11-23", "morning/2026-11-24"
AT = "/archive/morning/2026-11-24"
BASE = "https://courier.example.org"
RNG = Path(__file__).parents[1] / "judges" / "atom.rng"
PAGES = ("/archive", "/archive/morning", AT, f"{AT}/mail")
FEEDS = ("/archive/atom.xml", "/archive/feed.json", "/archive/morning/atom.xml", "/archive/morning/feed.json")
EVENING = """\
  evening:
    name: Evening Letter
    sender: {name: The Courier, address: evening@courier.example.org}
    segments: [europe]
    min_stories: 1
    sections: [{key: lead, layout: lead, max: 1}]
"""


def configured(archive: str = "all", *, publication: str = "", more: str = "") -> str:
    config = CONFIG.replace("    min_stories: 2\n", f"    min_stories: 2\n    archive: {archive}\n{more}")
    return config.replace("  timezone:", f"{publication}  timezone:", 1)


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose morning edition went out on two days; made once. Its clock stands an hour behind the second."""
    folder = tmp_path_factory.mktemp("sent")
    database = Database(f"sqlite:///{folder / 'newsletter.db'}")
    upgrade(database)
    clock = FixedClock()
    site = make_site(folder, database, clock, config=configured(more="    count_clicks: true\n"))
    send(site, "2026-11-23")
    clock.advance(timedelta(days=1))
    with database.writing() as session:
        store(session, "council", "market", "rain", now=clock.now(), priority=2, regions=("world", "europe"))
    send(site, "2026-11-24")
    database.close()
    return folder


def send(site: Site, day: str) -> None:
    press.assemble(site, "morning", date.fromisoformat(day))
    asyncio.run(press.send(site, f"morning/{day}"))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock("2026-11-24T05:00:00+00:00")


def opened(folder: Path, clock: FixedClock, config: str = "") -> Site:
    """The site in a folder, with another configuration if given."""
    if config:
        (folder / "config.yaml").write_text(config, encoding="utf-8")
    return Site(load_settings(folder / "config.yaml"), Database(f"sqlite:///{folder}/newsletter.db"), clock)


@pytest.fixture
def folder(sent: Path, tmp_path: Path) -> Path:
    shutil.copytree(sent, tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def site(folder: Path, clock: FixedClock) -> Iterator[Site]:
    """A copy of the site, all of whose editions are open."""
    with opened(folder, clock) as made:
        yield made


def plain(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def entries(somebody: Visitor, path: str = "/archive/morning/atom.xml") -> list[Any]:
    return list(feedparser.parse(somebody.get(path).content).entries)


def set_state(site: Site, state: State, key: str = KEY) -> None:
    with site.database.writing() as session:
        day = date.fromisoformat(key.partition("/")[2])
        session.execute(update(Edition).where(Edition.edition_date == day).values(state=state.value))


def test_nothing_is_open_unless_the_configuration_says_so(folder: Path, clock: FixedClock) -> None:
    with opened(folder, clock, CONFIG) as site:
        somebody = visitor(site)
        for path in (*PAGES, *FEEDS, "/archive/morning/latest"):
            assert somebody.get(path).status_code == 404, path


def test_an_archive_names_a_segment_of_its_briefing(folder: Path, clock: FixedClock) -> None:
    with pytest.raises(ConfigError, match="archive names 'asia', which is no segment"):
        opened(folder, clock, configured("{show: all, segment: asia}"))


def test_past_editions_are_listed_the_newest_first_and_each_has_its_page(site: Site) -> None:
    somebody = visitor(site)
    for path in ("/archive", "/archive/morning"):
        page = somebody.get(path)
        assert page.status_code == 200
        assert re.findall(r'href="(/archive/morning/2\S+)"', page.text) == [AT, "/archive/morning/2026-11-23"]
        assert f'<link rel="canonical" href="{BASE}{path}">' in page.text
        assert 'href="/join' in page.text
    page = somebody.get(AT)
    assert page.status_code == 200
    assert f'<link rel="canonical" href="{BASE}{AT}">' in page.text
    assert f'<meta property="og:url" content="{BASE}{AT}">' in page.text
    assert '<h1 dir="auto">Tuesday Briefing: Council</h1>' in page.text
    assert '<meta property="og:description" content="What we know this morning of the council.">' in page.text
    assert 'href="/join?briefing=morning&amp;language=en"' in page.text
    assert 'rel="prev" href="/archive/morning/2026-11-23"' in page.text
    assert 'rel="next"' not in page.text
    assert "The first paragraph of the council." in plain(page.text)


def test_the_latest_edition_has_an_address_that_stays(site: Site) -> None:
    somebody = visitor(site)
    answer = somebody.get("/archive/morning/latest")
    assert (answer.status_code, answer.headers["location"]) == (302, AT)
    assert somebody.get("/archive/evening/latest").status_code == 404


def test_an_archive_of_many_editions_has_pages(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published.shelf, "__kwdefaults__", {"page": 0, "size": 1})
    somebody = visitor(site)
    first, second = somebody.get("/archive/morning"), somebody.get("/archive/morning?page=1")
    assert 'rel="next" href="?page=1"' in first.text
    assert 'rel="prev" href="?page=0"' in second.text
    assert "Tuesday" in first.text
    assert "Monday" in second.text
    assert f'<link rel="canonical" href="{BASE}/archive/morning?page=1">' in second.text
    for number in ("2", "-1", "x", "9" * 9, "%00"):
        assert somebody.get(f"/archive/morning?page={number}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/archive/", "/archive/evening", "/archive/none/2026-11-24", "/archive/morning/2026-11-25",
        "/archive/morning/2026-11-4", "/archive/morning/20261124", "/archive/morning/2026-W48-2",
        "/archive/morning/%00", "/archive/%00", "/archive/morning/2026-11-24/x", "/archive/morning/9999-99-99",
        "/archive/morning/2026-11-24/mail/x", "/archive/evening/atom.xml", f"/archive/{'m' * 3000}",
    ],
)  # fmt: skip
def test_what_is_not_there_gets_one_answer(site: Site, path: str) -> None:
    answer = visitor(site).get(path)
    assert answer.status_code == 404
    assert "This link does not work" in answer.text
    assert "set-cookie" not in answer.headers


def test_pages_can_be_looked_at_and_nothing_else(site: Site) -> None:
    somebody = visitor(site)
    for path in (*PAGES, *FEEDS):
        assert somebody.ask("HEAD", path).status_code == 200
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert somebody.ask(method, path).status_code == 405


def test_nothing_on_any_page_or_in_any_feed_is_a_readers(site: Site) -> None:
    """Over every address in them: no token, no counted link, no way to unsubscribe anybody; no name; no pixel."""
    somebody = visitor(site)
    with site.database.reading() as session:
        nonces = list(session.scalars(select(Variant.nonce)))
    names = [word for line in READERS.splitlines()[1:] for word in line.split(",")[:2] if word]
    looked_at = 0
    for path in (*PAGES, *FEEDS):
        answer = somebody.get(path)
        said = html.unescape(answer.text)
        found = re.findall(r"""(?:href|src|action|content|url|id)\s*["']?[=:>]\s*["']?([^"'<>\s]+)""", said)
        found += re.findall(r"""https?:[^"'<>\s\\]+""", said)
        looked_at += len(found)
        for address in found:
            assert not re.search(r"/[upvc]/", address), address
            assert "slot.invalid" not in address
            assert "gone.invalid" not in address
        for word in [*nonces, *names, "nsubscribe", "references"]:
            assert word not in said, (path, word)
        assert not re.search(r"<img\b[^>]*\b(?:width|height)=[\"']?[01]\b", said)
        assert "set-cookie" not in answer.headers
        assert somebody.cookies == httpx.Cookies()
    assert looked_at > 100


def test_a_cookie_or_a_reader_who_is_signed_in_sees_the_same_page(site: Site) -> None:
    """What one visitor gets may be kept for the next one."""
    edith = signed_in(site)
    for path in (*PAGES, *FEEDS):
        mine, theirs = edith.get(path), visitor(site, **{"accept-language": "ar"}).get(path)
        assert mine.content == theirs.content
        assert mine.headers["etag"] == theirs.headers["etag"]


def test_every_answer_says_what_it_may_load_and_who_may_find_it(site: Site) -> None:
    somebody = visitor(site)
    for path, policy in zip(PAGES, (READER_POLICY, READER_POLICY, ARCHIVE_POLICY, OWN_MAIL_POLICY), strict=True):
        answer = somebody.get(path)
        assert answer.headers["content-security-policy"] == policy
        assert "script-src" not in policy
        assert "default-src 'none'" in policy
        assert ("x-robots-tag" in answer.headers) == path.endswith("/mail")
        assert "<script" not in answer.text
    for path in FEEDS:
        assert somebody.get(path).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("state", [State.HELD, State.PAUSED, State.ABORTED, State.LOCKED])
def test_an_edition_that_is_stopped_is_not_shown(site: Site, state: State) -> None:
    set_state(site, state)
    somebody = visitor(site)
    assert somebody.get(AT).status_code == 404
    assert "2026-11-24" not in somebody.get("/archive").text
    assert somebody.get("/archive/morning/latest").headers["location"] == "/archive/morning/2026-11-23"
    assert [entry.link for entry in entries(somebody)] == [f"{BASE}/archive/morning/2026-11-23"]


def test_an_edition_is_shown_once_its_last_wave_is_due(site: Site, clock: FixedClock) -> None:
    set_state(site, State.SENDING)
    with site.database.writing() as session:
        session.execute(
            update(Variant).where(Variant.segment == "europe").values(due_at=clock.now() + timedelta(hours=2))
        )
    somebody = visitor(site)
    assert somebody.get(AT).status_code == 404
    clock.advance(timedelta(hours=2))
    assert somebody.get(AT).status_code == 200


def test_a_briefing_that_is_not_configured_any_more_is_not_shown(folder: Path, clock: FixedClock) -> None:
    gone = configured().replace("  morning:\n", "  noon:\n").replace("Morning Briefing", "Noon")
    with opened(folder, clock, gone) as site:
        somebody = visitor(site)
        assert somebody.get(AT).status_code == 404
        page = somebody.get("/archive")
        assert page.status_code == 200
        assert "There is nothing to read here yet." in page.text
        assert feedparser.parse(somebody.get("/archive/atom.xml").content).bozo is False
        RELAX.assertValid(etree.fromstring(somebody.get("/archive/atom.xml").content))


def test_the_mail_is_the_one_of_the_last_segment_or_of_the_one_that_is_named(folder: Path, clock: FixedClock) -> None:
    with opened(folder, clock, configured()) as site:
        assert "Near you" in plain(visitor(site).get("/archive/morning/2026-11-23/mail").text)
    with opened(folder, clock, configured("{show: all, segment: europe}")) as site:
        assert "In Europe" in plain(visitor(site).get("/archive/morning/2026-11-23/mail").text)


# --- what may not be read any more ---------------------------------------------------------------------------------


def everywhere(somebody: Visitor) -> str:
    """All that is said of the edition, on every page and in every feed."""
    return "\n".join(somebody.get(path).text for path in (*PAGES, *FEEDS))


def test_a_story_that_was_killed_is_nowhere_any_more(site: Site, clock: FixedClock) -> None:
    """Neither are the subject and the preheader that told it, nor the mail, which cannot be changed."""
    somebody = visitor(site)
    clock.advance(60)
    assert "ouncil" in everywhere(somebody)
    with site.database.writing() as session:
        stories.kill(session, "council", clock.now(), "Edith")
    said = everywhere(somebody)
    assert "ouncil" not in said
    assert "Something was taken out" in said
    assert "Market" in said
    assert somebody.get(f"{AT}/mail").status_code == 404
    page = somebody.get(AT)
    assert page.headers["x-robots-tag"] == "noindex"
    assert "last-modified" not in page.headers
    assert entries(somebody)[0].updated == f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"


def test_a_story_that_is_held_for_a_while_comes_back(site: Site, clock: FixedClock) -> None:
    somebody = visitor(site)
    before = somebody.get(AT).text
    with site.database.writing() as session:
        stories.hold(session, "market", clock.now(), "Edith")
    assert "Market" not in everywhere(somebody)
    with site.database.writing() as session:
        stories.release(session, "market", clock.now(), "Edith")
    assert somebody.get(AT).text == before


def test_an_embargo_that_is_moved_hides_a_story_until_it_has_passed(site: Site, clock: FixedClock) -> None:
    somebody = visitor(site)
    with site.database.writing() as session:
        later = clock.now() + timedelta(hours=3)
        store(session, "market", now=clock.now(), priority=2, embargo_until=later, dek="It is said later.")
    assert "Market" not in everywhere(somebody)
    clock.advance(timedelta(hours=3))
    assert "Market" in everywhere(somebody)


def test_a_story_that_has_expired_stays(site: Site, clock: FixedClock) -> None:
    """It may not go out any more; that it went out is no news."""
    with site.database.writing() as session:
        session.execute(update(StoryVersion).values(expires_at=clock.now() - timedelta(minutes=1)))
    assert "Market" in everywhere(visitor(site))


def test_an_edition_of_which_nothing_is_left_is_gone(site: Site, clock: FixedClock) -> None:
    with site.database.writing() as session:
        for slug in ("council", "market", "rain"):
            stories.kill(session, slug, clock.now())
    somebody = visitor(site)
    assert somebody.get(AT).status_code == 404
    assert "2026-11-24" not in somebody.get("/archive").text


def test_of_an_archive_that_shows_the_first_story_nothing_else_can_be_read(folder: Path, clock: FixedClock) -> None:
    with opened(folder, clock, configured("first")) as site:
        somebody = visitor(site)
        said = everywhere(somebody)
        page = somebody.get(AT)
        assert page.status_code == 200
        for words in ("The first paragraph of the council.", "All of it comes by mail."):
            assert words in plain(page.text)
        for slug in ("arket", "Rain", "rain"):
            assert slug not in said
        assert somebody.get(f"{AT}/mail").status_code == 404
        for path in ("/archive", "/archive/morning", AT, *FEEDS):
            assert somebody.get(path).headers["x-robots-tag"] == "noindex"
        assert '<meta name="robots" content="noindex">' in page.text


def test_the_words_of_an_editor_stand_in_place_of_a_storys_own(folder: Path, clock: FixedClock) -> None:
    with opened(folder, clock, configured("first")) as site:
        with site.database.writing() as session:
            edition = session.scalars(select(Edition).where(Edition.edition_date == date(2026, 11, 24))).one()
            story = stories.find(session, "council")
            for kind, segment, words in (
                ("headline", "", "The wall stands"), ("headline", "world", "The wall stays"),
                ("headline", "europe", "Not this one"), ("dek", "", ""),
            ):  # fmt: skip
                session.add(
                    Override(
                        edition_id=edition.id, story_id=story.id, kind=kind, segment=segment, text=words, at=clock.now()
                    )
                )
        page = plain(re.sub("(?s)<head>.*</head>", "", visitor(site).get(AT).text))
        assert "The wall stays" in page
        assert "Not this one" not in page


# --- corrections ---------------------------------------------------------------------------------------------------

WRONG = "The ferry leaves at 6.15 & not <b>at</b> 7.15.\n\nWe are sorry."


def test_a_correction_stands_on_the_page_in_the_lists_and_in_the_feeds(site: Site, clock: FixedClock) -> None:
    somebody = visitor(site)
    old = entries(somebody)[0].updated
    clock.advance(3600)
    press.correct(site, KEY, WRONG, "Edith Vane")
    page = somebody.get(AT).text
    assert "Correction" in page
    assert html.escape("The ferry leaves at 6.15 & not <b>at</b> 7.15.") in page
    assert page.index("The ferry leaves") < page.index("shadowrootmode")
    assert "corrected" in somebody.get("/archive").text
    for path in ("/archive/atom.xml", "/archive/morning/atom.xml"):
        entry = entries(somebody, path)[0]
        assert "Correction, 24 November 2026:" in plain(entry.content[0].value)
        assert entry.updated > old
        assert entry.published == old
    [item, _] = json.loads(somebody.get("/archive/feed.json").content)["items"]
    assert html.escape("6.15 & not <b>") in item["content_html"]
    assert "Vane" not in everywhere(somebody)


def test_a_correction_can_be_taken_back_and_stays_in_the_history(site: Site, clock: FixedClock) -> None:
    made = press.correct(site, KEY, "It was Tuesday.", "Edith", "clarification")
    clock.advance(60)
    press.take_back_correction(site, KEY, made.no, "Omar")
    somebody = visitor(site)
    assert "It was Tuesday." not in everywhere(somebody)
    assert entries(somebody)[0].updated == f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"
    [kept] = press.corrections(site, KEY)
    assert (kept.kind, kept.by, kept.taken_back_by) == ("clarification", "Edith", "Omar")
    told = [(one.what, one.by) for one in press.life(site, KEY)]
    assert any("clarification 1: It was Tuesday." in what and by == "Edith" for what, by in told)
    assert any("clarification 1 taken back" in what and by == "Omar" for what, by in told)
    with pytest.raises(NotFound, match="no correction 1 that stands"):
        press.take_back_correction(site, KEY, made.no, "Omar")


def test_what_is_no_correction_is_refused(site: Site) -> None:
    for words, by, kind, why in (
        ("", "Edith", "correction", "1 to 2,000 characters"),
        ("x" * 2001, "Edith", "correction", "1 to 2,000 characters"),
        ("It was Tuesday.", " ", "correction", "needs the name"),
        ("It was Tuesday.", "Edith", "joke", "no kind of correction"),
    ):
        with pytest.raises(Refused, match=why):
            press.correct(site, KEY, words, by, kind)
    press.assemble(site, "morning", date(2026, 11, 25))
    with pytest.raises(Refused, match="nobody has it"):
        press.correct(site, "morning/2026-11-25", "It was Tuesday.", "Edith")
    assert press.corrections(site, KEY) == ()


def test_corrections_are_made_and_listed_by_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str]:
        status = commands.run("--config", str(folder / "config.yaml"), "edition", *words)
        return status, "".join(capsys.readouterr())

    assert run("correct", KEY, "It was Tuesday.", "--by", "Edith", "--kind", "retraction") == (
        0, f"retraction 1 of {KEY} is made\n",
    )  # fmt: skip
    assert [one["words"] for one in json.loads(run("corrections", KEY, "--json")[1])] == ["It was Tuesday."]
    assert run("correct", KEY, "--by", "Omar", "--take-back", "1")[0] == 0
    assert "Omar" in run("corrections", KEY)[1]
    assert run("correct", KEY, "--by", "Omar")[0] == 1


def test_an_editor_corrects_at_the_desk_and_a_viewer_does_not(site: Site) -> None:
    edith = signed_in(site)
    edith.get(f"/editions/{KEY}/history")
    assert edith.post(f"/editions/{KEY}/history/correct", words="It was Tuesday.", kind="correction").status_code == 303
    page = edith.get(f"/editions/{KEY}/history").text
    assert "It was Tuesday." in page
    assert "https://news.example.org/council" in page  # the counted links stand there too
    refused = edith.post(f"/editions/{KEY}/history/correct", words=" ", kind="correction")
    assert refused.status_code == 409
    assert "1 to 2,000 characters" in refused.text
    omar = signed_in(site, "Omar", Role.VIEWER)
    looked = omar.get(f"/editions/{KEY}/history").text
    assert "It was Tuesday." in looked
    assert "Correct it" not in looked
    assert omar.post(f"/editions/{KEY}/history/correct", words="No.", kind="correction").status_code == 403
    edith.get(f"/editions/{KEY}/history")
    assert edith.post(f"/editions/{KEY}/history/correct/take-back", correction="1").status_code == 303
    assert "It was Tuesday." not in visitor(site).get(AT).text


# --- feeds ---------------------------------------------------------------------------------------------------------

RELAX = etree.RelaxNG(etree.parse(RNG))


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Author(Strict):
    name: str


class FeedItem(Strict):
    id: str
    url: str
    title: str
    summary: str = ""
    content_html: str
    date_published: AwareDatetime
    date_modified: AwareDatetime
    tags: list[str]
    language: str


class JsonFeed(Strict):
    """What JSON Feed 1.1 asks for, of what ours has."""

    version: Literal["https://jsonfeed.org/version/1.1"]
    title: str
    home_page_url: str
    feed_url: str
    authors: list[Author]
    language: str
    items: list[FeedItem]


@pytest.mark.parametrize("path", [path for path in FEEDS if path.endswith("xml")])
def test_atom_is_as_rfc_4287_has_it_and_as_feedparser_reads_it(site: Site, path: str) -> None:
    press.correct(site, KEY, WRONG, "Edith")
    answer = visitor(site).get(path)
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    RELAX.assertValid(etree.fromstring(answer.content))
    feed = feedparser.parse(answer.content)
    assert feed.bozo is False
    assert feed.version == "atom10"
    assert [link.href for link in feed.feed.links if link.rel == "self"] == [BASE + path]
    assert [entry.id for entry in feed.entries] == [BASE + AT, f"{BASE}/archive/morning/2026-11-23"]
    assert feed.feed.updated == feed.entries[0].updated
    assert feed.entries[0].title == "Tuesday Briefing: Council"
    assert feed.entries[0].published == "2026-11-24T04:00:00Z"
    assert 'href="https://news.example.org/market"' in feed.entries[0].content[0].value


@pytest.mark.parametrize("path", [path for path in FEEDS if path.endswith("json")])
def test_json_feed_is_as_version_1_1_has_it(site: Site, path: str) -> None:
    answer = visitor(site).get(path)
    assert answer.headers["content-type"] == "application/feed+json; charset=utf-8"
    feed = JsonFeed.model_validate_json(answer.content)
    assert feed.feed_url == BASE + path
    assert [item.id for item in feed.items] == [BASE + AT, f"{BASE}/archive/morning/2026-11-23"]
    assert feed.items[0].date_published == datetime.fromisoformat("2026-11-24T04:00:00+00:00")


@pytest.mark.parametrize("path", FEEDS[:2])
def test_our_own_importers_read_our_feeds(site: Site, tmp_path: Path, path: str) -> None:
    file = tmp_path / path.rpartition("/")[2]
    file.write_bytes(visitor(site).get(path).content)
    report = import_sources(site.database, [str(file)], site.clock)
    assert report.ok, report.problems
    assert [story.headline for story in report.stories] == ["Tuesday Briefing: Council", "Monday Briefing: Harbour"]


def test_whatever_a_headline_is_the_feeds_are_well_formed(site: Site) -> None:
    hostile = "]]> </content><script>alert(1)</script> &amp; “Ünïcode” 🚢 مرحبا \ufffd"
    with site.database.writing() as session:
        session.execute(update(Variant).values(subject=hostile, preheader=hostile))
        session.execute(update(StoryVersion).values(headline=hostile, dek=hostile, url='https://x.example/?a="><b>&c'))
    somebody = visitor(site)
    for path in FEEDS[::2]:
        RELAX.assertValid(etree.fromstring(somebody.get(path).content))
        assert entries(somebody, path)[0].title_detail.type == "text/plain"
    for path in FEEDS[1::2]:
        feed = JsonFeed.model_validate_json(somebody.get(path).content)
        assert feed.items[0].title == hostile
        assert "<script" not in feed.items[0].content_html
    for page in PAGES[:3]:
        assert "<script" not in somebody.get(page).text


# --- kept by browsers and caches -----------------------------------------------------------------------------------


def test_what_a_cache_has_already_is_not_sent_again(site: Site, clock: FixedClock) -> None:
    somebody = visitor(site)
    for path in (*PAGES, *FEEDS):
        first = somebody.get(path)
        assert first.headers["cache-control"] == "public, max-age=60"
        again = somebody.get(path, headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        if (modified := first.headers.get("last-modified")) is not None:
            assert somebody.get(path, headers={"if-modified-since": modified}).status_code == 304
            both = {"if-modified-since": modified, "if-none-match": '"other"'}
            assert somebody.get(path, headers=both).status_code == 200
    assert visitor(site).get(AT).headers["last-modified"] == "Tue, 24 Nov 2026 04:00:00 GMT"
    kept = {path: somebody.get(path).headers for path in (AT, *FEEDS)}
    clock.advance(60)
    press.correct(site, KEY, "It was Tuesday.", "Edith")
    for path, headers in kept.items():
        asks = {"if-none-match": headers["etag"]}, {"if-modified-since": headers["last-modified"]}
        assert [somebody.get(path, headers=one).status_code for one in asks] == [200, 200]


def test_a_page_of_many_editions_asks_the_database_no_more_often_than_one_of_few(site: Site) -> None:
    asked: list[str] = []
    event.listen(site.database._read, "before_cursor_execute", lambda *said: asked.append(said[2]))
    published.shelf(site, "morning", size=1)
    few = len(asked)
    published.shelf(site, "morning")
    assert len(asked) - few == few < 12


# --- the words of the pages ----------------------------------------------------------------------------------------


def test_pages_speak_the_language_of_what_is_read(folder: Path, clock: FixedClock) -> None:
    config = configured(publication="  language: de\n", more="    language: ar\n    direction: rtl\n")
    with opened(folder, clock, config) as site:
        somebody = visitor(site)
        assert '<html lang="de" dir="ltr">' in somebody.get("/archive").text
        assert '<html lang="ar" dir="rtl">' in somebody.get(AT).text
        assert feedparser.parse(somebody.get("/archive/atom.xml").content).feed.language == "de"


def test_links_begin_with_the_path_that_the_publication_has(folder: Path, clock: FixedClock) -> None:
    config = configured().replace(BASE, f"{BASE}/letters")
    with opened(folder, clock, config) as site:
        page = visitor(site).get(AT).text
        assert f'<link rel="canonical" href="{BASE}/letters{AT}">' in page
        assert 'href="/letters/archive/morning/2026-11-23"' in page


def test_pages_work_on_both_engines(database: Database, tmp_path: Path) -> None:
    clock = FixedClock()
    site = make_site(tmp_path, database, clock, config=configured() + EVENING)
    send(site, "2026-11-23")
    clock.advance(60)
    press.correct(site, YESTERDAY, "It was Monday.", "Edith")
    with database.writing() as session:
        stories.hold(session, "bridge", clock.now())
    somebody = visitor(site)
    for path in ("/archive", "/archive/morning", "/archive/morning/2026-11-23", *FEEDS):
        answer = somebody.get(path)
        assert answer.status_code == 200
        assert "ridge" not in answer.text
    assert "It was Monday." in somebody.get("/archive/morning/2026-11-23").text
    with database.read_connection() as connection:
        assert connection.execute(text("SELECT count(*) FROM correction")).scalar_one() == 1


def test_there_is_no_box_to_sign_up_where_nobody_can(folder: Path, clock: FixedClock) -> None:
    config = configured() + "readers: {join: {briefings: []}}\n"
    with opened(folder, clock, config) as site:
        for path in PAGES[:3]:
            assert "/join" not in visitor(site).get(path).text
