"""A story that says which segments get it goes to nobody else, whatever rules and editors say."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter import press
from newsletter.checks import Finding
from newsletter.database import Database
from newsletter.errors import Refused
from newsletter.press import Editor, Site
from newsletter.stories.draft import Unfit
from newsletter.stories.versions import digest
from newsletter.testing import FixedClock
from newsletter.testing.stories import draft, store
from tests.sites import make_site

KEY = "morning/2026-11-23"


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    return make_site(tmp_path / "site", database, clock)


def told(site: Site, segment: str) -> set[str]:
    """The stories in a segment's mail."""
    sections = press.variants(site, KEY)[segment].view.sections
    return {story.key for section in sections for story in section.stories}


def fenced(site: Site, slug: str, **fence: tuple[str, ...]) -> None:
    with site.database.writing() as session:
        store(session, slug, now=site.clock.now(), priority=2, **fence)


def findings(site: Site) -> list[Finding]:
    return [one for one in press.check(site, KEY) if one.code == "story-fence"]


@pytest.mark.parametrize("fence", [{"never_to": ("world",)}, {"only_to": ("europe",)}])
def test_a_story_is_left_out_for_whom_it_is_not_meant_and_the_board_says_so(
    site: Site, fence: dict[str, tuple[str, ...]]
) -> None:
    fenced(site, "tides", **fence)
    press.assemble(site, "morning")
    assert "tides" in told(site, "europe")
    assert "tides" not in told(site, "world")
    assert findings(site) == []
    (slot,) = (one for one in press.board(site, KEY).slots if one.story == "tides")
    assert slot.left_out_for == ("world",)


def test_no_pin_takes_it_to_them(site: Site) -> None:
    fenced(site, "tides", never_to=("europe",))
    press.assemble(site, "morning")
    with pytest.raises(Refused, match="tides says itself that europe never gets it"):
        press.decide(site, KEY, "pin", "tides", Editor("Edith"), section="near", segment="europe")
    press.decide(site, KEY, "pin", "tides", Editor("Edith"), section="near")
    assert "tides" not in told(site, "europe")
    assert "tides" in told(site, "world")


def test_an_older_version_without_the_fence_blocks_and_nobody_can_override_it(site: Site) -> None:
    fenced(site, "tides")
    press.assemble(site, "morning")
    fenced(site, "tides", never_to=("world",))
    (finding,) = findings(site)
    assert (finding.severity, finding.segments) == ("block", ("world",))
    with pytest.raises(Refused, match="cannot be overridden"):
        press.override(site, KEY, "story-fence", "Edith", "They may.")
    press.assemble(site, "morning")
    assert findings(site) == []
    assert "tides" not in told(site, "world")


def test_a_segment_that_there_is_not_is_named(site: Site) -> None:
    fenced(site, "tides", never_to=("wrold",))
    press.assemble(site, "morning")
    (finding,) = findings(site)
    assert (finding.severity, "“wrold”, which is no segment" in finding.message) == ("warn", True)


def test_a_segment_cannot_be_both() -> None:
    with pytest.raises(Unfit, match="which only_to names too"):
        draft(only_to=("europe",), never_to=("europe",))


def test_a_fence_is_content_and_having_none_changes_no_version() -> None:
    assert digest(draft(never_to=("world",))) != digest(draft())
    assert digest(draft(only_to=("a", "b"))) == digest(draft(only_to=("b", "a")))
