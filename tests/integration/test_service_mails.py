"""Mails outside any edition: how they are written, that none is lost, and that no address gets more than it should."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.audience.allowance import spend
from newsletter.audience.models import Allowance, ServiceMail
from newsletter.backends.base import Outcome, Result
from newsletter.catalogues import languages
from newsletter.database import Database
from newsletter.delivery import service
from newsletter.delivery.service import Attachment, Kind, State
from newsletter.press import Site
from newsletter.press.service import clear, send_waiting
from newsletter.rendering.wire import lint
from newsletter.testing import FixedClock
from tests.sites import CONFIG, make_site, outbox

URL = "https://courier.example.org/j/token"
NO_LIST = ["list-id is missing", "list-unsubscribe is missing", "list-unsubscribe-post is missing"]


@pytest.fixture
def site(database: Database, clock: FixedClock, tmp_path: Path) -> Site:
    """On each engine that there is."""
    return make_site(tmp_path, database, clock)


def asked(site: Site, kind: Kind = Kind.LINK, to: str = "rita@example.org", **more: Any) -> None:
    with site.database.writing() as session:
        service.post(session, kind, to, site.clock, url=URL, values={"hours": "48"}, **more)


def send(site: Site) -> dict[State, int]:
    return asyncio.run(send_waiting(site))


def rows(site: Site) -> list[ServiceMail]:
    with site.database.reading() as session:
        return list(session.scalars(select(ServiceMail).order_by(ServiceMail.id)))


def mails(site: Site) -> list[Any]:
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in outbox(site)]


@pytest.mark.parametrize("language", sorted(languages()))
def test_each_mail_is_written_in_each_language(
    on_sqlite: Database, clock: FixedClock, tmp_path: Path, language: str
) -> None:
    """As bytes that the wire takes, from no list, by no person, with its link in both parts and nothing left open."""
    site = make_site(tmp_path, on_sqlite, clock)
    said = languages()[language]
    for kind in Kind:
        asked(site, kind, f"{kind}@example.org", language=language, items=["Morning Briefing"])
    assert send(site) == {State.SENT: len(Kind)}
    assert {mail["To"] for mail in mails(site)} == {f"{kind}@example.org" for kind in Kind}
    for path in outbox(site):
        assert lint(path.read_bytes()) == NO_LIST
    for mail in mails(site):
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["From"] == "The Courier <morning@courier.example.org>"
        assert "The Port Maren Courier" in mail["Subject"]
        assert not [name for name in mail if name.lower().startswith(("list-", "precedence", "feedback"))]
        text = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",)).get_content()
        for words in (text, html.partition("<body")[2]):
            assert URL in words
            assert "Morning Briefing" in words
            assert "{" not in words
        assert f'lang="{language}"' in html
        assert f'dir="{said.direction}"' in html


def test_a_file_goes_along(site: Site) -> None:
    words = json.dumps({"name": "Ríta", "notes": "." * 200 + "\nFrom here"}, ensure_ascii=False)
    asked(site, Kind.EXPORT, attachment=Attachment("your-data.json", words))
    send(site)
    [path] = outbox(site)
    assert path.read_bytes().isascii()
    assert b"\n" not in path.read_bytes().replace(b"\r\n", b"")
    [mail] = mails(site)
    assert mail.get_content_type() == "multipart/mixed"
    [file] = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("your-data.json", "application/json")
    assert file.get_content().decode() == words
    assert mail.get_body(("plain",)) is not None
    assert rows(site)[0].attachment is None


def test_a_name_of_a_file_that_could_lead_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match=r"your-data\.json"):
        Attachment('a"\r\nBcc: omar@example.org', "{}")


def test_what_was_sent_is_not_kept_with_its_address(site: Site) -> None:
    asked(site)
    send(site)
    [row] = rows(site)
    assert (row.state, row.email, row.content) == ("sent", "", {})
    assert send(site) == {}
    site.clock.advance(timedelta(days=31))  # type: ignore[attr-defined]
    clear(site)
    assert rows(site) == []
    with site.database.reading() as session:
        assert session.scalars(select(Allowance)).all() == []


def test_an_address_gets_one_mail_an_hour_of_those_that_anybody_can_ask_for(site: Site) -> None:
    """However it is written, and whatever is asked for; a mail that a reader's own link asks for is not in its way."""
    for address in ("rita@example.org", "RITA@example.org", "rita@EXAMPLE.org"):
        asked(site, Kind.JOIN, address)
        asked(site, Kind.LINK, address)
    asked(site, Kind.EXPORT)
    asked(site, Kind.JOIN, "omar@example.org")
    assert send(site) == {State.SENT: 3}
    assert [row.state for row in rows(site)].count("withheld") == 5
    site.clock.advance(timedelta(minutes=59, seconds=59))  # type: ignore[attr-defined]
    asked(site)
    assert send(site) == {}
    site.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]
    asked(site)
    assert send(site) == {State.SENT: 1}


def test_of_many_who_send_at_once_one_sends(site: Site) -> None:
    """Sixty are asked for, and four processes' worth of threads send them."""
    with site.database.writing() as session:
        for _ in range(60):
            service.post(session, Kind.JOIN, "jo@example.org", site.clock, url=URL, values={"hours": "48"})
    threads = [threading.Thread(target=send, args=(site,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mails(site)) == 1
    assert {row.state for row in rows(site)} == {"sent", "withheld"}


def test_what_cannot_be_sent_is_tried_again_within_a_bound(site: Site) -> None:
    asked(site, to="rita+451@example.org")
    attempts = 0
    while any(row.state == "waiting" for row in rows(site)):
        attempts += sum(send(site).values())
        site.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    assert attempts == service.MOST_ATTEMPTS
    [row] = rows(site)
    assert (row.state, row.attempts) == ("failed", service.MOST_ATTEMPTS)
    asked(site, to="rita+550@example.org")
    assert send(site) == {State.FAILED: 1}
    assert "rita" not in rows(site)[-1].reply


def test_a_mail_in_hand_when_a_process_dies_is_sent_by_the_next(site: Site) -> None:
    """It is the same message, by the same Message-ID, and only once it is known that nobody works on it."""
    asked(site)
    with site.database.writing() as session:
        [lost] = service.claim(session, site.clock.now())
    assert send(site) == {}
    site.clock.advance(service.LEASE)  # type: ignore[attr-defined]
    assert send(site) == {State.SENT: 1}
    with site.database.writing() as session:  # it lives after all, and writes nothing
        service.settle(session, lost, Outcome(Result.DEFERRED), site.clock.now())
    assert [row.state for row in rows(site)] == ["sent"]


def test_a_mail_that_may_have_arrived_is_not_sent_again(site: Site) -> None:
    asked(site, to="rita+drop@example.org")
    assert send(site) == {State.IN_DOUBT: 1}
    site.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    assert send(site) == {}


def test_a_broken_template_keeps_mails_until_it_is_mended(site: Site) -> None:
    page = site.settings.templates / "service" / "page.txt"
    whole = page.read_text(encoding="utf-8")
    page.write_text("{{ mail.nothing }}", encoding="utf-8")
    asked(site)
    assert send(site) == {State.WAITING: 1}
    page.write_text(whole, encoding="utf-8")
    site.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    assert send(site) == {State.SENT: 1}


def test_a_site_without_a_template_of_its_own_uses_the_one_that_comes_along(site: Site) -> None:
    folder = site.settings.templates / "service"
    folder.rename(folder.with_name("elsewhere"))
    asked(site)
    assert send(site) == {State.SENT: 1}


def test_the_configuration_says_who_sends_and_how(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    config = CONFIG.replace("outbox}\n", "outbox}\n  second: {type: outbox, path: second}\n", 1) + (
        "readers:\n  backend: second\n  sender: {name: Courier Readers, address: readers@courier.example.org,"
        " reply_to: edith@courier.example.org}\n"
    )
    made = make_site(tmp_path, database, clock, config=config)
    asked(made)
    send(made)
    [path] = (tmp_path / "second").rglob("*.eml")
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert mail["From"] == "Courier Readers <readers@courier.example.org>"
    assert mail["Reply-To"] == "edith@courier.example.org"


def test_as_much_may_be_done_as_is_allowed_and_then_again(site: Site) -> None:
    hour, now = timedelta(hours=1), site.clock.now()

    def may(who: str, at: Any) -> bool:
        with site.database.writing() as session:
            return spend(session, "try", who, most=3, window=hour, now=at)

    assert [may("a", now) for _ in range(5)] == [True, True, True, False, False]
    assert may("b", now)
    assert not may("a", now + hour - timedelta(milliseconds=1))
    assert [may("a", now + hour) for _ in range(4)] == [True, True, True, False]
    assert may("a", now + 2 * hour)
