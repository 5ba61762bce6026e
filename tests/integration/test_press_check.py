"""The checks of an edition out of a site: who would get it, and what its worst reader's message is."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from newsletter import press
from newsletter.audience.suppression import Reason, suppress
from newsletter.audience.transfer import import_csv
from newsletter.checks import Finding
from newsletter.database import Database
from newsletter.editions.store import ensure, find
from newsletter.press import Site
from newsletter.press.audience import audience
from newsletter.press.readers import FRESH, largest_reader
from newsletter.testing import FixedClock
from tests.sites import make_site

KEY, DAY = "morning/2026-11-23", date(2026, 11, 23)


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    made = make_site(tmp_path / "site", database, clock)
    press.assemble(made, "morning")
    return made


def found(site: Site) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in press.check(site, KEY)]


def readers(site: Site) -> dict[str, int]:
    with site.database.reading() as session:
        return dict(audience(site, session, find(session, KEY)).readers)


def add(site: Site, clock: FixedClock, rows: str) -> None:
    path = site.root / "more.csv"
    path.write_text(f"email,first_name,country\n{rows}", encoding="utf-8")
    import_csv(site.database, path, consent="Yes, mail me.", source="test", clock=clock)
    clock.advance(FRESH)


def test_an_ordinary_edition_has_no_finding(site: Site) -> None:
    assert press.check(site, KEY) == []


def test_a_reader_counts_in_the_first_segment_that_fits_and_not_when_suppressed(site: Site, clock: FixedClock) -> None:
    assert readers(site) == {"europe": 2, "world": 2}
    with site.database.writing() as session:
        suppress(session, "omar@example.org", Reason.MANUAL, clock)
    assert readers(site) == {"europe": 2, "world": 2}, "a count stands for a while"
    clock.advance(FRESH)
    assert readers(site) == {"europe": 1, "world": 2}


def test_a_segment_without_a_reader_is_named(site: Site, clock: FixedClock) -> None:
    with site.database.writing() as session:
        for email in ("rita@example.org", "omar@example.org"):
            suppress(session, email, Reason.MANUAL, clock)
    assert found(site) == [("empty-segment", "segment europe")]


def test_a_number_of_readers_that_the_lock_would_hold_is_found_before_it(site: Site, clock: FixedClock) -> None:
    with site.database.writing() as session:
        for days in (1, 2, 3):
            last = ensure(session, "morning", clock.now().date() - timedelta(days=days), clock.now(), clock)
            last.state, last.recipients, last.snapshot_done = "sent", 40, True
    (finding,) = press.check(site, KEY)
    assert (finding.code, finding.message) == (
        "audience-fence",
        "4 readers today, where 40 are usual: write the number to approve, or the lock holds",
    )


def test_the_worst_reader_has_a_name_as_long_as_the_longest_in_steps_of_twenty(site: Site, clock: FixedClock) -> None:
    add(site, clock, "jane@example.org,Janejanejanejanejanejanejane,US\n")
    with site.database.reading() as session:
        assert largest_reader(site, session, "morning", DAY).first_name == "R" * 40
    add(site, clock, "chi@example.org,和美和美和美和美和美,US\n")
    with site.database.reading() as session:
        assert largest_reader(site, session, "morning", DAY).first_name == "和" * 20


def test_a_sender_that_cannot_be_written_is_found_before_the_lock(site: Site) -> None:
    sender = site.briefing("morning").sender.model_copy(update={"reply_to": "no address"})
    briefing = site.briefing("morning").model_copy(update={"sender": sender})
    settings = site.settings.model_copy(update={"briefings": {"morning": briefing}})
    findings: list[Finding] = press.check(Site(settings, site.database, site.clock), KEY)
    assert [(one.code, one.severity) for one in findings] == [("headers", "block")]
