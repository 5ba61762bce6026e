"""Signing up over HTTP: who asks learns nothing, who confirms gets what they chose, and nobody is flooded."""

from __future__ import annotations

import asyncio
import email
import email.policy
import hashlib
import itertools
import re
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from newsletter import press
from newsletter.audience.consent import Said
from newsletter.audience.consentlog import log_of
from newsletter.audience.models import ServiceMail, SignUp, Subscriber, Suppression
from newsletter.audience.suppression import suppress
from newsletter.catalogues import languages
from newsletter.database import Database
from newsletter.press import Site, choices, door
from newsletter.press.join import PURPOSE
from newsletter.press.service import clear, send_waiting
from newsletter.press.snippet import join_form
from newsletter.testing import FixedClock
from newsletter.web import WebServer
from newsletter.web.app import TOPICS
from tests.desk import Visitor, visitor
from tests.sites import CONFIG, make_site, outbox

EVENING = """\
  evening:
    name: Evening Letter
    sender: {name: The Courier, address: evening@courier.example.org}
    segments: [world]
    min_stories: 1
    sections: [{key: lead, layout: lead, max: 1}]
"""
NEW = "nora@example.org"


@pytest.fixture
def site(database: Database, clock: FixedClock, tmp_path: Path) -> Site:
    """Two briefings, four readers; on each engine that there is."""
    return make_site(tmp_path, database, clock, config=CONFIG + EVENING)


def with_readers(tmp_path: Path, database: Database, clock: FixedClock, block: str) -> Site:
    return make_site(tmp_path, database, clock, config=CONFIG + EVENING + f"readers: {block}\n")


def sign_up(site: Site, address: str = NEW, *briefings: str, **fields: str) -> httpx.Response:
    data: dict[str, Any] = {"email": address, "briefing": briefings or ["morning"], **fields}
    return visitor(site).ask("POST", "/join", data=data)


def send(site: Site) -> None:
    asyncio.run(send_waiting(site))


def mails(site: Site) -> list[Any]:
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in outbox(site)]


def newest(site: Site) -> Any:
    send(site)
    return max(mails(site), key=lambda mail: int(mail["Message-ID"].split(".")[2], 16))


def link(mail: Any) -> str:
    """The path of the mail's button, from its plain text."""
    [url] = {*re.findall(r"https://courier\.example\.org(/\S+)", mail.get_body(("plain",)).get_content())}
    return str(url)


def reader(site: Site, address: str = NEW) -> Subscriber | None:
    with site.database.reading() as session:
        return session.scalars(select(Subscriber).where(Subscriber.email_norm == address)).one_or_none()


def gets(site: Site, address: str = NEW) -> set[str]:
    found = reader(site, address)
    assert found is not None
    return {one.key for one in choices.reader(site, found.id).choices if one.chosen}


def count(site: Site, model: Any) -> int:
    with site.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def logged(site: Site, address: str = NEW) -> list[tuple[str, str, str, str]]:
    with site.database.reading() as session:
        found = [one for one in log_of(session, address) if one.decision not in ("consented", "erased")]
        return [(one.decision, one.briefing, one.wording, one.source) for one in found]


def test_these_pages_have_forms_that_anybody_may_send() -> None:
    called = [(one.method, one.path) for topic in TOPICS for one in topic.called]
    assert sorted(path for method, path in called if method == "POST") == [
        "/address/{token}", "/erase/{token}", "/join", "/join/{token}", "/link",
    ]  # fmt: skip


def test_whoever_comes_by_may_look_at_these_pages() -> None:
    edition = "/archive/{briefing}/{date}"
    assert sorted(one.path for topic in TOPICS for one in topic.called if one.method == "GET") == [
        "/address/{token}", "/archive", "/archive/atom.xml", "/archive/feed.json", "/archive/{briefing}",
        "/archive/{briefing}/atom.xml", "/archive/{briefing}/feed.json", "/archive/{briefing}/latest", edition,
        f"{edition}/mail", "/c/{code}", "/erase/{token}", "/join", "/join/{token}", "/link",
    ]  # fmt: skip


def test_somebody_signs_up_confirms_and_gets_what_they_chose(site: Site) -> None:
    """And nothing else; the log has the words of the page, and the page leads to their own."""
    assert sign_up(site).status_code == 200
    assert reader(site) is None
    mail = newest(site)
    assert (mail["To"], mail["Auto-Submitted"]) == (NEW, "auto-generated")
    assert "Morning Briefing" in mail.get_body(("plain",)).get_content()
    person = visitor(site)
    page = person.get(link(mail))
    assert "Do you want this?" in page.text
    assert NEW not in page.text
    done = person.ask("POST", link(mail), data={"briefing": "morning"})
    assert done.status_code == 200
    assert gets(site) == {"morning"}
    [words] = logged(site)
    assert words[:2] == ("joined", "morning")
    assert words[2].startswith("Yes, send me this: Morning Briefing. We send what you choose here")
    assert words[3] == "sign-up by page"
    [own] = re.findall(r'href="https://courier\.example\.org(/p/[^"]+)"', done.text)
    assert person.get(own).status_code == 200


def test_following_the_link_of_the_mail_confirms_nothing(site: Site) -> None:
    """GET and HEAD, as scanners do, again and again."""
    sign_up(site)
    path = link(newest(site))
    for method in ("GET", "HEAD", "GET", "HEAD"):
        assert visitor(site).ask(method, path).status_code == 200
    for method in ("PUT", "DELETE", "PATCH"):
        assert visitor(site).ask(method, path).status_code == 405
    assert reader(site) is None


def test_to_confirm_twice_is_to_confirm_once(site: Site) -> None:
    sign_up(site)
    path = link(newest(site))
    for _ in range(2):
        assert "Welcome" in visitor(site).ask("POST", path, data={"briefing": "morning"}).text
    assert len(logged(site)) == 1
    assert "You have confirmed this already" in visitor(site).get(path).text
    with site.database.reading() as session:
        assert session.scalars(select(SignUp.email)).all() == [""]


def test_only_what_was_asked_for_can_be_confirmed_and_something_of_it_must_be(site: Site) -> None:
    sign_up(site)
    path = link(newest(site))
    assert visitor(site).ask("POST", path, data={"briefing": "evening"}).status_code == 422
    assert visitor(site).ask("POST", path).status_code == 422
    assert reader(site) is None


def test_who_asks_again_for_something_else_confirms_both_with_the_first_mail(site: Site) -> None:
    sign_up(site, NEW, "morning")
    path = link(newest(site))
    sign_up(site, "Nora@example.org", "evening")
    send(site)
    assert len(mails(site)) == 1
    page = visitor(site).get(path)
    assert "Evening Letter" in page.text
    visitor(site).ask("POST", path, data={"briefing": ["morning", "evening"]})
    assert gets(site) == {"morning", "evening"}


def test_a_sign_up_that_nobody_confirms_is_over_and_deleted(site: Site, clock: FixedClock) -> None:
    sign_up(site)
    path = link(newest(site))
    clock.advance(timedelta(days=2))
    assert visitor(site).ask("POST", path, data={"briefing": "morning"}).status_code == 404
    clear(site)
    assert (count(site, SignUp), reader(site)) == (0, None)


def test_a_tampered_link_confirms_nothing_and_is_answered_like_any_other(site: Site) -> None:
    """Each character changed, other purposes' seals, links of readers, nonsense."""
    sign_up(site)
    path = link(newest(site))
    token = path.removeprefix("/join/")
    changed = [token[:at] + ("a" if token[at] != "a" else "b") + token[at + 1 :] for at in range(len(token))]
    until = site.clock.now() + timedelta(days=1)
    wrong = [
        *changed, token[:-1], token + "0", token.upper(), "x", "%00", "%F0%9F%98%80",
        site.tokens.seal_until("erase", 1, until), site.tokens.seal(PURPOSE, "1"),
        site.tokens.seal_until(PURPOSE, 999, until), site.tokens.sign("preferences", 0, 1, "morning"),
        site.tokens.seal_until(PURPOSE, 1, site.clock.now()),
    ]  # fmt: skip
    person = visitor(site)
    answers = {
        (answer.status_code, answer.text)
        for one in wrong
        for answer in (person.get(f"/join/{one}"), person.ask("POST", f"/join/{one}", data={"briefing": "morning"}))
    }
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404
    assert reader(site) is None


# --- who asks learns nothing --------------------------------------------------------------------------------------


@pytest.fixture
def everybody(site: Site) -> dict[str, str]:
    """An address of every kind that there is."""
    with site.database.writing() as session:
        suppress(session, "omar@example.org", "complaint", site.clock)
        suppress(session, "edith@example.org", "unsubscribed", site.clock, "morning")
        suppress(session, "bounced@example.org", "bounce", site.clock)
    press.erase(site, "jo@example.org", Said("Delete it", "test"))
    sign_up(site, "pending@example.org")
    send(site)
    return {
        "unknown": NEW, "reader": "rita@example.org", "complained": "omar@example.org", "left": "edith@example.org",
        "erased": "jo@example.org", "bounced": "bounced@example.org", "pending": "pending@example.org",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/join", "/link"])
def test_no_answer_differs_between_addresses(site: Site, everybody: dict[str, str], path: str) -> None:
    """Status, body and headers; nor does what the database is asked and told while the answer is made."""
    from sqlalchemy import event

    asked: list[str] = []
    event.listen(site.database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    answers, statements = set(), {}
    for kind, address in everybody.items():
        asked.clear()
        answer = visitor(site).ask("POST", path, data={"email": address, "briefing": "morning"})
        headers = tuple(sorted((k, v) for k, v in answer.headers.items() if k != "date"))
        answers.add((answer.status_code, answer.text, headers))
        statements[kind] = tuple(asked)
        assert address not in answer.text
    assert len(answers) == 1
    assert len(set(statements.values())) == 1


def test_each_address_is_written_what_befits_it(site: Site, everybody: dict[str, str]) -> None:
    """Nothing to whom we must not write; who has it already is told so with their link; the erased are strangers."""
    before = {mail["Message-ID"] for mail in mails(site)}
    for address in everybody.values():
        sign_up(site, address)
    send(site)
    found = [mail for mail in mails(site) if mail["Message-ID"] not in before]
    kinds = {mail["To"]: mail["Message-ID"].split(".")[1] for mail in found}
    assert kinds == {
        NEW: "join", "rita@example.org": "have", "edith@example.org": "join", "jo@example.org": "join",
    }  # fmt: skip
    [mail] = [mail for mail in found if mail["To"] == "rita@example.org"]
    assert visitor(site).get(link(mail)).status_code == 200


def test_who_had_left_comes_back_and_keeps_what_they_have(site: Site, everybody: dict[str, str]) -> None:
    sign_up(site, "edith@example.org")
    visitor(site).ask("POST", link(newest(site)), data={"briefing": "morning"})
    assert gets(site, "edith@example.org") == {"morning", "evening"}
    assert [one[:2] for one in logged(site, "edith@example.org")] == [("returned", "morning")]


def test_who_was_erased_and_comes_back_is_a_new_reader(site: Site, everybody: dict[str, str]) -> None:
    sign_up(site, "jo@example.org", "evening")
    visitor(site).ask("POST", link(newest(site)), data={"briefing": "evening"})
    assert gets(site, "jo@example.org") == {"evening"}
    with site.database.reading() as session:
        assert "erased" not in session.scalars(select(Suppression.reason)).all()


def test_the_link_is_sent_to_readers_alone(site: Site, everybody: dict[str, str]) -> None:
    before = {mail["Message-ID"] for mail in mails(site)}
    for address in everybody.values():
        visitor(site).ask("POST", "/link", data={"email": address})
    send(site)
    found = [mail for mail in mails(site) if mail["Message-ID"] not in before]
    assert sorted(mail["To"] for mail in found) == ["edith@example.org", "rita@example.org"]
    for mail in found:
        assert link(mail).startswith("/p/")
        assert visitor(site).get(link(mail)).status_code == 200


def test_an_address_that_is_nobodys_can_still_sign_up_after_asking_for_its_link(site: Site) -> None:
    visitor(site).ask("POST", "/link", data={"email": NEW})
    send(site)
    sign_up(site)
    assert newest(site)["To"] == NEW


# --- nobody is flooded --------------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path, on_sqlite: Database) -> Iterator[tuple[str, Site, FixedClock]]:
    """A real server behind a proxy, which says for whom it asks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = FixedClock()
    config = CONFIG.replace("briefings:", f"web: {{port: {port}, proxies: [127.0.0.1]}}\nbriefings:") + EVENING
    site = make_site(tmp_path / "site", on_sqlite, clock, config=config)
    with WebServer(site) as server:
        yield server.url, site, clock


def test_a_thousand_sign_ups_for_one_address_are_one_mail_an_hour(served: tuple[str, Site, FixedClock]) -> None:
    """From a thousand networks, four at a time, while the clock sends; and five mails a day at most."""
    url, site, clock = served
    stop = threading.Event()

    def sending() -> None:
        while not stop.wait(0.5):
            send(site)

    def flood(numbers: range) -> None:
        with httpx.Client(base_url=url) as client:
            for number in numbers:
                headers = {"x-forwarded-for": f"198.{number >> 8}.{number & 255}.7"}
                data = {"email": "Victim@example.org", "briefing": "morning"}
                seen.add(client.post("/join", data=data, headers=headers).status_code)

    seen: set[int] = set()
    sender = threading.Thread(target=sending)
    floods = [threading.Thread(target=flood, args=(range(at, 1000, 4),)) for at in range(4)]
    for thread in (sender, *floods):
        thread.start()
    for thread in floods:
        thread.join()
    stop.set()
    sender.join()
    send(site)
    assert seen == {200}
    assert len(mails(site)) == 1
    for hour in range(1, 12):
        clock.advance(timedelta(hours=1))
        with httpx.Client(base_url=url) as client:
            again = client.post("/join", data={"email": "victim@example.org", "briefing": "morning"})
        assert again.status_code == 200
        send(site)
        assert len(mails(site)) <= min(hour + 1, 5)
    assert len(mails(site)) == 5


def test_a_network_has_its_limit_and_everybody_together_has_one(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    site = with_readers(tmp_path, database, clock, "{forms: {per_network: 3, overall: 5}}")

    def from_(host: str) -> int:
        with site.database.writing() as session:
            try:
                door.admit(site, session, door.Came(host))
            except door.TooMany:
                return 429
        return 200

    assert [from_("192.0.2.1"), from_("192.0.2.9"), from_("::ffff:192.0.2.3"), from_("192.0.2.4")] == [200] * 3 + [429]
    assert [from_("2001:db8:1::1"), from_("127.0.0.1"), from_("2001:db8:2::1")] == [200, 200, 429]
    answer = sign_up(site)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3600"
    assert count(site, ServiceMail) == 0
    clock.advance(timedelta(hours=1))
    assert sign_up(site).status_code == 200


def test_what_a_program_fills_in_is_thanked_and_thrown_away(site: Site) -> None:
    person = sign_up(site)
    program = sign_up(site, "omar@example.org", fax="123")
    assert (program.status_code, program.text) == (person.status_code, person.text)
    assert visitor(site).ask("POST", "/link", data={"email": NEW, "fax": "1"}).status_code == 200
    assert count(site, ServiceMail) == 1


# --- work ---------------------------------------------------------------------------------------------------------


class _Fields(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "input" and values.get("type") == "hidden":
            self.found[str(values["name"])] = str(values["value"])


def worked(task: str, bits: int) -> str:
    for number in itertools.count():
        if int.from_bytes(hashlib.sha256(f"{task}:{number}".encode()).digest()) >> (256 - bits) == 0:
            return str(number)
    raise AssertionError


def test_where_work_is_wanted_a_form_without_it_is_shown_again(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    """With what it brought; each task is good once, and for a while."""
    site = with_readers(tmp_path, database, clock, "{forms: {proof_of_work: 8}}")
    shown = sign_up(site, NEW, "evening")
    assert shown.status_code == 200
    assert f'value="{NEW}"' in shown.text
    assert "JavaScript" in shown.text
    assert "script-src 'self'" in shown.headers["content-security-policy"]
    assert count(site, SignUp) == 0
    task = _Fields(shown.text).found["task"]
    answer = worked(task, 8)
    wrong = next(str(n) for n in itertools.count() if hashlib.sha256(f"{task}:{n}".encode()).digest()[0])
    assert sign_up(site, NEW, task=task, answer=wrong).status_code == 422
    assert sign_up(site, NEW, task=task + "0", answer=answer).status_code == 422
    assert sign_up(site, NEW, task=task, answer=answer).status_code == 200
    assert count(site, SignUp) == 1
    assert sign_up(site, NEW, task=task, answer=answer).status_code == 422
    late = _Fields(visitor(site).get("/link").text).found["task"]
    clock.advance(door.TASK_LASTS)
    data = {"email": NEW, "task": late, "answer": worked(late, 8)}
    assert visitor(site).ask("POST", "/link", data=data).status_code == 422


# --- forms elsewhere ----------------------------------------------------------------------------------------------


def test_a_form_for_another_page_leads_here(site: Site) -> None:
    """It has neither script nor styles, loads nothing, and what it sends is taken from another origin."""
    html = join_form(site, language="de")
    assert not re.search(r"<script|<style|style=|src=|on\w+=", html)
    assert "Anmelden" in html
    fields = {**_Fields(html).found, "email": NEW, "briefing": ["evening"], "fax": ""}
    headers = {"origin": "https://www.example", "sec-fetch-site": "cross-site"}
    answer = visitor(site).ask("POST", "/join", data=fields, headers=headers)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "Sehen Sie in Ihre Post" in answer.text
    mail = newest(site)
    assert mail["Subject"].startswith("Bitte bestätigen")
    assert "Möchten Sie das?" in visitor(site).get(link(mail)).text


def test_a_form_for_one_briefing_has_no_boxes(site: Site) -> None:
    html = join_form(site, ["morning"])
    assert "checkbox" not in html
    assert _Fields(html).found["briefing"] == "morning"


def test_a_site_can_offer_some_briefings_or_none(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    site = with_readers(tmp_path, database, clock, "{join: {briefings: [evening], tags: {evening: [web]}}}")
    assert "Morning" not in visitor(site).get("/join").text
    sign_up(site, NEW, "morning")  # there is nothing to choose
    visitor(site).ask("POST", link(newest(site)), data={"briefing": "evening"})
    found = reader(site)
    assert found is not None
    assert (found.tags, gets(site)) == (["web"], {"evening"})
    closed = with_readers(tmp_path, database, clock, "{join: {briefings: []}}")
    assert visitor(closed).get("/join").status_code == 404
    assert sign_up(closed).status_code == 404


@pytest.mark.parametrize("address", ["", "rita", "rita@", "@example.org", "rita@example.org, omar@example.org",
                                     "rita@example.org\r\nBcc: omar@example.org", "a" * 400 + "@example.org"])  # fmt: skip
def test_what_is_no_address_is_said_to_be_none(site: Site, address: str) -> None:
    for answer in (sign_up(site, address), visitor(site).ask("POST", "/link", data={"email": address})):
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
    assert count(site, ServiceMail) == 0


HOSTILE = st.one_of(
    st.text(max_size=200),
    st.sampled_from(["\0", "' OR 1=1 --", "<script>alert(1)</script>", "{{ 7*7 }}", "../../etc/passwd", "=?utf-8?q?x?=",
                     "\u202e", "\ud7ff", "9" * 400, "nora@example.org", "morning"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    from newsletter.database.schema import upgrade

    folder = tmp_path_factory.mktemp("hostile")
    database = Database(f"sqlite:///{folder / 'n.db'}")
    upgrade(database)
    config = CONFIG + EVENING + "readers: {forms: {overall: 1000000}}\n"
    yield visitor(make_site(folder / "site", database, FixedClock(), config=config))
    database.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(
    st.sampled_from(["email", "briefing", "language", "from", "fax", "task", "answer", "x"]), HOSTILE, max_size=6,
), path=st.sampled_from(["/join", "/link", "/join/x"]))  # fmt: skip
def test_no_form_breaks_a_page(stranger: Visitor, fields: dict[str, str], path: str) -> None:
    answer = stranger.ask("POST", path, data=fields)
    assert answer.status_code in (200, 404, 422)
    assert "<script>alert" not in answer.text
    assert stranger.ask("POST", path, content=repr(fields).encode("utf-8", "replace")).status_code in (200, 404, 422)


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_page_is_there_in_every_language(
    on_sqlite: Database, clock: FixedClock, tmp_path: Path, language: str
) -> None:
    site = make_site(tmp_path, on_sqlite, clock, config=CONFIG + EVENING)
    person = visitor(site, **{"accept-language": language})
    pages = [person.get("/join"), person.get("/link"), sign_up(site, NEW, language=language)]
    path = link(newest(site))
    assert urlsplit(path).query == ""
    pages += [person.get(path), person.ask("POST", path, data={"briefing": "morning"})]
    for page in pages:
        assert page.status_code == 200
        assert f'<html lang="{language}"' in page.text
        assert page.cookies == httpx.Cookies()
    found = reader(site)
    assert found is not None
    assert found.language == language
