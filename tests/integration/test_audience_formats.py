"""Readers from other systems and for them, on both engines. The files are made by hand after what those systems export."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience import exports, formats
from newsletter.audience.archives import people_files
from newsletter.audience.consent import Decision, Said
from newsletter.audience.consentlog import LogEntry, log_of
from newsletter.audience.exports import export_for
from newsletter.audience.formats import State
from newsletter.audience.instants import instant
from newsletter.audience.leaving import come_back, leave
from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.subscribers import export
from newsletter.audience.suppression import suppress
from newsletter.audience.transfer import COUNTS, TransferReport, import_csv
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.errors import ImportRefused, Refused
from newsletter.testing import FixedClock
from tests.acceptance.commands import run
from tests.audience import erase
from tests.sites import make_site

LISTMONK = """\
uuid,email,name,attributes,status,created_at,updated_at
0b2d,rita@example.org,Rita Reader,"{""city"": ""Köln"", ""visits"": 12, ""vip"": true, ""likes"": [""ferries"", ""olives""], ""plan"": {""name"": ""gold""}, ""none"": null}",enabled,2024-02-03 04:05:06.789012 +0000 UTC,2025-01-01 00:00:00 +0000 UTC
1b2d,omar@example.org,Omar,{},blocklisted,2024-02-03 04:05:06 +0100 CET,2025-01-02 03:04:05 +0000 UTC
2b2d,edith@example.org,Edith,{},disabled,2024-02-03 04:05:06 +0000 +0000,2025-01-02 03:04:05 +0000 UTC
3b2d,jo@example.org,,{},gone,2024-02-03 04:05:06 +0000 UTC,2025-01-02 03:04:05 +0000 UTC
4b2d,zoe@example.org,Zoë,not json,enabled,2024-02-03 04:05:06 +0000 UTC,2025-01-02 03:04:05 +0000 UTC
"""
SUBSCRIBED = (
    """\
Email Address,First Name,Last Name,Favourite,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS
rita@example.org,Rita,Reader,Ferries,2,"2023-05-06 07:08:09",192.0.2.1,"2023-05-06 08:00:00",192.0.2.1,52.5,13.4,1,2,Europe/Berlin,DE,BE,"2024-01-01 00:00:00",1,a,,"""
    + '"""Daily"",""Founders, first"""'
    + """
omar@example.org,Omar,,,2,"2023-05-06 07:08:09",,,,,,,,Moon/Base,A1,,"2024-01-01 00:00:00",2,b,writes letters,"""
    + '"""Weekly"""'
    + """
"""
)
UNSUBSCRIBED = """\
Email Address,First Name,OPTIN_TIME,LEID,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON,TAGS
edith@example.org,Edith,"2022-01-01 00:00:00",3,"2024-03-04 05:06:07",March,"No longer interested",
jo@example.org,Jo,"2022-01-01 00:00:00",4,"2024-03-04 05:06:07",March,Abuse complaint,
"""
CLEANED = """\
Email Address,First Name,OPTIN_TIME,LEID,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE
nobody@example.org,,"2022-01-01 00:00:00",5,"2024-04-04 05:06:07",April
"""
NONSUBSCRIBED = """\
Email Address,First Name,OPTIN_TIME,LEID
shopper@example.org,Sam,,6
"""
GHOST = """\
id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers
1,rita@example.org,Rita Mae Reader,"Met her
at the fair",true,true,cus_1,2024-01-15T10:00:00.000Z,,"Founders,Berlin",Gold
2,omar@example.org,Omar,,false,false,,2024-01-15T10:00:00.000Z,,,
3,edith@example.org,Edith,,true,false,,2024-01-15T10:00:00.000Z,2025-01-01T00:00:00.000Z,,
4,jo@example.org,Jo,,maybe,false,,2024-01-15T10:00:00.000Z,,,
"""
SUBSTACK = """\
email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at
rita@example.org,true,2027-07-01T00:00:00.000Z,yearly,false,2026-06-01T00:00:00.000Z,2026-07-15T00:00:00.000Z
omar@example.org,false,,other,true,2026-05-01T00:00:00.000Z,
edith@example.org,false,,other,false,2026-05-01T00:00:00.000Z,
jo@example.org,false,,other,false,last May,
"""


def put(
    database: Database, clock: FixedClock, tmp_path: Path, content: str, name: str = "readers.csv", **more: Any
) -> TransferReport:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    report = import_csv(database, path, **{"consent": "Yes, send it.", "clock": clock, **more})
    assert report.rows == sum(getattr(report, one) for one in COUNTS if one != "rows")
    return report


def counts(report: TransferReport) -> dict[str, int]:
    return {name: getattr(report, name) for name in COUNTS if name != "rows" and getattr(report, name)}


def readers(database: Database) -> dict[str, Subscriber]:
    with database.reading() as session:
        return {one.email: one for one in session.scalars(select(Subscriber).order_by(Subscriber.id))}


def stops(database: Database) -> dict[str, tuple[str, str, datetime, str]]:
    with database.reading() as session:
        return {
            f"{row.email_norm} {row.briefing}".strip(): (row.reason, row.note, row.at, row.briefing)
            for row in session.scalars(select(Suppression))
        }


def at(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type,misc]


def test_listmonk_is_known_by_its_columns(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    report = put(database, clock, tmp_path, LISTMONK)
    assert report.format == "listmonk"
    assert counts(report) == {"added": 1, "left": 1, "suppressed": 1, "rejected": 2}
    assert [(one.line, one.reason.split(":")[0]) for one in report.rejects] == [(5, "status"), (6, "attributes")]
    rita = readers(database)["rita@example.org"]
    assert (rita.first_name, rita.last_name, rita.created_at) == (
        "Rita",
        "Reader",
        at(2024, 2, 3, 4, 5, 6) + timedelta(milliseconds=789),
    )
    assert rita.attributes == {
        "city": "Köln",
        "visits": 12,
        "vip": True,
        "likes": "ferries, olives",
        "plan_name": "gold",
    }
    assert stops(database) == {
        "omar@example.org": ("unsubscribed", "blocklisted at listmonk", at(2025, 1, 2, 3, 4, 5), ""),
        "edith@example.org": ("manual", "disabled at listmonk", at(2025, 1, 2, 3, 4, 5), ""),
    }


def events_of(session: Session, email: str) -> list[LogEntry]:
    return [one for one in log_of(session, email) if one.decision != Decision.CONSENTED]


def test_what_listmonks_lists_say_counts(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    head = "uuid,email,name,attributes,status,created_at,updated_at,subscription_status\n"
    line = "0,{0}@example.org,,,enabled,2024-02-03 04:05:06 +0000 UTC,2025-01-02 03:04:05 +0000 UTC,{1}\n"
    people = {"rita": "confirmed", "omar": "unconfirmed", "edith": "unsubscribed"}
    report = put(database, clock, tmp_path, head + "".join(line.format(*one) for one in people.items()))
    assert counts(report) == {"added": 1, "unconfirmed": 1, "left": 1}
    assert set(readers(database)) == {"rita@example.org"}
    with database.reading() as session:
        [event] = events_of(session, "rita@example.org")
    assert (event.decision, event.at) == (Decision.CONFIRMED, at(2024, 2, 3, 4, 5, 6))
    assert (event.wording, event.source) == ("Yes, send it.", "import from listmonk, readers.csv")


def test_a_file_of_people_of_one_status_is_told_so(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    """listmonk exports the unconfirmed of a list without saying so in the file."""
    content = "\n".join(LISTMONK.splitlines()[:3]) + "\n"
    assert counts(put(database, clock, tmp_path, content, status=State.UNCONFIRMED)) == {"unconfirmed": 1, "left": 1}
    assert counts(put(database, clock, tmp_path, "email\njo@example.org\n", status=State.LEFT)) == {"left": 1}
    assert readers(database) == {}


def mailchimp(folder: Path) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lists/subscribed_email_audience_export_1.csv", SUBSCRIBED)
        archive.writestr("lists/unsubscribed_email_audience_export_1.csv", UNSUBSCRIBED)
        archive.writestr("../../cleaned_email_audience_export_1.csv", CLEANED)
        archive.writestr("nonsubscribed_email_audience_export_1.csv", NONSUBSCRIBED)
        archive.writestr("campaigns.csv", "Title,Sent\nMarch,1\n")
        archive.writestr("readme.txt", "hello")
    return path


def take(database: Database, clock: FixedClock, path: Path, **more: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    with people_files(path) as files:
        for one in files:
            for name, number in counts(import_csv(database, one, consent="Yes.", clock=clock, **more)).items():
                total[name] = total.get(name, 0) + number
    return total


def test_a_zip_of_mailchimps_counts_by_its_files(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    path = mailchimp(tmp_path)
    assert take(database, clock, path) == {"left": 1, "suppressed": 2, "unconfirmed": 1, "added": 2}
    found = readers(database)
    assert set(found) == {"rita@example.org", "omar@example.org"}
    rita, omar = found["rita@example.org"], found["omar@example.org"]
    assert (rita.country, rita.region, rita.timezone, rita.created_at) == (
        "DE",
        "BE",
        "Europe/Berlin",
        at(2023, 5, 6, 7, 8, 9),
    )
    assert rita.tags == ["daily", "founders first"]
    assert rita.attributes == {"favourite": "Ferries"}
    assert (omar.country, omar.timezone, omar.attributes) == ("", "", {"notes": "writes letters"})
    assert {email: row[:3] for email, row in stops(database).items()} == {
        "edith@example.org": (
            "unsubscribed",
            "unsubscribed at Mailchimp: No longer interested",
            at(2024, 3, 4, 5, 6, 7),
        ),
        "jo@example.org": ("complaint", "complained at Mailchimp: Abuse complaint", at(2024, 3, 4, 5, 6, 7)),
        "nobody@example.org": ("bounce", "cleaned at Mailchimp", at(2024, 4, 4, 5, 6, 7)),
    }
    before = stops(database)
    clock.advance(timedelta(days=1))
    assert take(database, clock, path) == {"left": 1, "suppressed": 2, "unconfirmed": 1, "unchanged": 2}
    assert stops(database) == before


def test_single_files_of_mailchimps_are_known_by_their_columns(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    assert counts(put(database, clock, tmp_path, UNSUBSCRIBED, "a.csv")) == {"left": 1, "suppressed": 1}
    assert counts(put(database, clock, tmp_path, CLEANED, "b.csv", source_format="mailchimp")) == {"suppressed": 1}
    assert counts(put(database, clock, tmp_path, SUBSCRIBED, "c.csv")) == {"added": 2}


def test_a_tag_there_can_be_a_briefing_here(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    """New readers without it have left that one; who chose it here keeps it, however often the file comes."""
    labels = {"Daily": "morning", "weekly": "weekend"}
    put(database, clock, tmp_path, SUBSCRIBED, labels=labels)
    assert {key: row[0] for key, row in stops(database).items()} == {
        "rita@example.org weekend": "unsubscribed", "omar@example.org morning": "unsubscribed",
    }  # fmt: skip
    with database.writing() as session:
        omar = session.scalars(select(Subscriber).where(Subscriber.email == "omar@example.org")).one()
        come_back(session, omar, "morning", Said("I want it", "page"), clock, ["morning", "weekend"])
    put(database, clock, tmp_path, SUBSCRIBED, labels=labels)
    assert set(stops(database)) == {"rita@example.org weekend"}


def test_ghosts_members(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    report = put(database, clock, tmp_path, GHOST)
    assert report.format == "ghost"
    assert counts(report) == {"added": 1, "left": 2, "rejected": 1}
    assert report.rejects[0].reason == "“maybe” is neither true nor false"
    rita = readers(database)["rita@example.org"]
    assert (rita.first_name, rita.last_name, rita.tags) == ("Rita", "Mae Reader", ["founders", "berlin"])
    assert rita.attributes == {
        "note": "Met her at the fair", "complimentary_plan": True, "stripe_customer_id": "cus_1", "tiers": "Gold",
    }  # fmt: skip
    assert rita.created_at == at(2024, 1, 15, 10)
    assert stops(database)["edith@example.org"][1:3] == ("deleted at Ghost", at(2025, 1, 1))
    assert stops(database)["omar@example.org"][1:3] == ("wants no emails at Ghost", clock.now())


def test_substacks_list(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    report = put(database, clock, tmp_path, SUBSTACK)
    assert report.format == "substack"
    assert counts(report) == {"added": 2, "left": 1, "rejected": 1}
    assert "is no date: write for example" in report.rejects[0].reason
    found = readers(database)
    assert found["rita@example.org"].attributes["plan"] == "yearly"
    assert found["rita@example.org"].attributes["active_subscription"] is True
    assert found["edith@example.org"].attributes["active_subscription"] is False


def test_our_own_export_mails_nobody_who_left(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    put(database, clock, tmp_path, "email,name\n+rita@example.org,=Rita\nomar@example.org,\nedith@example.org,\n")
    with database.writing() as session:
        suppress(session, "omar@example.org", "unsubscribed", clock)
        suppress(session, "edith@example.org", "unsubscribed", clock, "morning")
    out = io.StringIO()
    assert export(database, out) == 3
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    upgrade(other)
    clock.advance(timedelta(days=1))
    assert counts(put(other, clock, tmp_path, out.getvalue())) == {"added": 2, "left": 1}
    assert {key: row[0] for key, row in stops(other).items()} == {
        "omar@example.org": "unsubscribed", "edith@example.org morning": "unsubscribed",
    }  # fmt: skip
    rita = readers(other)["+rita@example.org"]
    assert (rita.first_name, rita.created_at) == ("=Rita", clock.now() - timedelta(days=1))
    other.close()


def test_who_left_here_comes_back_only_in_words(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    put(database, clock, tmp_path, "email\nrita@example.org\nomar@example.org\n")
    with database.writing() as session:
        rita = session.scalars(select(Subscriber).where(Subscriber.email == "rita@example.org")).one()
        leave(session, rita, "", Said("I leave", "page"), clock)
        suppress(session, "omar@example.org", "complaint", clock)
    again = "email\nrita@example.org\nomar@example.org\n"
    assert counts(put(database, clock, tmp_path, again)) == {"suppressed": 2}
    words = "They signed the list at the fair again."
    assert counts(put(database, clock, tmp_path, again, returned=words)) == {"unchanged": 1, "suppressed": 1}
    assert set(stops(database)) == {"omar@example.org"}
    with database.reading() as session:
        event = events_of(session, "rita@example.org")[-1]
        assert (event.decision, event.subscriber, event.wording) == ("returned", rita.id, words)
    assert counts(put(database, clock, tmp_path, again, returned=words)) == {"unchanged": 1, "suppressed": 1}


def test_who_came_back_here_is_not_taken_out_by_an_older_leaving_there(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    ghost = GHOST.splitlines()[0] + "\n2,omar@example.org,Omar,,false,false,,2024-01-15T10:00:00.000Z,,,\n"
    put(database, clock, tmp_path, "email\nedith@example.org\nomar@example.org\n")
    for content in (UNSUBSCRIBED, ghost):
        put(database, clock, tmp_path, content)
    clock.advance(timedelta(hours=1))
    for name in ("edith", "omar"):
        with database.writing() as session:
            one = session.scalars(select(Subscriber).where(Subscriber.email == f"{name}@example.org")).one()
            assert come_back(session, one, "", Said("I want it", "page"), clock, ["morning"])
    assert counts(put(database, clock, tmp_path, UNSUBSCRIBED)) == {"unchanged": 1, "suppressed": 1}
    assert counts(put(database, clock, tmp_path, ghost)) == {"unchanged": 1}
    assert set(stops(database)) == {"jo@example.org"}
    later = UNSUBSCRIBED.replace("2024-03-04", f"{clock.now() + timedelta(days=1):%Y-%m-%d}")
    assert counts(put(database, clock, tmp_path, later)) == {"left": 1, "suppressed": 1}


def test_an_erased_person_is_not_kept_by_a_leaving_there(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    erase(database, "edith@example.org", clock)
    assert counts(put(database, clock, tmp_path, UNSUBSCRIBED)) == {"left": 1, "suppressed": 1}
    assert stops(database)["None"][0] == "erased"


def fill(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    put(
        database, clock, tmp_path,
        "email,first_name,last_name,country,region,language,timezone,frequency,tags,city,visits,expiry\n"
        'rita@example.org,"=cmd|\' /C calc\'!A0",Reader,DE,BE,en-GB,Europe/Berlin,daily,"founders,politics",Köln,12,2027-01-01\n'
        "omar@example.org,Omar,,,,,,,,,,\nedith@example.org,Edith,,,,,,,,,,\njo@example.org,,,,,,,,,,,\n",
    )  # fmt: skip
    put(
        database,
        clock,
        tmp_path,
        SUBSCRIBED.replace("rita@", "confirmed@").replace("omar@", "-plain@"),
        "subscribed.csv",
    )
    with database.writing() as session:
        suppress(session, "omar@example.org", "unsubscribed", clock)
        suppress(session, "edith@example.org", "bounce", clock)
        suppress(session, "edith@example.org", "unsubscribed", clock, "morning")
        suppress(session, "jo@example.org", "unsubscribed", clock, "morning")
        suppress(session, "stranger@example.org", "complaint", clock)
    erase(database, "gone@example.org", clock)


def who(database: Database) -> dict[str, bool]:
    with database.reading() as session:
        known: Mapping[str, bool] = {
            str(row.email_norm): False
            for row in session.scalars(select(Suppression))
            if row.email_norm and not row.briefing
        }
    return {one: True for one in readers(database) if one not in known} | dict(known)


@pytest.mark.parametrize("system", ["listmonk", "mailchimp", "ghost", "substack"])
def test_what_is_written_for_a_system_comes_back_from_it(
    database: Database, clock: FixedClock, tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is mailed and who is not, dates, names, tags and attributes as far as that system has them."""
    monkeypatch.setattr(exports, "_CHUNK", 2)
    fill(database, clock, tmp_path)
    out = tmp_path / "out"
    form = formats.FORMATS[system]
    written = export_for(database, form, out)
    assert sum(written.values()) == 7
    assert {one.name for one in out.iterdir()} == set(written)
    assert all(one.stat().st_mode & 0o777 == 0o600 for one in out.iterdir())
    text = "".join(one.read_text(encoding="utf-8") for one in out.iterdir())
    assert "gone@example.org" not in text
    rows = csv.reader(io.StringIO(text))
    assert not [c for row in rows for c in row if c.startswith(("=", "+", "@"))]
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    upgrade(other)
    clock.advance(timedelta(days=5))
    take(other, clock, out, source_format=system)
    assert who(other) == who(database)
    before, after = readers(database), readers(other)
    for email, one in after.items():
        old = before[email]
        assert one.created_at == old.created_at
        if system in ("listmonk", "mailchimp"):
            fields = ("first_name", "last_name", "country", "region", "language", "timezone", "frequency", "tags")
            assert {name: getattr(one, name) for name in fields} == {name: getattr(old, name) for name in fields}
            assert one.attributes == old.attributes
        if system == "ghost":
            assert one.tags == old.tags
    if system == "mailchimp":
        with other.reading() as session:
            assert [event.at for event in events_of(session, "confirmed@example.org")] == [at(2023, 5, 6, 8)]
        assert stops(other)["stranger@example.org"][0] == "complaint"
        assert stops(other)["edith@example.org"][0] == "bounce"
    assert "added" not in take(other, clock, out, source_format=system)
    assert who(other) == who(database)
    other.close()


def test_an_export_may_speak_of_one_briefing(on_sqlite: Database, clock: FixedClock, tmp_path: Path) -> None:
    fill(on_sqlite, clock, tmp_path)
    mailed = {}
    for briefing in ("", "morning"):
        out = tmp_path / f"out{briefing}"
        export_for(on_sqlite, formats.FORMATS["ghost"], out, briefing=briefing)
        with (out / "members.csv").open(encoding="utf-8", newline="") as file:
            mailed[briefing] = {row["email"] for row in csv.DictReader(file) if row["subscribed_to_emails"] == "true"}
    assert mailed[""] - mailed["morning"] == {"jo@example.org"}
    with pytest.raises(Refused, match="is there already"):
        export_for(on_sqlite, formats.FORMATS["ghost"], tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("2024-02-03 04:05:06.789012 +0000 UTC", at(2024, 2, 3, 4, 5, 6)), ("2024-02-03 04:05:06 +0530 IST", at(2024, 2, 2, 22, 35, 6)),
        ("2024-02-03 04:05:06", at(2024, 2, 3, 4, 5, 6)), ("2024-02-03T04:05:06.000Z", at(2024, 2, 3, 4, 5, 6)),
        ("2024-02-03", at(2024, 2, 3)), ("07/04/2024", at(2024, 7, 4)), ("4.7.2024", at(2024, 7, 4)),
        ("2026-07-20T23:06:19.807341000+00:00", at(2026, 7, 20, 23, 6, 19)),
    ],
)  # fmt: skip
def test_dates_are_read_as_systems_write_them(words: str, meant: datetime) -> None:
    assert instant(words).replace(microsecond=0) == meant


@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\d[ T]?[\d:.+Z]{0,20}", fullmatch=True))
def test_no_date_can_break_it(words: str) -> None:
    with contextlib.suppress(ValueError):
        assert instant(words).tzinfo is UTC


@given(st.text(max_size=60), st.text(max_size=30), st.sampled_from(list(formats.FORMATS.values())))
def test_no_row_can_break_a_format(noise: str, more: str, form: formats.Format) -> None:
    row = dict.fromkeys([*form.columns, "email"], more)
    for name in row:
        try:
            form.read({**row, name: noise, "status": "enabled"}, noise)
            form.read({**dict.fromkeys(row, ""), name: noise}, "readers.csv")
        except ValueError:
            pass


def test_what_is_no_zip_and_one_of_nobody_we_know_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "a.zip"
    broken.write_bytes(b"PK\x03\x04 and nothing")
    with pytest.raises(ImportRefused, match="no zip that can be read"), people_files(broken):
        pass
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("posts.csv", "id,title\n1,Ferries\n")
    with pytest.raises(ImportRefused, match="no CSV of people"), people_files(tmp_path / "b.zip"):
        pass
    with pytest.raises(Refused, match="there is no format"):
        formats.of("carrier-pigeon")


def test_the_command_imports_a_zip_and_names_bad_lines(
    on_sqlite: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = make_site(tmp_path, on_sqlite, FixedClock(), readers="")
    path = mailchimp(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("subscribed_segment.csv", SUBSCRIBED.replace("rita@example.org", "rita"))
    config = ("--config", str(site.root / "config.yaml"), "subscribers")
    given = ("import", str(path), "--consent", "Yes.", "--rejects", str(tmp_path / "bad.csv"))
    assert run(*config, *given, "--map", "Daily=briefing.morning") == 1
    out, err = capsys.readouterr()
    assert "8 rows (mailchimp): 2 added" in out
    assert "export.zip/subscribed_segment.csv:2: no e-mail address" in err
    assert (tmp_path / "bad-subscribed_segment.csv").exists()
    assert run(*config, *given, "--map", "Daily=briefing.noon") == 1
    assert "there is no briefing" in capsys.readouterr().err
    assert run(*config, "export", "--to", "listmonk", "--out", str(tmp_path / "for-listmonk")) == 0
    assert "people in" in capsys.readouterr().out
    with (tmp_path / "for-listmonk" / "subscribers.csv").open(encoding="utf-8", newline="") as file:
        told = {row["email"]: (row["status"], json.loads(row["attributes"])) for row in csv.DictReader(file)}
    assert told["jo@example.org"] == ("blocklisted", {})
    assert told["rita@example.org"][1]["tags"] == ["daily", "founders first"]
    assert run(*config, "export", "--to", "listmonk") == 2
