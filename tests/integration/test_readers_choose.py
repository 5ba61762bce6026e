"""What readers choose beside the briefings themselves: how often, and what the configuration lets them say; on both
engines."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter import press
from newsletter.audience.consentlog import log_of
from newsletter.audience.models import ChosenFrequency, Subscriber
from newsletter.database import Database
from newsletter.delivery.figures import Report
from newsletter.editions.store import ensure, find
from newsletter.press import Site
from newsletter.press.audience import audience
from newsletter.testing import FixedClock
from tests.desk import visitor
from tests.sites import CONFIG, make_site, outbox

KEY = "morning/2026-11-23"
"""Of a Monday."""
FREQUENCIES = """\
    frequencies:
      weekdays: {title: Monday to Friday, days: [mon, tue, wed, thu, fri]}
      weekend: {title: Saturdays only, days: [sat]}
    min_stories:"""
CHOICES = """\
choices:
  country: {title: Your edition, values: {DE: Germany, US: America}}
  attributes.topic: {title: What you care for, values: {sea: The sea, town: The town}}
briefings:
"""


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    config = CONFIG.replace("    min_stories:", FREQUENCIES, 1).replace("briefings:\n", CHOICES, 1)
    return make_site(tmp_path / "site", database, clock, config=config)


def link(site: Site, name: str) -> str:
    with site.database.reading() as session:
        number = session.scalars(select(Subscriber.id).where(Subscriber.email_norm == f"{name}@example.org")).one()
    return f"/p/{site.tokens.sign('preferences', 0, number, 'morning')}"


def choose(site: Site, name: str, often: str) -> str:
    data = {"action": "choose", "briefing": "morning", "often.morning": often}
    return visitor(site).ask("POST", link(site, name), data=data).text


def send(site: Site) -> tuple[Report, list[str]]:
    done = asyncio.run(press.send(site, KEY))
    return done, sorted(message_from_bytes(path.read_bytes())["To"] for path in outbox(site))


def log(site: Site, name: str) -> list[tuple[str, str, str]]:
    with site.database.reading() as session:
        found = log_of(session, f"{name}@example.org")[1:]
    return [(one.decision, one.briefing, one.wording) for one in found]


def test_a_reader_gets_the_days_of_the_frequency_that_they_chose(site: Site) -> None:
    assert "selected>Saturdays only" in choose(site, "rita", "weekend")
    choose(site, "omar", "weekdays")
    done, names = send(site)
    assert names == ["edith@example.org", "jo@example.org", "omar@example.org"]
    assert (done.frozen, done.counts.accepted, done.adds_up) == (3, 3, True)


def test_a_frequency_is_logged_once_and_taken_back_by_every_edition(site: Site) -> None:
    for often in ("weekend", "weekend", "weekdays", "", "", "nonsense"):
        choose(site, "rita", often)
    assert log(site, "rita") == [
        ("frequency", "morning", "Morning Briefing: Saturdays only"),
        ("frequency", "morning", "Morning Briefing: Monday to Friday"),
        ("frequency", "morning", "Morning Briefing: Every edition"),
    ]
    with site.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ChosenFrequency)) == 0
    assert len(send(site)[1]) == 4


def test_what_a_form_does_not_say_of_a_frequency_stays(site: Site) -> None:
    choose(site, "rita", "weekend")
    visitor(site).ask("POST", link(site, "rita"), data={"action": "choose", "briefing": "morning"})
    assert len(log(site, "rita")) == 1


def test_a_frequency_that_is_chosen_after_the_freeze_counts_for_what_is_not_sent_yet(site: Site) -> None:
    press.assemble(site, "morning")
    press.lock(site, KEY, now=True)
    choose(site, "rita", "weekend")
    done, names = send(site)
    assert len(names) == 3
    assert (done.counts.accepted, done.counts.suppressed, done.adds_up) == (3, 1, True)
    assert [one.reason for one in done.reasons] == ["the reader's choice"]


def test_a_frequency_that_the_briefing_offers_no_more_leaves_no_edition_out(site: Site) -> None:
    choose(site, "rita", "weekend")
    briefing = site.briefing("morning").model_copy(update={"frequencies": {}})
    plain = site.settings.model_copy(update={"briefings": {"morning": briefing}})
    assert len(send(Site(plain, site.database, site.clock))[1]) == 4


def test_what_is_usual_is_that_of_the_days_on_which_the_same_readers_get_it(site: Site, clock: FixedClock) -> None:
    """A Saturday with all the readers of the weekend does not make Monday's number unusual."""
    for name in ("rita", "omar"):
        choose(site, name, "weekend")
    press.assemble(site, "morning")
    with site.database.writing() as session:
        for days, readers in ((2, 40), (3, 2), (4, 2), (9, 40)):
            day = date(2026, 11, 23) - timedelta(days=days)
            last = ensure(session, "morning", day, clock.now(), clock)
            last.state, last.recipients, last.snapshot_done = "sent", readers, True
    with site.database.reading() as session:
        found = audience(site, session, find(session, KEY))
    assert (sum(found.readers.values()), found.usual, found.is_unusual) == (2, 2, False)


def test_a_reader_says_what_the_configuration_offers_and_segments_go_by_it(site: Site) -> None:
    data = {"action": "describe", "first_name": "Edith", "answer.country": "DE", "answer.attributes.topic": "sea"}
    page = visitor(site).ask("POST", link(site, "edith"), data=data).text
    assert ("selected>Germany" in page, "selected>The sea" in page) == (True, True)
    with site.database.reading() as session:
        one = session.scalars(select(Subscriber).where(Subscriber.email_norm == "edith@example.org")).one()
        assert (one.country, one.attributes) == ("DE", {"topic": "sea"})
        inside = session.scalars(select(Subscriber.email).where(site.segment("europe").clause())).all()
        assert sorted(inside) == ["edith@example.org", "omar@example.org", "rita@example.org"]
    visitor(site).ask("POST", link(site, "edith"), data={**data, "answer.attributes.topic": ""})
    with site.database.reading() as session:
        assert session.get_one(Subscriber, one.id).attributes == {}


@pytest.mark.parametrize(
    "wrong", [{"answer.country": "FR"}, {"answer.region": "north"}, {"answer.attributes.vip": "yes"}, {"answer.": "x"}]
)
def test_nothing_that_is_not_offered_is_taken(wrong: dict[str, str], site: Site) -> None:
    """Not another value, and not another field: what segments go by is not for everybody to write."""
    data = {"action": "describe", "first_name": "Rita", **wrong}
    assert visitor(site).ask("POST", link(site, "rita"), data=data).status_code == 422
    with site.database.reading() as session:
        one = session.scalars(select(Subscriber).where(Subscriber.email_norm == "rita@example.org")).one()
        assert (one.country, one.region, one.attributes) == ("DE", "", {})


def test_what_a_reader_has_and_is_not_offered_stays_until_they_choose(site: Site) -> None:
    path, reader = link(site, "omar"), visitor(site)
    assert 'value="FR" selected>FR' in reader.get(path).text
    reader.ask("POST", path, data={"action": "describe", "first_name": "Omar", "answer.country": "FR"})
    with site.database.reading() as session:
        found = session.scalars(select(Subscriber.country).where(Subscriber.email_norm == "omar@example.org")).one()
    assert found == "FR"
