"""The whole way of a briefing through the press, on both engines."""

from __future__ import annotations

import asyncio
import email
import email.policy
from datetime import date
from pathlib import Path

import pytest
from lxml.html import fromstring as html_of

from newsletter import press
from newsletter.backends.base import Result
from newsletter.checks import blocks
from newsletter.database import Database
from newsletter.delivery.ledger import Recipient
from newsletter.editions.overrides import set_lines, set_override
from newsletter.editions.store import ensure, find
from newsletter.errors import Refused, WrongState
from newsletter.press import Site
from newsletter.press.messages import MessageBuilder, compiled_as_now
from newsletter.rendering.wire import lint
from newsletter.stories.importers import import_sources
from newsletter.stories.models import StoryStatus
from newsletter.stories.store import find as find_story
from newsletter.stories.store import kill
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from tests.sites import CONFIG, make_site, outbox

KEY = "morning/2026-11-23"


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    return make_site(tmp_path / "site", database, clock)


def send(site: Site, **options: bool) -> dict[str, object]:
    return asyncio.run(press.send(site, KEY, **options)).as_dict()


def test_an_edition_goes_from_stories_to_every_reader_once(site: Site) -> None:
    """One mail for each reader, its text, HTML and headers whole; a second send sends nothing."""
    press.assemble(site, "morning")
    assert not blocks(press.check(site, KEY))
    report = asyncio.run(press.send(site, KEY))
    assert report.adds_up
    assert report.counts.accepted == report.counts.total == 4
    first = {path: path.read_bytes() for path in outbox(site)}
    assert len(first) == 4
    recipients = set()
    for data in first.values():
        wire = data if b"\r\n" in data else data.replace(b"\n", b"\r\n")
        assert lint(wire) == []
        message = email.message_from_bytes(data, policy=email.policy.default)
        recipients.add(message["To"])
    assert recipients == {"rita@example.org", "omar@example.org", "edith@example.org", "jo@example.org"}
    again = asyncio.run(press.send(site, KEY))
    assert again.counts == report.counts
    assert {path: path.read_bytes() for path in outbox(site)} == first


def test_readers_of_a_region_get_its_stories(site: Site) -> None:
    press.assemble(site, "morning")
    seen = press.variants(site, KEY)
    near = {name: next(s for s in variant.view.sections if s.key == "near") for name, variant in seen.items()}
    assert near["europe"].title == "In Europe"
    assert {story.key for story in near["europe"].stories} == {"ferry", "trains"}
    assert {story.key for story in near["world"].stories} == {"olives"}


def test_what_was_approved_is_what_goes_out(site: Site, tmp_path: Path, clock: FixedClock) -> None:
    """A change after the approval voids it, and the send says so."""
    site = make_site(
        tmp_path / "site",
        site.database,
        clock,
        config=CONFIG.replace("    min_stories", "    approval: required\n    min_stories"),
        readers="",
    )
    press.assemble(site, "morning")
    with pytest.raises(Refused, match="waits for an approval"):
        send(site)
    press.approve(site, KEY, "Edith")
    with site.database.writing() as session:
        set_lines(session, find(session, KEY), {"subject": "Something else"}, clock=clock, by="Edith")
    with pytest.raises(Refused, match="waits for an approval"):
        send(site)
    press.approve(site, KEY, "Edith")
    assert send(site)["adds_up"]


def test_an_approval_is_for_the_rules_of_the_audience_too(site: Site, tmp_path: Path, clock: FixedClock) -> None:
    press.assemble(site, "morning")
    press.approve(site, KEY, "Edith")
    rules = site.settings.segments_file
    rules.write_text(rules.read_text(encoding="utf-8").replace("[DE, FR]", "[DE]"), encoding="utf-8")
    with pytest.raises(Refused, match="not what was approved"):
        asyncio.run(press.send(Site(site.settings, site.database, clock), KEY))


def test_a_killed_story_stops_the_send(site: Site) -> None:
    """Killed between lock and send: nobody gets it, the edition is held with the reason."""
    press.assemble(site, "morning")
    press.lock(site, KEY)
    with site.database.writing() as session:
        kill(session, "harbour", site.clock.now())
    report = asyncio.run(press.send(site, KEY))
    assert report.counts.accepted == 0
    assert report.adds_up
    with site.database.reading() as session:
        edition = find(session, KEY)
        assert edition.state == "held"
        assert "harbour" in edition.reason


def test_a_blocking_finding_stops_the_send(site: Site, clock: FixedClock) -> None:
    press.assemble(site, "morning")
    with site.database.writing() as session:
        edition = find(session, KEY)
        set_override(
            session,
            edition,
            site.briefing("morning"),
            "headline",
            "harbour",
            clock=clock,
            text="HOLD FOR RELEASE",
            by="Edith",
        )
    with pytest.raises(Refused, match="tripwires"):
        send(site)
    assert outbox(site) == []


def test_a_number_of_readers_far_from_the_usual_one_holds_the_edition(
    site: Site, tmp_path: Path, clock: FixedClock
) -> None:
    """And a person's release lets it go."""
    press.assemble(site, "morning")
    send(site)
    clock.advance(86400)
    more = "email,country\n" + "".join(f"r{n}@example.org,DE\n" for n in range(20))
    site = make_site(tmp_path / "other", site.database, clock, readers=more)
    with site.database.writing() as session:
        for number in range(3):
            store(session, f"new-{number}", now=clock.now())
    key = "morning/2026-11-24"
    press.assemble(site, "morning")
    with pytest.raises(Refused, match="24 readers, where 4 are usual"):
        asyncio.run(press.send(site, key))
    press.release(site, key, "Omar")
    assert asyncio.run(press.send(site, key)).counts.accepted == 24


def test_an_aborted_edition_reaches_nobody_else(site: Site) -> None:
    press.assemble(site, "morning")
    press.lock(site, KEY)
    assert press.abort(site, KEY, "Omar", "wrong lead") == 4
    report = asyncio.run(press.send(site, KEY))
    assert report.counts.withdrawn == 4
    assert report.adds_up
    with pytest.raises(WrongState):
        press.release(site, KEY, "Omar")


def test_too_few_stories_are_skipped_with_the_reason(site: Site, clock: FixedClock) -> None:
    with site.database.writing() as session:
        for slug in ("harbour", "ferry", "trains", "olives", "bank", "bridge"):
            kill(session, slug, clock.now())
    edition = press.assemble(site, "morning")
    assert edition.state == "skipped"
    assert edition.reason
    with pytest.raises(Refused, match="skipped"):
        send(site)


def test_a_test_copy_goes_to_allowed_addresses_only_and_to_no_ledger(site: Site) -> None:
    press.assemble(site, "morning")
    with pytest.raises(Refused, match="test_addresses"):
        asyncio.run(press.test_send(site, KEY, "rita@example.org"))
    outcome = asyncio.run(press.test_send(site, KEY, "anyone@staff.example.org"))
    assert outcome.result == Result.ACCEPTED
    (path,) = outbox(site)
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["Subject"].startswith("[Test] ")
    assert message["X-Newsletter-Test"]
    assert press.report(site, KEY).counts.total == 0


def test_a_message_is_a_function_of_edition_and_reader(site: Site) -> None:
    press.assemble(site, "morning")
    assert press.message_for(site, KEY, "europe", "rita@example.org") == press.message_for(
        site, KEY, "europe", "rita@example.org"
    )
    send(site)
    sent = {path.read_bytes() for path in outbox(site)}
    assert press.message_for(site, KEY, "europe", "rita@example.org") in sent


def test_the_plan_shows_the_week_with_its_clock_changes(site: Site) -> None:
    planned = press.upcoming(site, 7)
    assert len(planned) == 14
    assert planned[0].key == KEY
    assert planned[0].local == "Mon 23 Nov 06:00 CET"
    site.clock.advance((date(2027, 3, 27) - date(2026, 11, 23)).days * 86400)  # type: ignore[attr-defined]
    assert any("forward" in one.note for one in press.upcoming(site, 3))


def test_the_mail_shows_every_part_of_a_bare_note(site: Site) -> None:
    """Summary as the preheader, picture, headline, four paragraphs and three labelled bullets, in HTML and in text."""
    sample = Path(__file__).parent.parent / "samples" / "briefing-note.txt"
    assert import_sources(site.database, [str(sample)], site.clock, default_status=StoryStatus.USABLE).ok
    with site.database.writing() as session:
        note = find_story(session, "voters-back-the-harbour-plan")
        edition = ensure(session, "morning", date(2026, 11, 23), site.clock.now(), site.clock)
        rules = site.briefing("morning")
        set_override(session, edition, rules, "pin", note.slug, clock=site.clock, section="lead", by="Edith")
    press.assemble(site, "morning")
    send(site)
    (path,) = [path for path in outbox(site) if b"To: rita@example.org" in path.read_bytes()]
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    html = html_of(message.get_body(("html",)).get_content())
    text = " ".join(message.get_body(("plain",)).get_content().split())
    for words in (
        "Voters back the harbour plan",
        "The council said that it had won “a clear and lasting mandate” on Monday",
        "“We asked a simple question, and we got a simple answer,” Mayor Ines Okafor said at the count.",
        "The result ends twelve years of argument about the waterfront.",
        "Opponents did not say whether they would go to court.",
        "The plan is now put at 640 million, up from 410 million when it was first proposed.",
        "Our reporters spoke to fishing crews",
        "The council meets on Thursday to name a contractor",
        "Costs",
        "On the quays",
        "Next",
    ):
        assert words in " ".join(html.text_content().split()), words
        assert words in text, words
    assert "Port Maren votes on its harbour." in html.text_content()
    (picture,) = [image for image in html.iter("img") if "harbour-articleLarge" in image.get("src")]
    assert picture.get("src").endswith("harbour-articleLarge.jpg?quality=75&auto=webp&disable=upscale")
    assert picture.get("alt") == "The old harbour at dawn, with three cranes standing idle over the water."


def test_a_sender_whose_domain_has_letters_of_its_own_reaches_its_readers(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    config = CONFIG.replace("morning@courier.example.org", "morning@straße.example")
    site = make_site(tmp_path / "site", database, clock, config=config)
    press.assemble(site, "morning")
    data = press.message_for(site, KEY, "europe", "rita@example.org")
    assert lint(data) == []
    assert b" <mailto:morning@xn--strae-oqa.example?subject=unsubscribe%20" in data


def test_many_messages_are_the_bytes_that_each_reader_would_get_alone(site: Site) -> None:
    press.assemble(site, "morning")
    edition, compiled = compiled_as_now(site, KEY, "world")
    builder = MessageBuilder(site, edition, compiled)
    readers = [
        Recipient(number, address, name, 0)
        for number, (address, name) in enumerate(
            [
                ("rita@example.org", "Rita"),
                ("zoë@example.org", "Zoë"),
                ("omar@bücher.example", ""),
                ("jo@a.example", "Jo"),
            ],
            1,
        )
    ]
    made = {message.subscriber: message for message in builder.many(readers)}
    assert sorted(made) == [1, 4]
    for reader in readers:
        alone = builder(reader)
        found = made.get(reader.subscriber, alone)
        assert (found.data, found.recipient, found.sender, found.plain, found.international) == (
            alone.data, alone.recipient, alone.sender, alone.plain, alone.international,
        )  # fmt: skip
