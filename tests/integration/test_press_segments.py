"""Live counts of segments: the same as asking every reader, on both engines; samples; and what is shown of them."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, not_, or_, select, update

from newsletter import press
from newsletter.accounts import Role
from newsletter.audience import rules
from newsletter.audience.addresses import address_hash
from newsletter.audience.headcount import Head, headcount, sample
from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.rules import Rule
from newsletter.audience.suppression import Reason, lift, suppress, suppressed_clause
from newsletter.audience.transfer import import_csv
from newsletter.database import Database
from newsletter.errors import NotFound, SegmentError
from newsletter.press import Site
from newsletter.testing import FixedClock
from tests.acceptance.commands import run
from tests.audience import erase
from tests.desk import signed_in
from tests.sites import SEGMENTS, make_site

RULES: dict[str, Rule] = {
    "germany": rules.Text("country", ("DE",)),
    "english": rules.Language(("en",)),
    "tagged": rules.Tagged(("a", 'q"t')),
    "deep": rules.Not(rules.Either((rules.All((rules.Exists("tags"), rules.Text("region", ("X",)))), rules.Language(("de",))))),
    "often": rules.AttributeNumber("visits", least=3),
    "new": rules.Not(rules.Since(first=None, last=None)),
    "everyone": rules.Everyone(),
}  # fmt: skip
BRIEFINGS = {"morning": ["germany", "often", "everyone"], "evening": ["tagged", "english"], "empty": []}


def fill(database: Database, clock: FixedClock, folder: Path) -> None:
    dice = random.Random(5)
    lines = ["email,country,language,region,tags,visits"] + [
        f"r{number}@example.org,{dice.choice(['DE', 'FR', ''])},{dice.choice(['en', 'en-GB', 'de', ''])},"
        f"{dice.choice(['X', ''])},{dice.choice(['', 'a;b', 'c', chr(34) + 'q' + chr(34) * 2 + 't' + chr(34)])},{dice.choice(['', 1, 3, 5])}"
        for number in range(300)
    ]
    (folder / "readers.csv").write_text("\n".join(lines), encoding="utf-8")
    import_csv(database, folder / "readers.csv", consent="yes", source="test", clock=clock)
    with database.writing() as session:
        for number in range(300):
            if dice.random() < 0.2:
                suppress(session, f"r{number}@example.org", dice.choice(["manual", "bounce"]), clock)
            if dice.random() < 0.2:
                suppress(session, f"r{number}@example.org", "unsubscribed", clock, dice.choice(["morning", "evening"]))
        days = timedelta(days=1)
        session.execute(update(Subscriber).where(Subscriber.id % 9 == 0).values(paused_until=clock.now() + days))
        session.execute(update(Subscriber).where(Subscriber.id % 9 == 1).values(paused_until=clock.now() - days))


def test_counts_are_what_asking_every_reader_says(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    fill(database, clock, tmp_path)
    now = clock.now()
    with database.reading() as session:

        def asked(*clauses: object) -> int:
            return session.scalar(select(func.count()).select_from(Subscriber).where(*clauses)) or 0  # type: ignore[arg-type]

        found = headcount(session, RULES, BRIEFINGS, now)
        everywhere = not_(suppressed_clause("", now))
        assert found.segments == {
            key: Head(asked(rule.clause()), asked(rule.clause(), everywhere)) for key, rule in RULES.items()
        }
        for briefing, names in BRIEFINGS.items():
            before: list[object] = []
            for name in names:
                clause = RULES[name].clause()
                gets = not_(suppressed_clause(briefing, now))
                first = [not_(or_(*before))] if before else []  # type: ignore[arg-type]
                assert found.briefings[briefing][name] == asked(clause, gets, *first), (briefing, name)
                before.append(clause)
        assert found.briefings["empty"] == {}
        assert 0 < found.briefings["morning"]["everyone"] < found.segments["everyone"].mailed < 300


def test_who_is_stopped_is_known_by_the_database_itself(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    """However a suppression or a reader comes, changes or goes."""

    def stopped() -> set[str]:
        with database.reading() as session:
            wrong = select(Subscriber.email).where(
                (Subscriber.stopped == 1)
                != select(1)
                .where(Suppression.address_hash == Subscriber.address_hash, Suppression.briefing == "")
                .exists()
            )
            assert session.scalars(wrong).all() == []
            return set(session.scalars(select(Subscriber.email).where(Subscriber.stopped == 1)))

    site = make_site(tmp_path, database, clock)
    with database.writing() as session:
        suppress(session, "rita@example.org", Reason.MANUAL, clock)
        suppress(session, "omar@example.org", Reason.UNSUBSCRIBED, clock, "morning")
        suppress(session, "late@example.org", Reason.BOUNCE, clock)
    assert stopped() == {"rita@example.org"}
    with database.writing() as session:
        assert lift(session, "rita@example.org", clock)
        session.execute(update(Suppression).where(Suppression.briefing == "morning").values(briefing=""))
    assert stopped() == {"omar@example.org"}
    with database.writing() as session:
        late = session.scalars(select(Suppression).where(Suppression.email_norm == "late@example.org")).one()
        session.execute(
            update(Subscriber).where(Subscriber.email == "jo@example.org").values(address_hash=late.address_hash)
        )
        session.execute(
            update(Suppression)
            .where(Suppression.email_norm == "omar@example.org")
            .values(address_hash=address_hash(b"other", "x"))
        )
    assert stopped() == {"jo@example.org"}
    erase(database, "edith@example.org", clock)
    with database.writing() as session:
        reader = session.scalars(select(Subscriber).where(Subscriber.email == "rita@example.org")).one()
        session.add(
            Suppression(address_hash=b"n" * 32, briefing="", email_norm=None, reason="erased", note="", at=clock.now())
        )
        session.flush()
        session.add(
            Subscriber(email="n@example.org", email_norm="n@example.org", address_hash=b"n" * 32, tags=[], attributes={},
                       consent_id=reader.consent_id, created_at=clock.now(), updated_at=clock.now())
        )  # fmt: skip
    assert stopped() == {"jo@example.org", "n@example.org"}
    assert press.live_segments(site)[1].fits == 4


def test_a_sample_has_only_those_who_get_mail(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    fill(database, clock, tmp_path)
    with database.reading() as session:
        clause = not_(suppressed_clause("", clock.now()))
        everyone = set(session.scalars(select(Subscriber.id).where(RULES["germany"].clause(), clause)))
        found = [one.id for one in sample(session, RULES["germany"], clock.now(), 10)]
        assert len(found) == 10
        assert set(found) <= everyone
        assert len(sample(session, RULES["germany"], clock.now(), 500)) == len(everyone)


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    return make_site(tmp_path, on_sqlite, FixedClock())


def test_the_commands_count_and_sample(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with site.database.writing() as session:
        suppress(session, "rita@example.org", "bounce", site.clock)
        suppress(session, "edith@example.org", "unsubscribed", site.clock, "morning")
    config = ("--config", str(site.root / "config.yaml"), "segments")
    assert run(*config, "list", "--json") == 0
    europe, world = json.loads(capsys.readouterr().out)
    assert (europe["readers"], europe["mailed"], europe["briefings"]) == (2, 1, {"morning": 1})
    assert (world["readers"], world["mailed"], world["briefings"]) == (4, 3, {"morning": 1})
    assert run(*config, "list") == 0
    assert "morning 1" in capsys.readouterr().out
    assert run(*config, "sample", "europe", "-n", "5", "--json") == 0
    assert [one["email"] for one in json.loads(capsys.readouterr().out)] == ["omar@example.org"]
    assert run(*config, "sample", "moon") == 1
    assert "there is europe, world" in capsys.readouterr().err


def test_a_rule_that_errs_names_its_line_and_one_that_is_mended_counts_at_once(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    path = site.settings.segments_file
    path.write_text("world:\n  backend: outbox\n  rule:\n    contry: DE\n")
    with pytest.raises(SegmentError, match="did you mean country"):
        press.live_segments(site)
    assert run("--config", str(site.root / "config.yaml"), "segments", "list") == 2
    assert "segments.yaml:4: unknown field “contry”" in capsys.readouterr().err
    path.write_text(SEGMENTS)
    assert press.live_segments(site)[0].fits == 2
    with pytest.raises(NotFound, match="no segment"):
        press.sample_of(site, "moon")


def test_the_desk_counts_for_all_and_shows_addresses_to_operators_alone(site: Site) -> None:
    with site.database.writing() as session:
        suppress(session, "edith@example.org", "unsubscribed", site.clock, "morning")
    viewer = signed_in(site, "Rita", Role.VIEWER)
    page = viewer.get("/segments").text
    assert "Morning Briefing: 1" in page
    assert "@example.org" not in page
    assert "/sample" not in page
    assert viewer.get("/segments/world/sample").status_code == 403
    operator = signed_in(site, "Omar", Role.OPERATOR)
    assert "/segments/world/sample" in operator.get("/segments").text
    assert "omar@example.org" in operator.get("/segments/europe/sample").text
    assert operator.get("/segments/moon/sample").status_code == 404
    site.settings.segments_file.write_text("world:\n  backend: outbox\n  rule:\n    contry: DE\n")
    assert "segments.yaml:4: unknown field “contry”" in viewer.get("/segments").text
