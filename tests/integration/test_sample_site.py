"""The sample site at the root of the repository: it loads, its stories import, its sections fill."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from newsletter import press
from newsletter.audience.segments import load_segments
from newsletter.audience.transfer import import_csv
from newsletter.clock import local_instant
from newsletter.config import Settings, load_settings
from newsletter.database import Database
from newsletter.editions.states import State
from newsletter.editions.store import assemble_edition, ensure, variant_slots
from newsletter.press import Site
from newsletter.stories.importers import import_sources
from newsletter.testing import FixedClock

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(ROOT / "config.yaml", {})


@pytest.fixture
def variants(settings: Settings, database: Database, clock: FixedClock) -> dict[str, dict[str, list[str]]]:
    """By segment and section: the slugs of the edition of 23 November."""
    report = import_sources(database, [str(ROOT / "stories")], clock, root=ROOT)
    assert report.problems == []
    briefing = settings.briefings["morning"]
    assert briefing.schedule is not None
    due = local_instant(DAY, briefing.schedule.time, settings.zone("morning"))
    with database.writing() as session:
        edition = ensure(session, "morning", DAY, due, clock)
        result = assemble_edition(session, edition, briefing, clock)
        assert (edition.state, result.skip, result.notes) == (State.READY.value, "", ())
        return {
            segment: {
                found.section.key: [place.version.story.slug for place in found.stories]
                for found in variant_slots(session, edition, briefing, segment)
            }
            for segment in briefing.segments
        }


def test_its_segments_are_those_that_the_briefing_names(settings: Settings) -> None:
    assert set(settings.briefings["morning"].segments) <= set(load_segments(settings.segments_file))


def test_every_reader_gets_every_section_filled(variants: dict[str, dict[str, list[str]]]) -> None:
    for sections in variants.values():
        assert {key: len(slugs) for key, slugs in sections.items()} == {
            "lead": 1,
            "near-you": 2,
            "briefs": 3,
            "explained": 1,
            "in-brief": 5,
        }
        assert sections["lead"] == ["harbour-vote"]


def test_each_region_gets_its_own_stories_and_shares_the_rest(variants: dict[str, dict[str, list[str]]]) -> None:
    near = [slug for sections in variants.values() for slug in sections["near-you"]]
    assert len(near) == len(set(near)) == 6
    rest = [{key: slugs for key, slugs in sections.items() if key != "near-you"} for sections in variants.values()]
    assert rest[0] == rest[1] == rest[2]


def test_held_and_embargoed_stories_stay_in(variants: dict[str, dict[str, list[str]]]) -> None:
    assert all((ROOT / "stories" / f"{slug}.md").is_file() for slug in ("harbour-audit", "budget-speech"))
    out = {slug for sections in variants.values() for slugs in sections.values() for slug in slugs}
    assert out.isdisjoint({"harbour-audit", "budget-speech"})


def test_the_checks_find_nothing(settings: Settings, database: Database, clock: FixedClock) -> None:
    site = Site(settings, database, clock)
    import_sources(database, [str(ROOT / "stories")], clock, root=ROOT)
    import_csv(database, ROOT / "subscribers" / "sample.csv", consent="Yes, mail me.", source="sample", clock=clock)
    key = press.assemble(site, "morning", DAY).key
    assert len(press.variants(site, key)) == 3
    assert press.check(site, key) == []
