"""Readers in and out: import, export, erase, on both engines."""

from __future__ import annotations

import csv
import io
import stat
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text

from newsletter.audience import transfer
from newsletter.audience.models import Consent, Subscriber, Suppression
from newsletter.audience.subscribers import count, export, listing, show
from newsletter.audience.suppression import suppress
from newsletter.audience.transfer import TransferReport, import_csv
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.errors import ImportRefused, NotFound, Refused
from newsletter.testing import FixedClock
from tests.audience import erase, is_suppressed

WORDS = "Yes, send me the briefing."


def put(database: Database, clock: FixedClock, tmp_path: Path, content: str, **more: Any) -> TransferReport:
    path = tmp_path / "readers.csv"
    path.write_text(content, encoding="utf-8")
    return import_csv(database, path, **{"consent": WORDS, "source": "test", "clock": clock, **more})


def counts(report: TransferReport) -> tuple[int, ...]:
    """added, updated, unchanged, duplicates, suppressed, rejected, which the report promises to be all rows."""
    found = (
        report.added, report.updated, report.unchanged, report.duplicates, report.suppressed, report.rejected,
    )  # fmt: skip
    assert sum(found) + report.left + report.unconfirmed == report.rows
    return found


def stored(database: Database) -> dict[str, Subscriber]:
    with database.reading() as session:
        return {reader.email_norm: reader for reader in listing(session)}


def test_a_row_becomes_a_reader(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    report = put(
        database, clock, tmp_path,
        "E-mail;First name;Last name;Country;Region;Lang;TZ;Frequency;Tags;Plan;Visits\n"
        "Rita.Reader@Example.ORG;Rita;Reader;de;Berlin;en_gb;Europe/Berlin;Daily;Founders, politics;pro;12\n",
    )  # fmt: skip
    assert counts(report) == (1, 0, 0, 0, 0, 0)
    assert report.columns["Plan"] == "attributes.plan"
    rita = stored(database)["rita.reader@example.org"]
    assert rita.email == "Rita.Reader@example.org"
    assert (rita.first_name, rita.last_name, rita.country, rita.region) == ("Rita", "Reader", "DE", "Berlin")
    assert (rita.language, rita.timezone, rita.frequency) == ("en-GB", "Europe/Berlin", "daily")
    assert rita.tags == ["founders", "politics"]
    assert rita.attributes == {"plan": "pro", "visits": 12}
    assert len(rita.address_hash) == 32
    assert rita.created_at == rita.updated_at == clock.now()
    with database.reading() as session:
        assert session.get_one(Consent, rita.consent_id).wording == WORDS


def test_the_same_again_changes_nothing(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    content = 'email,name,tags,Score\nrita@example.org,Rita,a,1.5\nzoe@example.org,Zoë,"b,c",xy\n'
    put(database, clock, tmp_path, content)
    before = {norm: (r.id, r.updated_at, r.first_name, r.tags, r.attributes) for norm, r in stored(database).items()}
    clock.advance(timedelta(days=1))
    assert counts(put(database, clock, tmp_path, content, consent="Other words.")) == (0, 0, 2, 0, 0, 0)
    after = {norm: (r.id, r.updated_at, r.first_name, r.tags, r.attributes) for norm, r in stored(database).items()}
    assert after == before


def test_a_changed_row_updates_what_it_says_and_wipes_nothing(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    put(database, clock, tmp_path, "email,name,country,tags,plan,visits\nrita@example.org,Rita,DE,a,pro,1\n")
    created = clock.now()
    clock.advance(timedelta(days=1))
    report = put(
        database, clock, tmp_path, "email,name,country,tags,visits,city\nRITA@example.org,,FR,b,2,Köln\n",
        consent="Newer words.",
    )  # fmt: skip
    assert counts(report) == (0, 1, 0, 0, 0, 0)
    rita = stored(database)["rita@example.org"]
    assert (rita.email, rita.first_name, rita.country, rita.tags) == ("rita@example.org", "Rita", "FR", ["b"])
    assert rita.attributes == {"plan": "pro", "visits": 2, "city": "Köln"}
    assert (rita.created_at, rita.updated_at) == (created, clock.now())
    with database.reading() as session:
        assert session.get_one(Consent, rita.consent_id).wording == WORDS


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_the_last_of_two_rows_wins_field_by_field(
    database: Database, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(transfer, "BATCH", batch)
    content = "email,name,country\nrita@example.org,Rita,DE\nomar@example.org,Omar,\nRita@Example.org,Margarita,\n"
    assert counts(put(database, clock, tmp_path, content)) == (2, 0, 0, 1, 0, 0)
    rita = stored(database)["rita@example.org"]
    assert (rita.first_name, rita.country) == ("Margarita", "DE")
    assert counts(put(database, clock, tmp_path, content))[3:] == (1, 0, 0)


def test_bad_rows_go_to_the_reject_file_and_stop_nobody(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    content = (
        "email,name,country\n"
        "rita@example.org,Rita,DE\n"
        "not an address,Nobody,DE\n"
        "\n"
        'edith@example.org,"Edith, the editor",Germany\n'
        "omar@example.org,Omar\n"
        "zoe@example.org,Zoë,NO\n"
    )
    report = put(database, clock, tmp_path, content, rejects=rejects)
    assert counts(report) == (2, 0, 0, 0, 0, 3)
    assert set(stored(database)) == {"rita@example.org", "zoe@example.org"}
    with rejects.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["line", "reason", "email", "name", "country"]
    assert [(row[0], row[2:]) for row in rows] == [
        ("3", ["not an address", "Nobody", "DE"]),
        ("5", ["edith@example.org", "Edith, the editor", "Germany"]),
        ("6", ["omar@example.org", "Omar"]),
    ]
    assert "no ISO 3166 country code" in rows[1][1]
    assert [(line, reason) for _, line, reason in report.rejects] == [(int(row[0]), row[1]) for row in rows]
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    put(database, clock, tmp_path, "email\nrita@example.org\n", rejects=rejects)
    assert not rejects.exists()


def test_nothing_is_stored_of_what_is_refused_as_a_whole(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    path = tmp_path / "readers.csv"
    with pytest.raises(Refused, match="consent is empty"):
        put(database, clock, tmp_path, "email\nrita@example.org\n", consent=" ")
    with pytest.raises(ImportRefused, match="the file to import"):
        put(database, clock, tmp_path, "email\nrita@example.org\n", rejects=path)
    path.write_bytes(b"email\nrita@example.org\n\xff\n")
    with pytest.raises(ImportRefused, match="UTF-8"):
        import_csv(database, path, consent=WORDS, source="test", clock=clock)
    assert stored(database) == {}
    assert path.exists()


def test_an_import_brings_no_suppressed_address_back(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    content = "email,name\nrita@example.org,Rita\nedith@example.org,Edith\nomar@example.org,Omar\n"
    put(database, clock, tmp_path, content)
    erase(database, "rita@example.org", clock)
    with database.writing() as session:
        suppress(session, "edith@example.org", "unsubscribed", clock)
        suppress(session, "omar@example.org", "unsubscribed", clock, briefing="morning")
    changed = content.replace("Rita", "R").replace("Edith", "E").replace(",Omar", ",O") + "RITA@Example.org,again\n"
    assert counts(put(database, clock, tmp_path, changed)) == (0, 1, 0, 0, 3, 0)
    readers = stored(database)
    assert {norm: reader.first_name for norm, reader in readers.items()} == {
        "edith@example.org": "Edith",
        "omar@example.org": "O",
    }
    with database.reading() as session:
        for briefing, names in (("morning", ["rita", "edith", "omar"]), ("evening", ["rita", "edith"])):
            assert [
                n for n in ("rita", "edith", "omar") if is_suppressed(session, f"{n}@example.org", briefing)
            ] == names


def test_an_interrupted_import_goes_on_when_it_is_run_again(
    database: Database, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "BATCH", 10)
    content = "email,visits\n" + "".join(f"reader{number}@example.org,{number}\n" for number in range(25))

    def stop(line: int, lines: int) -> None:
        assert (line, lines) == (11, 26)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put(database, clock, tmp_path, content, progress=stop)
    assert len(stored(database)) == 10
    done: list[tuple[int, int]] = []
    report = put(database, clock, tmp_path, content, progress=lambda line, lines: done.append((line, lines)))
    assert counts(report) == (15, 0, 10, 0, 0, 0)
    assert done == [(11, 26), (21, 26), (26, 26)]
    assert len(stored(database)) == 25


def test_the_page_cache_of_sqlite_is_as_large_afterwards_as_before(clock: FixedClock, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'own.db'}")
    upgrade(database)
    sizes = []
    for _ in range(2):
        with database.write_connection() as connection:
            sizes.append(connection.execute(text("PRAGMA cache_size")).scalar_one())
        put(database, clock, tmp_path, "email\nrita@example.org\n")
    assert sizes[0] == sizes[1]
    database.close()


rows = st.lists(
    st.tuples(
        st.sampled_from(["rita@example.org", "Rita@Example.org", "omar@example.org", "zoe@example.com", "gone@example.org", "no"]),
        st.sampled_from(["", "Rita", "Omar"]),
        st.sampled_from(["", "DE", "fr", "Germany"]),
        st.sampled_from(["", "a", "b,a"]),
        st.sampled_from(["", "1", "x"]),
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=40)
@given(before=rows, content=rows, batch=st.sampled_from([1, 2, 3, 50]))
def test_every_row_is_accounted_for_whatever_the_batch(
    database: Database, tmp_path: Path, before: list[tuple[str, ...]], content: list[tuple[str, ...]], batch: int
) -> None:
    """Against a plain model: rows one after the other into a dictionary."""
    clock = FixedClock()
    with database.writing() as session:
        session.execute(delete(Subscriber))
        suppress(session, "gone@example.org", "unsubscribed", clock)

    def sheet(some: list[tuple[str, ...]]) -> str:
        out = io.StringIO()
        csv.writer(out).writerows([("email", "name", "country", "tags", "plan"), *some])
        return out.getvalue()

    def told(some: list[tuple[str, ...]], readers: dict[str, dict[str, Any]]) -> Counter[str]:
        seen: Counter[str] = Counter()
        old = {norm: dict(reader) for norm, reader in readers.items()}
        met: set[str] = set()
        for email, name, country, tags, plan in some:
            norm = email.lower()
            if norm == "no" or country == "Germany":
                seen["rejected"] += 1
            elif norm == "gone@example.org":
                seen["suppressed"] += 1
            else:
                given_ = {"name": name, "country": country.upper(), "tags": tags, "plan": plan}
                readers.setdefault(norm, {}).update({key: value for key, value in given_.items() if value})
                seen["duplicates"] += norm in met
                met.add(norm)
        for norm in met:
            seen["added" if norm not in old else "first"] += 1
        return seen

    readers: dict[str, dict[str, Any]] = {}
    told(before, readers)
    put(database, clock, tmp_path, sheet(before))
    expected = told(content, readers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "BATCH", batch)
        report = put(database, clock, tmp_path, sheet(content))
    counts(report)
    assert (report.rejected, report.suppressed, report.duplicates, report.added) == tuple(
        expected[name] for name in ("rejected", "suppressed", "duplicates", "added")
    )
    assert report.updated + report.unchanged == expected["first"]
    assert {
        norm: {
            "name": r.first_name,
            "country": r.country,
            "tags": ",".join(r.tags),
            "plan": str(r.attributes.get("plan", "")),
        }
        for norm, r in stored(database).items()
    } == {
        norm: {key: reader.get(key, "") for key in ("name", "country", "tags", "plan")}
        for norm, reader in readers.items()
    }


def test_an_export_reads_back_the_same(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    hostile = ["=1+1", "+49 30", "-x", "@me", "'=x", "'t Hooft", 'Zoë "Z"', "a,b;c", "美雪", "10", "007", "2.5", "-4"]
    path = tmp_path / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("email", "first_name", "region", "tags", "note", "città")]
            + [(f"r{n}@example.org", word, word, "a,b", word, "x") for n, word in enumerate(hostile)]
        )  # fmt: skip
    assert import_csv(database, path, consent=WORDS, source="t", clock=clock).added == len(hostile)
    before = stored(database)
    assert {reader.attributes["note"] for reader in before.values()} >= {10, "007", 2.5, -4, "=1+1", "'t Hooft"}
    out = io.StringIO()
    assert export(database, out) == len(hostile)
    for cells in list(csv.reader(io.StringIO(out.getvalue())))[1:]:
        for cell in cells:
            assert cell[:1] not in ("=", "+", "@") and (cell[:1] != "-" or cell == "-4")  # noqa: PT018
    assert counts(put(database, clock, tmp_path, out.getvalue())) == (0, 0, len(hostile), 0, 0, 0)
    with database.writing() as session:
        session.execute(delete(Subscriber))
    assert put(database, clock, tmp_path, out.getvalue()).added == len(hostile)
    again = io.StringIO()
    export(database, again)
    assert again.getvalue() == out.getvalue().replace(",t,", ",test,")


def test_an_export_says_when_to_what_and_who_left(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    put(database, clock, tmp_path, "email\nrita@example.org\nedith@example.org\nomar@example.org\n")
    with database.writing() as session:
        suppress(session, "rita@example.org", "bounce", clock)
        suppress(session, "rita@example.org", "unsubscribed", clock, briefing="morning")
        suppress(session, "edith@example.org", "unsubscribed", clock, briefing="morning")
    out = io.StringIO()
    export(database, out)
    found = {row["email"]: row for row in csv.DictReader(io.StringIO(out.getvalue()))}
    assert {email: row["suppressed"] for email, row in found.items()} == {
        "rita@example.org": "bounce, morning=unsubscribed",
        "edith@example.org": "morning=unsubscribed",
        "omar@example.org": "",
    }
    omar = found["omar@example.org"]
    assert (omar["created"], omar["consent"], omar["consent source"]) == ("2026-11-23T04:00:00+00:00", WORDS, "test")


def test_erasing_leaves_the_salted_hash_alone(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    put(database, clock, tmp_path, "email,name\nrita@example.org,Rita\n")
    with database.writing() as session:
        suppress(session, "rita@example.org", "unsubscribed", clock, briefing="morning", note="Rita said so")
        suppress(session, "rita@example.org", "complaint", clock, note="rita@example.org complained")
    assert erase(database, "Rita@Example.org", clock)
    with database.reading() as session:
        assert count(session) == 0
        (row,) = session.scalars(select(Suppression))
        assert (row.briefing, row.email_norm, row.reason, row.note) == ("", None, "erased", "")
        assert is_suppressed(session, "rita@example.org", "evening")
        assert show(session, "rita@example.org").subscriber is None
    assert not erase(database, "rita@example.org", clock)
    assert not erase(database, "stranger@example.org", clock)
    with database.reading() as session:
        assert is_suppressed(session, "stranger@example.org", "morning")
        assert session.scalar(select(func.count()).select_from(Suppression)) == 2


def test_the_number_of_an_erased_reader_is_never_given_again(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    """Signed links and the ledger name readers by number."""
    put(database, clock, tmp_path, "email\nrita@example.org\n")
    number = stored(database)["rita@example.org"].id
    erase(database, "rita@example.org", clock)
    put(database, clock, tmp_path, "email\nomar@example.org\n")
    assert stored(database)["omar@example.org"].id > number


def test_a_person_is_shown_with_consent_and_suppressions(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    put(database, clock, tmp_path, "email,name\nrita@example.org,Rita\n")
    with database.writing() as session:
        suppress(session, "rita@example.org", "unsubscribed", clock, briefing="morning")
        suppress(session, "other@example.org", "manual", clock)
    with database.reading() as session:
        person = show(session, " RITA@example.org")
        assert person.subscriber is not None
        assert person.consent is not None
        assert (person.subscriber.first_name, person.consent.wording) == ("Rita", WORDS)
        assert [row.briefing for row in person.suppressions] == ["morning"]
        assert show(session, "other@example.org").consent is None
        with pytest.raises(NotFound, match="no reader with this address"):
            show(session, "nobody@example.org")


def test_readers_are_listed_in_pages(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    put(database, clock, tmp_path, "email\n" + "".join(f"r{n}@example.org\n" for n in range(5)))
    with database.reading() as session:
        first = listing(session, limit=2)
        rest = listing(session, after=first[-1].id)
        assert [r.email[:2] for r in (*first, *rest)] == ["r0", "r1", "r2", "r3", "r4"]
        assert count(session, Subscriber.email_norm == "r1@example.org") == 1
