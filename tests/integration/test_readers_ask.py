"""What readers ask for on their page and a mail answers: another address, all that is held, and to be forgotten. From
the form to the delivered mail and back, over HTTP, on both engines."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from newsletter import press
from newsletter.audience.consentlog import log_of
from newsletter.audience.models import AddressChange, ServiceMail, Subscriber, Suppression
from newsletter.audience.suppression import suppress
from newsletter.audience.transfer import import_csv
from newsletter.database import Database
from newsletter.database.types import metadata
from newsletter.press import Site
from newsletter.press.service import clear, send_waiting
from newsletter.testing import FixedClock
from newsletter.web.headers import READER_POLICY
from tests.desk import visitor
from tests.sites import make_site, outbox

KEY = "morning/2026-11-23"
NEW = "rita@harbour.example"


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    return make_site(tmp_path / "site", database, clock)


def number(site: Site, address: str = "rita@example.org") -> int:
    with site.database.reading() as session:
        return session.scalars(select(Subscriber.id).where(Subscriber.email_norm == address)).one()


def addresses(site: Site) -> list[str]:
    with site.database.reading() as session:
        return sorted(session.scalars(select(Subscriber.email)))


def link(site: Site, page: str = "p", address: str = "rita@example.org") -> str:
    purpose: Any = {"p": "preferences", "u": "unsubscribe"}[page]
    return f"/{page}/{site.tokens.sign(purpose, 0, number(site, address), 'morning')}"


def ask(site: Site, path: str, action: str, **fields: str) -> str:
    """Asks for something on a reader's page, and returns it."""
    response = visitor(site).ask("POST", path, data={"action": action, **fields})
    assert response.status_code == 200, response.text
    return response.text


def mails(site: Site) -> list[Any]:
    """Sends what waits, and returns all that arrived since the last time."""
    asyncio.run(send_waiting(site))
    found = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in outbox(site)]
    for path in outbox(site):
        path.unlink()
    return found


def asked(mail: Any) -> str:
    """The path of the link that a mail wants pressed."""
    found = set(re.findall(r'href="https://courier\.example\.org(/(?:address|erase|p)/[^"]+)"', html(mail)))
    (path,) = found
    assert f"https://courier.example.org{path}" in mail.get_body(("plain",)).get_content()
    return str(path)


def html(mail: Any) -> str:
    return str(mail.get_body(("html",)).get_content())


def dump(site: Site) -> list[Any]:
    with site.database.read_connection() as connection:
        return [sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables]


def log(site: Site, address: str) -> list[str]:
    with site.database.reading() as session:
        return [one.decision for one in log_of(session, address)]


def test_a_reader_moves_to_a_new_address_by_a_link_that_came_there(site: Site) -> None:
    """The old address is told; the links of old mails are theirs still, and the next edition goes to the new one."""
    old = link(site)
    assert "a mail is on its way" in ask(site, old, "move", email=" Rita@Harbour.example ")
    (mail,) = mails(site)
    assert (mail["To"], mail["Auto-Submitted"]) == ("Rita@harbour.example", "auto-generated")
    assert "rita@example.org" not in html(mail)
    page = visitor(site).ask("POST", asked(mail))
    assert "Your mail comes to this address now" in page.text
    assert addresses(site)[0] == "Rita@harbour.example"
    (told,) = mails(site)
    assert (told["To"], "goes to another address now" in told["Subject"]) == ("rita@example.org", True)
    assert "harbour" not in told.as_string()
    assert visitor(site).get(old).status_code == 200
    asyncio.run(press.send(site, KEY))
    assert sum(mail["To"] == "Rita@harbour.example" for mail in mails(site)) == 1
    assert log(site, NEW) == ["consented", "moved", "moved"]
    assert log(site, "rita@example.org") == ["moved"]


@pytest.mark.parametrize("action", ["move", "erase"])
def test_following_the_link_of_such_a_mail_changes_nothing(action: str, site: Site) -> None:
    """GET and HEAD, twice, in parallel, as scanners do: only the form of the page does something."""
    ask(site, link(site), action, email=NEW)
    (mail,) = mails(site)
    path, before = asked(mail), dump(site)

    def follow(method: str) -> int:
        response = visitor(site).ask(method, path)
        assert response.headers["content-security-policy"] == READER_POLICY
        assert (response.headers["x-robots-tag"].startswith("noindex"), "set-cookie" in response.headers) == (
            True,
            False,
        )
        return response.status_code

    with ThreadPoolExecutor(4) as scanners:
        assert [*scanners.map(follow, ["GET", "HEAD"] * 4)] == [200] * 8
    assert dump(site) == before


def test_the_page_says_the_same_of_a_new_address_whoever_has_it(site: Site, clock: FixedClock) -> None:
    """Nobody, another reader, somebody who complained or was erased, the reader themselves; and when it is too often."""
    with site.database.writing() as session:
        suppress(session, "angry@harbour.example", "complaint", clock)
        suppress(session, "gone@harbour.example", "erased", clock)
    path, pages = link(site), set()
    for address in (
        NEW,
        "omar@example.org",
        "angry@harbour.example",
        "gone@harbour.example",
        "rita@example.org",
        "x@y.example",
    ):
        pages.add(ask(site, path, "move", email=address))
    assert len(pages) == 1
    assert sorted(mail["To"] for mail in mails(site)) == ["omar@example.org", "rita@example.org", NEW]
    assert addresses(site) == ["edith@example.org", "jo@example.org", "omar@example.org", "rita@example.org"]


def test_a_thousand_wishes_for_one_address_are_one_mail_an_hour(site: Site, clock: FixedClock) -> None:
    """And for many addresses five a day, from one reader's page."""
    for name in ("rita", "omar"):
        for _ in range(4):
            ask(site, link(site, address=f"{name}@example.org"), "move", email=NEW)
    assert [mail["To"] for mail in mails(site)] == [NEW]
    for at in range(10):
        ask(site, link(site), "move", email=f"r{at}@harbour.example")
    assert [mail["To"] for mail in mails(site)] == ["r0@harbour.example"]
    clock.advance(timedelta(days=1))
    ask(site, link(site), "move", email=NEW)
    assert len(mails(site)) == 1


def test_what_is_no_address_is_said_beside_the_field(site: Site) -> None:
    response = visitor(site).ask("POST", link(site), data={"action": "move", "email": '"><b>rita'})
    assert (response.status_code, 'value="&#34;&gt;&lt;b&gt;rita"' in response.text) == (422, True)
    assert mails(site) == []


def test_an_address_of_another_reader_is_not_taken_over(site: Site) -> None:
    """Only who reads there learns that it is known, and both stay as they are."""
    ask(site, link(site), "move", email="omar@example.org")
    (mail,) = mails(site)
    before = addresses(site)
    page = visitor(site).ask("POST", asked(mail)).text
    assert "This address gets our mail already" in page
    assert (addresses(site), mails(site)) == (before, [])


def test_a_new_address_is_no_way_around_what_suppresses_the_person_or_the_address(
    site: Site, clock: FixedClock
) -> None:
    """Their leaving, their complaint and an operator's word go along; a bounce was the old mailbox's. What the new
    address had left stays left."""
    with site.database.writing() as session:
        suppress(session, "rita@example.org", "unsubscribed", clock, "morning")
        suppress(session, "rita@example.org", "bounce", clock)
        suppress(session, NEW, "unsubscribed", clock, "evening")
    ask(site, link(site), "move", email=NEW)
    visitor(site).ask("POST", asked(mails(site)[0]))
    with site.database.reading() as session:
        row = session.scalars(select(Subscriber).where(Subscriber.email_norm == NEW)).one()
        found = session.scalars(select(Suppression).where(Suppression.address_hash == row.address_hash))
        assert {one.briefing: one.reason for one in found} == {"morning": "unsubscribed", "evening": "unsubscribed"}
    page = visitor(site).get(link(site, "u", NEW)).text
    assert "You have left Morning Briefing" in page


def test_a_complaint_at_the_new_address_between_asking_and_confirming_counts(site: Site, clock: FixedClock) -> None:
    ask(site, link(site), "move", email=NEW)
    path = asked(mails(site)[0])
    with site.database.writing() as session:
        suppress(session, NEW, "complaint", clock)
    assert visitor(site).ask("POST", path).status_code == 404
    assert NEW not in addresses(site)


def test_only_the_last_wish_can_be_confirmed_once_within_a_day(site: Site, clock: FixedClock) -> None:
    ask(site, link(site), "move", email="first@harbour.example")
    first = asked(mails(site)[0])
    ask(site, link(site), "move", email=NEW)
    path = asked(mails(site)[0])
    assert visitor(site).ask("POST", first).status_code == 404
    for _ in range(3):
        assert "Your mail comes to this address now" in visitor(site).ask("POST", path).text
    assert "Your mail comes to this address now" in visitor(site).get(path).text
    assert len(mails(site)) == 1
    clock.advance(timedelta(days=1))
    assert visitor(site).get(path).status_code == 404
    clear(site)
    with site.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AddressChange)) == 0


def test_a_link_that_is_tampered_with_or_of_another_purpose_is_like_any_other_that_is_not_ours(site: Site) -> None:
    ask(site, link(site), "move", email=NEW)
    ask(site, link(site), "erase")
    move, erase = sorted(asked(mail) for mail in mails(site))
    before, unknown = dump(site), visitor(site).get("/u/x").content
    wrong = [move[:-1] + ("0" if move[-1] != "0" else "1"), f"{move}0", move.replace("/address/", "/erase/"),
             erase.replace("/erase/", "/address/"), "/address/x", "/erase/%00", "/erase/" + "x" * 3000]  # fmt: skip
    for path in wrong:
        for method in ("GET", "POST"):
            response = visitor(site).ask(method, path)
            assert (response.status_code, response.content == unknown) == (404, True), path
    assert dump(site) == before


def test_what_is_held_comes_by_mail_to_the_reader_and_on_no_page(site: Site, clock: FixedClock) -> None:
    asyncio.run(press.send(site, KEY))
    mails(site)
    page = ask(site, link(site), "held")
    assert ("on its way to your address" in page, "rita@" in page) == (True, False)
    ask(site, link(site), "held")
    (mail,) = mails(site)
    (file,) = mail.iter_attachments()
    assert (mail["To"], file.get_content_type(), file.get_filename()) == (
        "rita@example.org", "application/json", "my-data.json",
    )  # fmt: skip
    told = json.loads(file.get_content() if isinstance(file.get_content(), str) else file.get_content().decode())
    assert (told["reader"]["email"], told["deliveries"][0]["edition"]) == ("rita@example.org", KEY)
    assert told == json.loads(press.held_as_json(site, "rita@example.org"))
    clock.advance(timedelta(hours=1))
    ask(site, link(site), "held")
    assert len(mails(site)) == 1


def test_a_reader_is_forgotten_by_a_link_that_came_to_their_address(site: Site, clock: FixedClock) -> None:
    """With all that waited for them; and no import brings them back."""
    page = ask(site, link(site), "erase")
    assert ("Nothing is deleted until you confirm" in page, len(addresses(site))) == (True, 4)
    ask(site, link(site), "erase")
    (mail,) = mails(site)
    path = asked(mail)
    ask(site, link(site), "held")
    ask(site, link(site), "move", email=NEW)
    joined = visitor(site).ask("POST", "/join", data={"email": "rita@example.org", "briefing": "morning"})
    assert joined.status_code == 200
    for _ in range(2):
        assert "Everything is deleted" in visitor(site).ask("POST", path).text
    assert "Everything is deleted" in visitor(site).get(path).text
    left = "\n".join(row for rows in dump(site) for row in rows).lower()
    assert "rita" not in left
    assert mails(site) == []
    assert log(site, "rita@example.org") == ["consented", "erased"]
    rows = site.root / "again.csv"
    rows.write_text("email\nrita@example.org\n", encoding="utf-8")
    assert import_csv(site.database, rows, consent="Yes.", source="again", clock=clock).suppressed == 1


def test_an_erasure_takes_the_addresses_that_a_reader_had_before(site: Site) -> None:
    ask(site, link(site), "move", email=NEW)
    visitor(site).ask("POST", asked(mails(site)[0]))
    mails(site)
    ask(site, link(site, address=NEW), "erase")
    (mail,) = mails(site)
    assert mail["To"] == NEW
    visitor(site).ask("POST", asked(mail))
    with site.database.reading() as session:
        rows = session.scalars(select(Suppression)).all()
        waiting = session.scalars(select(ServiceMail.email).where(ServiceMail.email != "")).all()
    assert ([(row.reason, row.email_norm) for row in rows], list(waiting)) == ([("erased", None)] * 2, [])


def test_the_answer_and_the_mail_speak_the_readers_language(site: Site) -> None:
    page = visitor(site).ask("POST", link(site), data={"action": "erase"}, headers={"accept-language": "de"}).text
    assert "Eine Mail ist unterwegs" in page
    (mail,) = mails(site)
    assert 'lang="de"' in html(mail)
