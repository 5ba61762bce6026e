"""What readers meet at the links of their mail, over HTTP: they leave, come back, pause, choose and read again."""

from __future__ import annotations

import asyncio
import email
import email.policy
import random
import re
import shutil
import string
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import func, not_, select, text, update
from sqlalchemy.exc import DBAPIError

from newsletter import press
from newsletter.audience.consent import Said
from newsletter.audience.consentlog import log_of
from newsletter.audience.models import ConsentEvent, Subscriber, Suppression
from newsletter.audience.suppression import Reason, suppress, suppressed_clause
from newsletter.audience.tokens import PAGES, BadToken, Purpose, Tokens
from newsletter.backends.base import Message
from newsletter.backends.outbox import OutboxBackend
from newsletter.catalogues import languages
from newsletter.config import load_settings
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery.claims import Claim
from newsletter.delivery.leavers import Leavers
from newsletter.delivery.plan import freeze
from newsletter.press import Site
from newsletter.testing import FixedClock
from newsletter.web.app import TOPICS
from newsletter.web.headers import OWN_MAIL_POLICY, READER_POLICY
from tests.desk import URL, visitor
from tests.sites import CONFIG, make_site, outbox

KEY = "morning/2026-11-23"
EVENING = """\
  evening:
    name: Evening Letter
    sender: {name: The Courier, address: evening@courier.example.org}
    segments: [europe]
    min_stories: 1
    sections: [{key: lead, layout: lead, max: 1}]
"""
ERASE = Said("Delete it", "test")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with two briefings, whose morning one has been sent to four readers; made once."""
    folder = tmp_path_factory.mktemp("sent")
    database = Database(f"sqlite:///{folder / 'newsletter.db'}")
    upgrade(database)
    made = make_site(folder, database, FixedClock(), config=CONFIG + EVENING)
    press.assemble(made, "morning")
    asyncio.run(press.send(made, KEY))
    database.close()
    return folder


@pytest.fixture
def site(sent: Path, tmp_path: Path) -> Iterator[Site]:
    """A copy of it."""
    shutil.copytree(sent, tmp_path / "site")
    with Site(
        load_settings(tmp_path / "site" / "config.yaml"),
        Database(f"sqlite:///{tmp_path}/site/newsletter.db"),
        FixedClock(),
    ) as made:
        yield made


def rita(site: Site) -> Any:
    """Rita's mail as it was sent."""
    mails = (email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in outbox(site))
    return next(mail for mail in mails if mail["To"] == "rita@example.org")


def links(mail: Any) -> dict[str, str]:
    """The reader's own links in a mail, by the first letter of their paths."""
    html = mail.get_body(("html",)).get_content()
    return {page: path for path, page in re.findall(r'href="https://courier\.example\.org(/([upv])/[^"]+)"', html)}


def number(site: Site, address: str = "rita@example.org") -> int:
    with site.database.reading() as session:
        return session.scalars(select(Subscriber.id).where(Subscriber.email_norm == address)).one()


def dump(site: Site) -> dict[str, list[Any]]:
    """Everything that is in the database."""
    with site.database.read_connection() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        return {name: [tuple(row) for row in connection.execute(text(f'SELECT * FROM "{name}"'))] for name in names}


def left(site: Site) -> dict[str, str]:
    with site.database.reading() as session:
        return {row.briefing: row.reason for row in session.scalars(select(Suppression))}


def getting(site: Site) -> int:
    """How many readers get the morning briefing now."""
    with site.database.reading() as session:
        gets = not_(suppressed_clause("morning", site.clock.now()))
        return session.scalar(select(func.count()).select_from(Subscriber).where(gets)) or 0


def logged(site: Site) -> list[tuple[str, str, str, str]]:
    with site.database.reading() as session:
        return [
            (one.decision, one.briefing, one.wording, one.source)
            for one in log_of(session, "rita@example.org")
            if one.decision not in ("consented", "erased")
        ]


def plain(page: str) -> str:
    return " ".join(page.split())


def test_readers_links_are_all_that_is_behind_a_signature() -> None:
    signed = [(one.method, one.path) for topic in TOPICS for one in topic.signed]
    assert sorted(signed) == [
        ("GET", "/p/{token:path}"), ("GET", "/u/{token:path}"), ("GET", "/v/{token:path}"),
        ("POST", "/p/{token:path}"), ("POST", "/u/{token:path}"),
    ]  # fmt: skip


def test_following_every_link_of_a_mail_changes_nothing(site: Site) -> None:
    """GET and HEAD, twice, as scanners do, then all at once; also of what stands in the headers."""
    mail, scanner = rita(site), visitor(site)
    found = {*links(mail).values(), *re.findall(r"<https://[^/]+(/[^>]+)>", mail["List-Unsubscribe"])}
    assert {path[1] for path in found} == {"u", "p", "v"}
    before = dump(site)
    for path in sorted(found) * 2:
        for method in ("GET", "HEAD"):
            response = scanner.ask(method, path)
            assert response.status_code == 200
            assert "set-cookie" not in response.headers
            assert response.headers["x-robots-tag"].startswith("noindex")
    assert not scanner.cookies
    assert dump(site) == before

    async def all_at_once() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=scanner.app), base_url=URL) as client:
            asked = [client.request(method, path) for path in found for method in ("GET", "HEAD") * 5]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert set(asyncio.run(all_at_once())) == {200}
    assert dump(site) == before


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_one_click_from_nothing_but_the_headers_of_a_mail_leaves(kind: str, site: Site) -> None:
    """RFC 8058 section 3.2; with no cookie and no other field, and again, and it is done when it is answered."""
    mail = rita(site)
    [url] = re.findall(r"<(https://[^>]+)>", mail["List-Unsubscribe"])
    name, _, value = mail["List-Unsubscribe-Post"].partition("=")
    body: dict[str, Any] = {"data": {name: value}} if kind == "urlencoded" else {"files": {name: (None, value)}}
    provider = visitor(site)
    for _ in range(3):
        response = provider.ask("POST", urlsplit(url).path, **body)
        assert (response.status_code, response.content, response.is_redirect) == (200, b"", False)
        assert "set-cookie" not in response.headers
        assert left(site) == {"morning": "unsubscribed"}
    assert logged(site) == [("left", "morning", "List-Unsubscribe=One-Click", "one-click")]


def test_leaving_says_what_was_left_and_what_remains_and_can_be_undone(site: Site) -> None:
    path, reader = links(rita(site))["u"], visitor(site)
    assert "Leave Morning Briefing?" in reader.get(path).text
    page = plain(reader.ask("POST", path, data={"action": "leave"}).text)
    assert "You have left Morning Briefing" in page
    assert "You still get:" in page
    assert "Evening Letter" in page
    assert "You have left Morning Briefing" in reader.get(path).text
    assert "You get Morning Briefing again" in reader.ask("POST", path, data={"action": "return"}).text
    reader.ask("POST", path, data={"action": "return"})
    assert left(site) == {}
    assert logged(site) == [
        ("left", "morning", "Leave Morning Briefing", "page"),
        ("returned", "morning", "Get Morning Briefing again", "page"),
    ]


@pytest.mark.parametrize(
    "body",
    [{}, {"content": b"{}", "headers": {"content-type": "application/json"}},
     {"content": b"\xff\x00", "headers": {"content-type": "application/x-www-form-urlencoded"}},
     {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=y"}},
     {"content": b"--x", "headers": {"content-type": "multipart/form-data"}}],
)  # fmt: skip
def test_a_post_that_says_nothing_leaves_all_the_same(body: dict[str, Any], site: Site) -> None:
    assert visitor(site).ask("POST", links(rita(site))["u"], **body).status_code == 200
    assert left(site) == {"morning": "unsubscribed"}


def test_a_break_is_taken_in_place_of_leaving_and_ended_by_one_click(site: Site) -> None:
    path, reader = links(rita(site))["u"], visitor(site)
    reader.ask("POST", path, data=ONE_CLICK)
    for nonsense in ("", "soon", "2026-11-23", "2027-11-25", "9999-99-99"):
        wrong = reader.ask("POST", path, data={"action": "pause", "until": nonsense})
        assert (wrong.status_code, "Choose a day from 24 November 2026" in wrong.text) == (422, True), nonsense
    assert left(site) == {"morning": "unsubscribed"}
    page = reader.ask("POST", path, data={"action": "pause", "until": "2026-12-03"}).text
    assert "You are on a break until 3 December 2026" in page
    assert left(site) == {}
    assert getting(site) == 3
    assert "Your break is over" in reader.ask("POST", path, data={"action": "resume"}).text
    reader.ask("POST", path, data={"action": "resume"})
    assert [one[0] for one in logged(site)] == ["left", "paused", "returned", "resumed"]


def test_a_break_ends_by_itself_at_the_readers_midnight(site: Site) -> None:
    reader, clock = visitor(site), site.clock
    assert isinstance(clock, FixedClock)
    reader.ask("POST", links(rita(site))["u"], data={"action": "pause", "until": "2026-11-24"})
    clock.advance(timedelta(hours=18, minutes=59))  # 23:59 in Berlin
    assert getting(site) == 3
    clock.advance(timedelta(minutes=2))
    assert getting(site) == 4
    assert "on a break" not in reader.get(links(rita(site))["p"]).text


def test_coming_back_undoes_nothing_but_the_readers_own_leaving(site: Site, clock: FixedClock) -> None:
    """Not what a bounce or an operator did, before the reader left or after."""
    path, reader = links(rita(site))["u"], visitor(site)
    with site.database.writing() as session:
        suppress(session, "rita@example.org", Reason.MANUAL, clock, "morning", "by letter")
    reader.ask("POST", path, data=ONE_CLICK)
    reader.ask("POST", path, data={"action": "return"})
    assert left(site) == {"morning": "manual"}
    with site.database.writing() as session:
        suppress(session, "rita@example.org", Reason.BOUNCE, clock)
    reader.ask("POST", path, data=ONE_CLICK)
    assert "that was not your choice" in reader.ask("POST", path, data={"action": "return"}).text
    assert left(site) == {"": "bounce", "morning": "manual"}


def test_preferences_add_drop_and_leave_everything(site: Site) -> None:
    path, reader = links(rita(site))["p"], visitor(site)
    before = dump(site)
    assert reader.get(path).text.count(" checked") == 2
    reader.ask("POST", path, data={"action": "nonsense"})
    reader.ask("POST", path, data={"action": "choose", "briefing": ["morning", "evening", "mine"]})
    assert dump(site) == before
    assert "Saved." in reader.ask("POST", path, data={"action": "choose", "briefing": "evening"}).text
    assert left(site) == {"morning": "unsubscribed"}
    page = reader.ask("POST", path, data={"action": "leave-all"}).text
    assert ("You have left everything" in page, page.count(" checked")) == (True, 0)
    assert left(site)[""] == "unsubscribed"
    reader.ask("POST", path, data={"action": "choose", "briefing": "morning"})
    assert left(site) == {"evening": "unsubscribed"}
    assert [one[:2] for one in logged(site)] == [("left", "morning"), ("left", ""), ("returned", "morning")]


def test_a_briefing_that_has_no_segment_for_a_reader_is_not_offered(site: Site) -> None:
    path = f"/p/{site.tokens.sign('preferences', 1, number(site, 'edith@example.org'), 'morning')}"
    page = visitor(site).get(path).text
    assert ("Morning Briefing" in page, "Evening Letter" in page) == (True, False)


def test_preferences_keep_name_language_and_zone_and_refuse_what_is_none(site: Site) -> None:
    path, reader = links(rita(site))["p"], visitor(site)
    said = {
        "action": "describe",
        "first_name": " Rita\n<b> ",
        "last_name": "R",
        "language": "ar",
        "timezone": "Asia/Aden",
    }
    page = reader.ask("POST", path, data=said).text
    assert '<html lang="ar" dir="rtl">' in page
    assert 'value="Rita &lt;b&gt;"' in page
    for wrong in ({"language": "x"}, {"timezone": "Mars/Olympus"}, {"first_name": "R" * 101}):
        assert reader.ask("POST", path, data={**said, **wrong}).status_code == 422
    with site.database.reading() as session:
        row = session.get_one(Subscriber, number(site))
        assert (row.first_name, row.last_name, row.language, row.timezone) == ("Rita <b>", "R", "ar", "Asia/Aden")


def test_the_view_is_the_readers_own_mail_as_it_was_sent(site: Site) -> None:
    mail = rita(site)
    response = visitor(site).get(links(mail)["v"])
    assert response.text.rstrip() == mail.get_body(("html",)).get_content().replace("\r\n", "\n").rstrip()
    assert response.headers["content-security-policy"] == OWN_MAIL_POLICY
    assert response.headers["referrer-policy"] == "no-referrer"
    press.assemble(site, "evening")
    with site.database.reading() as session:
        for edition in range(5):  # not frozen, not there, or no edition at all
            if edition != session.scalar(text(f"SELECT id FROM edition WHERE briefing = '{'morning'}'")):
                path = f"/v/{site.tokens.sign('view', edition, number(site), 'morning')}"
                assert visitor(site).get(path).status_code == 404


def bodies(site: Site, paths: list[str]) -> set[bytes]:
    asked = visitor(site)
    return {asked.ask(method, path, data=data).content for path in paths
            for method, data in (("GET", None), ("POST", ONE_CLICK), ("POST", {"action": "leave-all"}))}  # fmt: skip


def test_no_link_that_is_not_ours_says_more_than_any_other(site: Site) -> None:
    """Nor changes anything: tampered, of another purpose or key, of a reader who never was; nor is a cookie set."""
    mine, stranger = links(rita(site)), Tokens({"a": b"s" * 32}, "a")
    paths = [
        "/u/", "/u/x", "/p/%00", "/u/..%2f..%2fetc", "/u//", "/u", "/v/" + "x" * 5000, f"{mine['u']}0", f"{mine['u']}/",
        mine["u"].replace("/u/", "/p/"), mine["v"].replace("/v/", "/u/"), mine["u"].replace("morning", "evening"),
        f"/u/{stranger.sign('unsubscribe', 1, number(site), 'morning')}",
        f"/p/{site.tokens.sign('preferences', 1, 4711, 'morning')}",
    ]  # fmt: skip
    before = dump(site)
    assert len(bodies(site, paths)) == 1
    for path in paths:
        response = visitor(site).get(path)
        assert (response.status_code, response.headers["content-security-policy"]) == (404, READER_POLICY)
        assert "set-cookie" not in response.headers
    for method in ("PUT", "DELETE", "OPTIONS"):
        response = visitor(site).ask(method, mine["u"])
        assert (response.status_code, response.headers["allow"]) == (405, "GET, POST, HEAD")
    assert visitor(site).ask("POST", mine["u"], content=b"x" * 70_000).status_code == 413
    assert dump(site) == before


def test_of_ten_thousand_tampered_tokens_none_is_taken(site: Site) -> None:
    """Every sort of change of a real one, at any place, for each purpose; most asked of the reader of tokens alone."""
    draw, alphabet = random.Random(8058), string.ascii_letters + string.digits + "-_.~/%"
    changes: list[Callable[[str, int], str]] = [
        lambda token, at: token[:at] + draw.choice(alphabet.replace(token[at], "")) + token[at + 1 :],
        lambda token, at: token[:at] + token[at + 1 :],
        lambda token, at: token[:at] + draw.choice(alphabet) + token[at:],
        lambda token, at: token[:at] + token[at].swapcase() + token[at + 1 :],
        lambda token, at: token[at:] + token[:at],
        lambda token, at: token[:at],
    ]
    mine = {purpose: site.tokens.sign(purpose, 1, number(site), "morning") for purpose in PAGES}
    tampered: list[tuple[Purpose, str]] = []
    while len(tampered) < 10_000:
        purpose = draw.choice([*PAGES])
        token = draw.choice(changes)(mine[purpose], draw.randrange(len(mine[purpose])))
        if token not in mine.values():
            tampered.append((purpose, token))
    for purpose, token in tampered:
        with pytest.raises(BadToken):
            site.tokens.read(purpose, token)
    before = dump(site)
    asked = visitor(site)
    for purpose, token in tampered[:100]:
        path = httpx.URL(URL, path=f"/{PAGES[purpose]}/{token}").raw_path.decode()
        assert asked.ask("POST", path, data=ONE_CLICK).status_code == (405 if purpose == "view" else 404)
    assert dump(site) == before


def test_a_new_key_keeps_every_link_of_the_old_ones(site: Site, tmp_path: Path) -> None:
    """Also of the secret that the database kept before there was a key; a key that is dropped ends its links."""
    found = links(rita(site))["u"]
    config, clock = site.root / "config.yaml", site.clock
    first, second = "a" * 32, "b" * 32

    def keyed(words: str) -> Site:
        config.write_text(f"{words}\n{CONFIG}", encoding="utf-8")
        return Site(load_settings(config), site.database, clock)

    one = keyed(f"secret_key: {first}")
    signed = f"/u/{one.tokens.sign('unsubscribe', 1, number(site), 'morning')}"
    assert visitor(one).get(found).status_code == 200
    two = keyed(f"secret_key: {second}\nold_secret_keys: [{first}]")
    assert two.tokens.sign("unsubscribe", 1, number(site), "morning") not in signed
    assert [visitor(two).get(path).status_code for path in (found, signed)] == [200, 200]
    assert visitor(keyed(f"secret_key: {second}")).get(signed).status_code == 404


def test_who_was_erased_gets_nothing_and_no_page_of_their_own(site: Site) -> None:
    found = links(rita(site))
    press.erase(site, "rita@example.org", ERASE)
    before = dump(site)
    assert visitor(site).ask("POST", found["u"], data=ONE_CLICK).status_code == 200
    assert {visitor(site).get(path).status_code for path in found.values()} == {404}
    assert dump(site) == before


def test_leaving_works_while_the_segments_cannot_be_read(site: Site) -> None:
    path = links(rita(site))["u"]
    site.settings.segments_file.write_text("europe: {rule: [}", encoding="utf-8")
    broken = Site(site.settings, site.database, site.clock)
    assert "You have left" in visitor(broken).ask("POST", path, data={"action": "leave"}).text


def test_the_consent_log_can_only_grow_and_outlives_the_person(database: Database, tmp_path: Path) -> None:
    clock = FixedClock()
    site = make_site(tmp_path / "site", database, clock)
    token = site.tokens.sign("unsubscribe", 0, number(site), "morning")
    for data in (ONE_CLICK, {"action": "pause", "until": "2026-12-03"}, {"action": "resume"}, ONE_CLICK):
        assert visitor(site).ask("POST", f"/u/{token}", data=data).status_code == 200
    for statement in (update(ConsentEvent).values(briefing="x"), text("DELETE FROM consent_event")):
        with pytest.raises(DBAPIError, match="append-only"), database.write_connection() as connection:
            connection.execute(statement)
    press.erase(site, "rita@example.org", ERASE)
    one_click = ("left", "morning", "List-Unsubscribe=One-Click", "one-click")
    paused = "No mail until 3 December 2026"
    returned = f"You get no mail from us until the day that you choose. Then it goes on by itself. {paused}"
    assert logged(site) == [
        one_click, ("paused", "", paused, "page"), ("returned", "morning", returned, "page"),
        ("resumed", "", "End the break now", "page"), one_click,
    ]  # fmt: skip


class Leaving(OutboxBackend):
    """An outbox at whose first mail a reader leaves, over HTTP; the rest waits until that has been answered."""

    leave: Callable[[], Awaitable[None]]

    async def _store(self, message: Message) -> OSError | None:
        await type(self).leave()
        return await super()._store(message)


@pytest.mark.parametrize("size", [2, 60], ids=["in a later batch", "in the batch that is out"])
@pytest.mark.parametrize(
    "data", [ONE_CLICK, {"action": "pause", "until": "2026-12-24"}, None], ids=["one-click", "pause", "erased"]
)
def test_leaving_in_the_middle_of_a_send_counts_for_what_is_not_on_the_wire(
    data: dict[str, str] | None, size: int, on_sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the real pump: who leaves while the first mails are out gets nothing, and the report adds up."""
    readers = "email,country\n" + "".join(f"reader{n}@example.org,DE\n" for n in range(60))
    site = make_site(tmp_path / "site", on_sqlite, FixedClock(), readers=readers)
    monkeypatch.setattr(sys.modules["newsletter.press.lock"], "freeze", lambda *given: freeze(*given, batch_size=size))
    path = f"/u/{site.tokens.sign('unsubscribe', 1, number(site, 'reader59@example.org'), 'morning')}"
    answered: list[asyncio.Future[int]] = []
    looks: list[int] = []
    looked = asyncio.Event()

    class Looking(Leavers):
        def of(self, claim: Claim) -> frozenset[int]:
            if answered and answered[0].done():
                looks.append(1)
                if len(looks) == 2:  # the first one has been told by then
                    answered[0].get_loop().call_soon_threadsafe(looked.set)
            return super().of(claim)

    async def leave() -> None:
        if not answered:
            answered.append(asyncio.get_running_loop().create_future())
            if data is None:
                answered[0].set_result(200 * await asyncio.to_thread(press.erase, site, "reader59@example.org", ERASE))
            else:
                response = await asyncio.to_thread(visitor(site).ask, "POST", path, data=data)
                answered[0].set_result(response.status_code)
        await asyncio.shield(answered[0])
        if size == 60:
            await looked.wait()

    monkeypatch.setattr(Leaving, "leave", staticmethod(leave), raising=False)
    monkeypatch.setattr(Site, "backend", lambda self, name: Leaving(name, {"path": "outbox"}, self.root))
    monkeypatch.setattr("newsletter.delivery.pump.Leavers", Looking)
    monkeypatch.setattr("newsletter.delivery.leavers.EVERY", 0.01 if size == 60 else 3600)
    press.assemble(site, "morning")
    report = asyncio.run(asyncio.wait_for(press.send(site, KEY), 60))
    assert [one.result() for one in answered] == [200]
    assert (report.counts.accepted, report.counts.suppressed, report.adds_up) == (59, 1, True)
    assert not [path for path in outbox(site) if b"reader59@" in path.read_bytes()]


@pytest.fixture(params=[*languages()])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_catalogue_says_everything_with_the_same_values(language: str) -> None:
    words, english = languages()[language].catalogue, languages()["en"].catalogue
    assert words.keys() == english.keys()
    assert len(words["months"]) == 12
    for key, said in english.items():
        if isinstance(said, str):
            assert words[key].strip()
            assert set(re.findall(r"{(\w*)}", words[key])) == set(re.findall(r"{(\w*)}", said)), key


def test_a_page_speaks_the_readers_language_before_the_browsers(site: Site) -> None:
    path, reader = links(rita(site))["u"], visitor(site)

    def spoken(accept: str) -> str:
        return re.findall(r'<html lang="(\w+)"', reader.get(path, headers={"accept-language": accept}).text)[0]

    asked = ["", "fr-CA, en;q=0.8", "xx, de;q=0.5, es;q=0.9", "fr;q=0, *", "q" * 9000, ";;,,=="]
    assert [spoken(one) for one in asked] == ["en", "fr", "es", "en", "en", "en"]
    with site.database.writing() as session:
        session.execute(update(Subscriber).values(language="de-AT"))
    assert spoken("fr") == "de"
