"""A person is erased: what goes, what stays, and what they are given of what is held; on both engines."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import press
from newsletter.audience.consent import Said
from newsletter.audience.consentlog import export_log, log_of
from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.suppression import suppress
from newsletter.audience.transfer import import_csv
from newsletter.backends.base import Message
from newsletter.backends.outbox import OutboxBackend
from newsletter.database import Database
from newsletter.database.types import metadata
from newsletter.delivery.models import attempt
from newsletter.delivery.plan import freeze
from newsletter.press import Site, choices
from newsletter.testing import FixedClock
from tests.sites import make_site, outbox

KEY = "morning/2026-11-23"
SAID = Said("Delete everything", "page")
READERS = """\
email,first_name,last_name,country,shoe
Rita.Vane@example.org,Rita,Vane,DE,42-rv
omar@example.org,Omar,,FR,
"""


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    return make_site(tmp_path / "site", database, clock, readers=READERS)


def number(site: Site, email: str = "rita.vane@example.org") -> int:
    with site.database.reading() as session:
        return session.scalars(select(Subscriber.id).where(Subscriber.email_norm == email)).one()


def everything(site: Site) -> str:
    """All that is in the database, as text."""
    with site.database.read_connection() as connection:
        return "\n".join(
            repr(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(select(table))
        )


def decided(site: Site, email: str = "rita.vane@example.org") -> list[tuple[str, str, str]]:
    with site.database.reading() as session:
        return [(one.decision, one.wording, one.source) for one in log_of(session, email)]


def refused(site: Site) -> None:
    """Makes Rita's server say no, in words that name her, as servers do."""
    values = {"edition_id": 1, "subscriber_id": number(site), "n": 1, "at": site.clock.now(), "result": "rejected"}
    values |= {"code": 550, "enhanced_code": "5.1.1", "backend": "outbox", "next_at": None}
    with site.database.write_connection() as connection:
        connection.execute(attempt.insert(), [{**values, "reply": "<Rita.Vane@example.org>: no such user here"}])


def test_nothing_that_names_an_erased_person_is_anywhere_in_the_database(site: Site) -> None:
    """Nor in its file: neither address nor name, no field of theirs, no word of a server's about them."""
    asyncio.run(press.send(site, KEY))
    refused(site)
    choices.leave(site, number(site), "morning", Said("unsubscribe", "mail"))
    with site.database.writing() as session:
        suppress(session, "rita.vane@example.org", "complaint", site.clock, note="Vane called Omar")
    assert everything(site).lower().count("vane") >= 5
    before = press.report(site, KEY)
    assert press.erase(site, "Rita.Vane@example.org", SAID)
    left = everything(site).lower()
    assert not [word for word in ("rita", "vane", "42-rv") if word in left]
    assert press.report(site, KEY).counts == before.counts
    assert press.report(site, KEY).adds_up
    if site.database.is_sqlite:
        with site.database.driver_connection() as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert site.database.url.database
        file = Path(site.database.url.database).read_bytes().lower()
        assert not [word for word in (b"rita", b"vane", b"42-rv") if word in file]


def test_an_erased_address_is_refused_by_every_later_import(site: Site, clock: FixedClock) -> None:
    press.erase(site, "rita.vane@example.org", SAID)
    path = site.root / "again.csv"
    path.write_text("email\nRITA.VANE@EXAMPLE.ORG\n", encoding="utf-8")
    report = import_csv(site.database, path, consent="Yes.", source="again", clock=clock)
    assert (report.added, report.suppressed) == (0, 1)
    assert not press.erase(site, "rita.vane@example.org", SAID)


def test_the_log_keeps_by_hash_what_a_person_said_from_the_first_yes_to_the_erasure(site: Site) -> None:
    choices.leave(site, number(site), "morning", Said("unsubscribe", "mail"))
    told = [("consented", "Yes, mail me.", "test"), ("left", "unsubscribe", "mail")]
    assert decided(site) == told
    press.erase(site, "rita.vane@example.org", SAID)
    assert decided(site) == [*told, ("erased", "Delete everything", "page")]
    assert decided(site, "nobody@example.org") == []


def test_the_whole_log_is_written_as_csv_with_no_address_of_an_erased_person(site: Site) -> None:
    choices.leave(site, number(site, "omar@example.org"), "", Said("=Leave everything", "page"))
    press.erase(site, "rita.vane@example.org", SAID)
    out = io.StringIO()
    with site.database.reading() as session:
        assert export_log(session, out) == 4
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [(row["decision"], row["wording"], row["email"]) for row in rows] == [
        ("consented", "Yes, mail me.", "omar@example.org"),
        ("left", "'=Leave everything", "omar@example.org"),
        ("consented", "Yes, mail me.", ""),
        ("erased", "Delete everything", ""),
    ]
    assert len({row["address hash"] for row in rows}) == 2


class Erasing(OutboxBackend):
    """An outbox that erases a reader while its first mail is on the wire."""

    erase: Any = None

    async def _store(self, message: Message) -> OSError | None:
        if type(self).erase is not None:
            erase, type(self).erase = type(self).erase, None
            await asyncio.to_thread(erase)
        return await super()._store(message)


def test_who_is_erased_in_the_middle_of_a_send_gets_nothing_from_the_next_batch_on(
    database: Database, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = "email,country\n" + "".join(f"reader{n}@example.org,DE\n" for n in range(20))
    site = make_site(tmp_path / "site", database, clock, readers=readers)
    monkeypatch.setattr(sys.modules["newsletter.press.lock"], "freeze", lambda *given: freeze(*given, batch_size=2))
    monkeypatch.setattr(Site, "backend", lambda self, name: Erasing(name, {"path": "outbox"}, self.root))
    monkeypatch.setattr(Erasing, "erase", staticmethod(lambda: press.erase(site, "reader19@example.org", SAID)))
    monkeypatch.setattr("newsletter.delivery.leavers.EVERY", 3600)
    report = asyncio.run(asyncio.wait_for(press.send(site, KEY), 60))
    assert (report.frozen, report.counts.accepted, report.counts.suppressed) == (20, 19, 1)
    assert ([one.reason for one in report.reasons], report.adds_up) == (["erased"], True)
    assert not [path for path in outbox(site) if b"reader19@" in path.read_bytes()]


def test_a_servers_words_about_one_who_was_erased_while_it_spoke_go_at_the_end_of_the_send(site: Site) -> None:
    press.assemble(site, "morning")
    press.lock(site, KEY, now=True)
    refused(site)
    with site.database.writing() as session:
        session.delete(session.get_one(Subscriber, number(site)))
    asyncio.run(press.send(site, KEY))
    assert "no such user" not in everything(site)


def test_what_is_held_about_a_person_is_told_in_full(site: Site) -> None:
    asyncio.run(press.send(site, KEY))
    refused(site)
    choices.leave(site, number(site), "morning", Said("unsubscribe", "mail"))
    told = json.loads(press.held_as_json(site, "rita.vane@example.org"))
    assert told["reader"]["email"] == "Rita.Vane@example.org"
    assert (told["reader"]["first_name"], told["reader"]["attributes"]) == ("Rita", {"shoe": "42-rv"})
    assert told["briefings"] == [{"briefing": "morning", "name": "Morning Briefing", "gets": False}]
    assert [one["reason"] for one in told["suppressions"]] == ["unsubscribed"]
    assert [(one["decision"], one["words"]) for one in told["consents"]] == [
        ("consented", "Yes, mail me."), ("left", "unsubscribe"),
    ]  # fmt: skip
    ((delivery,),) = [told["deliveries"]]
    assert (delivery["edition"], delivery["status"]) == (KEY, "accepted")
    assert "no such user" in delivery["tries"][0]["reply"]
    assert "omar" not in press.held_as_json(site, "rita.vane@example.org").lower()


def test_every_column_of_a_reader_is_told(site: Site) -> None:
    """A column that is added is told, or stands here with the reason why not."""
    # The number, the address, the consents and the suppressions tell the same.
    ours = {"id", "email_norm", "address_hash", "consent_id", "stopped"}
    columns = {column.name for column in Subscriber.__table__.columns} - ours
    assert columns <= press.held(site, "rita.vane@example.org")["reader"].keys()


def test_of_an_erased_person_what_is_held_names_nobody(site: Site) -> None:
    press.erase(site, "rita.vane@example.org", SAID)
    told = press.held(site, "rita.vane@example.org")
    assert ("reader" in told, told["deliveries"]) == (False, [])
    assert [row["reason"] for row in told["suppressions"]] == ["erased"]


def test_an_address_that_is_somebody_elses_by_now_stays_theirs(site: Site, clock: FixedClock) -> None:
    """Rita had an address before; Jo has it today."""
    choices.leave(site, number(site), "morning", Said("unsubscribe", "mail"))
    with site.database.writing() as session:
        rita, omar = (
            session.get_one(Subscriber, number(site, one)) for one in ("rita.vane@example.org", "omar@example.org")
        )
        hashes = rita.address_hash, omar.address_hash
        session.execute(update(Subscriber).where(Subscriber.id == omar.id).values(
            email="x@example.org", email_norm="x@example.org", address_hash=b"x" * 32))  # fmt: skip
        session.flush()
        session.execute(update(Subscriber).where(Subscriber.id == rita.id).values(
            email="omar@example.org", email_norm="omar@example.org", address_hash=hashes[1]))  # fmt: skip
        session.execute(update(Subscriber).where(Subscriber.email_norm == "x@example.org").values(
            email="rita.vane@example.org", email_norm="rita.vane@example.org", address_hash=hashes[0]))  # fmt: skip
    press.erase(site, "omar@example.org", SAID)
    with site.database.reading() as session:
        erased = session.scalars(select(Suppression.address_hash).where(Suppression.reason == "erased")).all()
    assert list(erased) == [hashes[1]]
