"""Clicks on the links of mails that were really sent, followed over HTTP: counted, for nobody in particular."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, event, select, text

from newsletter import press
from newsletter.checks import CheckedVariant
from newsletter.clock import SystemClock
from newsletter.config import load_settings
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.editions import counting
from newsletter.editions.models import EditionLink
from newsletter.errors import Refused
from newsletter.press import Site
from newsletter.press.clicks import ClickCounter, as_measured, links_of
from newsletter.testing import FixedClock
from newsletter.web import WebServer
from tests.desk import visitor
from tests.sites import CONFIG, make_site, outbox

KEY = "morning/2026-11-23"
ON = CONFIG.replace("    min_stories: 2\n", "    min_stories: 2\n    count_clicks: true\n")
PERSON = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"}
BASE = "https://courier.example.org"
HERE, THERE = "203.0.114.9", "198.51.101.7"
"""Two readers' addresses, of networks that are of the internet."""


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that counts clicks, whose morning edition has been sent; made once."""
    folder = tmp_path_factory.mktemp("sent")
    database = Database(f"sqlite:///{folder / 'newsletter.db'}")
    upgrade(database)
    send(make_site(folder, database, FixedClock(), config=ON))
    database.close()
    return folder


@pytest.fixture
def clock() -> FixedClock:
    """A minute after the send."""
    return FixedClock("2026-11-23T04:01:00+00:00")


@pytest.fixture
def site(sent: Path, tmp_path: Path, clock: FixedClock) -> Iterator[Site]:
    """A copy of it."""
    shutil.copytree(sent, tmp_path / "site")
    with Site(
        load_settings(tmp_path / "site" / "config.yaml"), Database(f"sqlite:///{tmp_path}/site/newsletter.db"), clock
    ) as made:
        yield made


def send(site: Site) -> None:
    press.assemble(site, "morning")
    asyncio.run(press.send(site, KEY))


def mails(site: Site) -> list[Any]:
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in outbox(site)]


def parts(mail: Any) -> tuple[str, str]:
    return mail.get_body(("html",)).get_content(), mail.get_body(("plain",)).get_content()


def links(site: Site) -> list[EditionLink]:
    with site.database.reading() as session:
        return list(session.scalars(select(EditionLink).order_by(EditionLink.no)))


def counts(site: Site) -> list[tuple[int, int]]:
    return [(link.clicks, link.by_scanners) for link in press.report(site, KEY).links]


def test_clicks_are_not_counted_unless_somebody_says_so(database: Database, tmp_path: Path) -> None:
    site = make_site(tmp_path, database, FixedClock())
    send(site)
    assert links(site) == []
    for mail in mails(site):
        for part in parts(mail):
            assert "/c/" not in part
            assert "https://news.example.org/harbour" in part


def test_a_briefing_may_say_otherwise_than_the_publication(site: Site, tmp_path: Path) -> None:
    both = ON.replace("count_clicks: true", "count_clicks: false").replace(
        "timezone: Europe/Berlin", "timezone: Europe/Berlin\n  count_clicks: true"
    )
    (tmp_path / "config.yaml").write_text(both, encoding="utf-8")
    site = Site(load_settings(tmp_path / "config.yaml"), site.database, site.clock)
    assert site.settings.publication.count_clicks
    assert not site.counts_clicks("morning")


def test_every_reader_of_every_segment_has_the_same_links_without_an_address_in_them(site: Site) -> None:
    known = {f"{BASE}/c/{link.code}": link.url for link in links(site)}
    found = []
    for mail in mails(site):
        html, plain = parts(mail)
        for part in (html, plain):
            assert not [link.url for link in links(site) if link.url in part]
            found.append(set(re.findall(rf"{BASE}/c/[a-z]+", part)))
        assert found[-1] <= found[-2]
    assert set.union(*found) == set(known)
    shared = set.intersection(*found)
    assert next(url for url in known.values() if "harbour" in url) in {known[one] for one in shared}


def test_a_readers_own_links_are_not_counted(site: Site) -> None:
    for mail in mails(site):
        own = set(re.findall(r'href="(https://courier\.example\.org/[upv]/[^"]+)"', parts(mail)[0]))
        assert {path.split("/")[3] for path in own} == {"u", "p", "v"}
        assert "/c/" not in mail["List-Unsubscribe"]


def test_no_mail_has_a_pixel_that_counts_who_opens_it(site: Site) -> None:
    """Whether clicks are counted or not: no picture is ours, or of a size that nobody sees."""
    for mail in mails(site):
        for picture in re.findall(r"<img\b[^>]*>", parts(mail)[0]):
            assert f"{BASE}/c/" not in picture
            assert not re.search(r'\b(?:width|height)="[01]"', picture)
        assert "background=" not in parts(mail)[0]


def test_a_click_leads_on_and_is_counted_once_it_is_committed(site: Site, clock: FixedClock) -> None:
    counter, link = ClickCounter(site), links(site)[0]
    assert counter.follow(link.code, agent=PERSON["user-agent"], address=HERE) == link.url
    assert counts(site)[0] == (0, 0)
    clock.advance(3)
    assert counter.flush() == 1
    assert counts(site)[0] == (1, 0)
    assert counter.flush() == 0


def test_the_address_behind_a_counted_link_answers_with_nothing_to_keep(site: Site) -> None:
    somebody, link = visitor(site, **PERSON), links(site)[0]
    answer = somebody.get(f"/c/{link.code}")
    assert (answer.status_code, answer.headers["location"]) == (302, link.url)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/c/", "/c/x", "/c/" + "g" * 12, "/c/" + "g" * 500, "/c/https://evil.example", "/c/ghjk/mnpq", "/c/%00"]
)
def test_what_is_no_link_of_ours_leads_nowhere(site: Site, path: str) -> None:
    answer = visitor(site, **PERSON).get(path + "?url=https://evil.example&to=https://evil.example")
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert "evil" not in answer.text


def test_other_methods_are_refused(site: Site) -> None:
    link = links(site)[0]
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = visitor(site, **PERSON).ask(method, f"/c/{link.code}")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_head_is_no_click_and_speaks_against_what_follows_it(site: Site, clock: FixedClock) -> None:
    counter, (first, second, *_) = ClickCounter(site), links(site)
    assert counter.follow(first.code, agent=PERSON["user-agent"], address=HERE, head=True) == first.url
    for link in (first, second):
        counter.follow(link.code, agent=PERSON["user-agent"], address=HERE)
        clock.advance(2)
    counter.flush(last=True)
    assert counts(site)[:2] == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("agent", "more", "machine"),
    [
        (PERSON["user-agent"], {}, False),
        ("Mozilla/5.0 (Linux; Android 13; CUBOT X70) AppleWebKit/537.36 Mobile Safari/537.36", {}, False),
        (PERSON["user-agent"], {"sec-purpose": "prefetch;prerender"}, True),
        (PERSON["user-agent"], {"x-moz": "prefetch"}, True),
        ("", {}, True),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", {}, True),
        ("BarracudaCentral/1.0", {}, True),
        ("Mozilla/5.0 HeadlessChrome/140.0", {}, True),
        ("python-requests/2.32", {}, True),
        ("Microsoft Office/16.0 (Microsoft Outlook 16.0; Pro)", {}, True),
    ],
)
def test_a_machine_that_says_so_is_counted_apart(site: Site, agent: str, more: dict[str, str], machine: bool) -> None:
    app = visitor(site, **{"user-agent": agent})
    app.get(f"/c/{links(site)[0].code}", headers=more)
    clicks_of(app).flush(last=True)
    assert counts(site)[0] == ((0, 1) if machine else (1, 0))


def clicks_of(somebody: Any) -> ClickCounter:
    """The counter of an application."""
    [route, *_] = [r for r in somebody.app.app.routes if getattr(r, "path", "") == "/c/{code}"]
    counter = route.endpoint.guard.clicks
    assert isinstance(counter, ClickCounter)
    return counter


def test_what_follows_a_link_as_soon_as_the_mails_leave_is_a_machine(site: Site) -> None:
    counter, link = ClickCounter(site), links(site)[0]
    early = ClickCounter(Site(site.settings, site.database, FixedClock()))
    for one in (early, counter):
        one.follow(link.code, agent=PERSON["user-agent"], address=HERE)
        one.flush(last=True)
    assert counts(site)[0] == (1, 1)


def test_many_links_at_once_from_one_network_are_a_machine_and_from_two_they_are_not(
    site: Site, clock: FixedClock
) -> None:
    counter, (first, second, third, *_) = ClickCounter(site), links(site)
    for link, address in ((first, HERE), (second, HERE), (third, THERE), (third, "203.0.114.200")):
        counter.follow(link.code, agent=PERSON["user-agent"], address=address)
        clock.advance(0.3)
    counter.flush(last=True)
    assert counts(site)[:3] == [(0, 1), (0, 1), (1, 1)]


def test_links_read_one_after_the_other_are_a_readers(site: Site, clock: FixedClock) -> None:
    counter, known = ClickCounter(site), links(site)
    for link in known:
        counter.follow(link.code, agent=PERSON["user-agent"], address=HERE)
        clock.advance(0.8)
    counter.flush(last=True)
    assert counts(site) == [(1, 0)] * len(known)


def test_behind_a_proxy_that_is_not_named_readers_are_not_taken_for_one_machine(site: Site) -> None:
    counter, known = ClickCounter(site), links(site)
    for link in known:
        counter.follow(link.code, agent=PERSON["user-agent"], address="10.0.0.5")
    counter.flush(last=True)
    assert counts(site) == [(1, 0)] * len(known)


def test_what_a_network_is_known_by_is_another_every_day(site: Site, clock: FixedClock) -> None:
    counter = ClickCounter(site)
    known = []
    for _ in range(2):
        known.append(counter._scanners._network(HERE))
        assert counter._scanners._network("203.0.114.10") == known[-1]
        clock.advance(timedelta(days=1))
    assert known[0] != known[1]
    assert counter._scanners._network("2a02:1234:5678:1::9") == counter._scanners._network("2a02:1234:5678:ffff::1")


def test_a_thousand_clicks_cost_one_commit_and_leave_no_trace_of_anybody(site: Site) -> None:
    counter, known, commits = ClickCounter(site), links(site), []
    before = tables(site)
    event.listen(site.database.engine, "commit", lambda connection: commits.append(connection))
    for number in range(1000):
        counter.follow(known[0].code, agent=PERSON["user-agent"], address=f"203.0.{number % 250}.9")
    assert counter.flush(last=True) == 1000
    after = tables(site)
    assert len(commits) == 1
    assert [name for name in after if after[name] != before[name]] == ["edition_link"]
    assert len(after["edition_link"]) == len(before["edition_link"])
    assert counts(site)[0] == (1000, 0)


def tables(site: Site) -> dict[str, list[str]]:
    with site.database.read_connection() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        return {
            name: sorted(str(tuple(row)) for row in connection.execute(text(f'SELECT * FROM "{name}"')))
            for name in names
        }


def test_two_processes_count_together(database: Database, tmp_path: Path) -> None:
    site = make_site(tmp_path, database, FixedClock(), config=ON)
    send(site)
    site = Site(site.settings, database, FixedClock("2026-11-23T04:01:00+00:00"))
    link = links(site)[0]
    for counter in (ClickCounter(site), ClickCounter(site)):
        counter.follow(link.code, agent=PERSON["user-agent"], address=HERE)
        counter.flush(last=True)
    assert counts(site)[0] == (2, 0)


def test_a_link_works_when_counting_is_switched_off_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    off = Site(load_settings(tmp_path / "config.yaml"), site.database, site.clock)
    assert not off.counts_clicks("morning")
    link = links(off)[0]
    assert visitor(off, **PERSON).get(f"/c/{link.code}").headers["location"] == link.url


@pytest.fixture
def ready(database: Database, tmp_path: Path) -> Site:
    """A site that does not count clicks, with an edition that is approved."""
    made = make_site(tmp_path, database, FixedClock())
    press.assemble(made, "morning")
    press.approve(made, KEY, "Edith")
    (tmp_path / "config.yaml").write_text(ON, encoding="utf-8")
    return made


def test_an_approval_is_void_when_counting_is_switched_on_after_it(ready: Site) -> None:
    on = Site(load_settings(ready.root / "config.yaml"), ready.database, ready.clock)
    with pytest.raises(Refused, match="clicks on its links are counted"):
        press.lock(on, KEY)


def test_what_is_checked_has_its_own_addresses_and_the_size_of_what_goes_out(ready: Site) -> None:
    on = Site(load_settings(ready.root / "config.yaml"), ready.database, ready.clock)
    found = press.variants(on, KEY)["europe"]
    assert any("news.example.org/harbour" in link.href for link in found.page.links)
    assert not [one for one in press.check(on, KEY) if one.code == "links"]
    for part in (as_measured(on, "morning", found).html, as_measured(on, "morning", found).text):
        assert f"{BASE}/c/{'g' * 12}" in part
        assert "news.example.org/harbour" not in part
    assert as_measured(ready, "morning", found) == found.rendered


@pytest.fixture
def serving(sent: Path, tmp_path: Path) -> Iterator[Site]:
    """A copy of the site with a port of its own, for a server behind a proxy that says for whom it asks."""
    shutil.copytree(sent, tmp_path / "site")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = ON.replace("briefings:", f"web: {{port: {port}, proxies: [127.0.0.1]}}\nbriefings:", 1)
    (tmp_path / "site" / "config.yaml").write_text(config, encoding="utf-8")
    settings = load_settings(tmp_path / "site" / "config.yaml")
    # The machine's own clock is before the send, or long behind it: this one is a minute behind it, and goes on.
    with Site(settings, Database(f"sqlite:///{tmp_path}/site/newsletter.db"), Passing()) as made:
        yield made


class Passing(SystemClock):
    """The machine's clock, a minute after the send."""

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 4, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic() - _BEGAN)


_BEGAN = SystemClock().monotonic()


def test_clicks_over_the_network_are_in_the_report_when_the_server_has_stopped(serving: Site) -> None:
    """From two readers, one of whom came by a proxy; a scanner; and one who only looked."""
    known = [link.code for link in links(serving)]
    with WebServer(serving) as server, httpx.Client(base_url=server.url, headers=PERSON) as client:
        for address in (HERE, THERE):
            answer = client.get(f"/c/{known[0]}", headers={"x-forwarded-for": address})
            assert (answer.status_code, answer.headers["location"]) == (302, links(serving)[0].url)
        assert client.head(f"/c/{known[0]}", headers={"x-forwarded-for": "192.0.9.1"}).status_code == 302
        for code in known[:4]:
            client.get(f"/c/{code}", headers={"x-forwarded-for": "192.1.9.1"})
        assert client.get(f"/c/{'g' * 12}").status_code == 404
    assert counts(serving)[:5] == [(2, 1), (0, 1), (0, 1), (0, 1), (0, 0)]


def test_what_is_looked_at_anywhere_else_has_the_plain_links(site: Site) -> None:
    """The reader's mail on the web, previews, and test copies: what is clicked there is no reader's click in the mail."""
    [path, *_] = re.findall(rf'href="{BASE}(/v/[^"]+)"', parts(mails(site)[0])[0])
    shown = [visitor(site).get(path).text, press.preview(site, KEY).html, press.documents_for(site, KEY, "world")[1]]
    for html in shown:
        assert "https://news.example.org/harbour" in html
        assert "/c/" not in html


def test_a_link_is_called_by_its_words_and_a_picture_only_where_there_are_none(site: Site) -> None:
    found = press.variants(site, KEY)["world"]
    html = (
        '<a href="https://x.example/a"><img src="https://x.example/p.jpg" alt="A wall"></a>'
        '<a href="https://x.example/b"><img src="https://x.example/q.jpg" alt="A boat"></a>'
        '<a href="https://x.example/a"> The wall <b>stands</b></a>'
    )
    told = CheckedVariant(found.view, replace(found.rendered, html=f"<!doctype html><body>{html}</body>"))
    with site.database.writing() as session:
        session.execute(delete(EditionLink))
        counting.register(session, 1, links_of({"world": told}))
    assert [(link.label, link.url) for link in links(site)] == [
        ("The wall stands", "https://x.example/a"), ("A boat", "https://x.example/b"),
    ]  # fmt: skip
