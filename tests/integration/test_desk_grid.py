"""All segments beside each other, and an edition beside the last one that was sent."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import loop, press
from newsletter.database import Database
from newsletter.editions import overrides
from newsletter.editions import store as editions
from newsletter.press import Site
from newsletter.press.compare import Fate, Piece, fates, lines, words
from newsletter.press.contents import Told
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from tests.desk import signed_in
from tests.sites import make_site

TODAY = "morning/2026-11-23"
TOMORROW = "morning/2026-11-24"


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    made = make_site(tmp_path / "site", on_sqlite, FixedClock())
    press.assemble(made, "morning")
    return made


def next_day(site: Site) -> None:
    """Sends today's edition, brings a changed story and a new one, and assembles tomorrow's."""
    clock = site.clock
    assert isinstance(clock, FixedClock)
    press.lock(site, TODAY)
    clock.advance(timedelta(hours=1))
    loop.run(press.send(site, TODAY))
    clock.advance(timedelta(hours=23))
    with site.database.writing() as session:
        now = clock.now()
        store(session, "harbour", now=now, headline="The <b>harbour</b> sinks", priority=1, published_at=now)
        store(session, "night-train", now=now, priority=4, published_at=now)
    press.assemble(site, "morning")


def row(page: str, story: str) -> str:
    """The row of a table whose heading begins with the words."""
    return next(part.split("</tr>")[0] for part in page.split("<tr") if f'scope="row">{story}' in part)


def test_the_grid_has_every_story_of_every_segment_and_marks_what_differs(site: Site) -> None:
    page = signed_in(site).get(f"/editions/{TODAY}/grid").text
    assert "differs" not in row(page, "Harbour")
    for slug in ("Ferry", "Olives"):
        assert "differs" in row(page, slug)
        assert "not in it" in row(page, slug) or "In brief" in row(page, slug)
    found = press.grid(site, TODAY)
    assert {one.slug for one in found.rows} == {"harbour", "ferry", "trains", "olives", "bank", "bridge"}
    for number, column in enumerate(found.columns):
        places = {place.number: one.slug for one in found.rows if (place := one.places[number])}
        assert [places[n] for n in sorted(places)] == [told.slug for told in column.stories]
        message = press.message_for(site, TODAY, column.segment)
        assert column.size.html_encoded > len(press.documents_for(site, TODAY, column.segment)[1]) * 0.9
        assert column.size.message > len(message)


def test_a_headline_of_one_segment_is_a_difference_and_so_is_its_subject(site: Site) -> None:
    with site.database.writing() as session:
        overrides.set_override(
            session, editions.find(session, TODAY), site.briefing("morning"), "headline", "harbour",
            clock=site.clock, by="Edith", segment="world", text="The sea",
        )  # fmt: skip
    page = signed_in(site).get(f"/editions/{TODAY}/grid").text
    assert "differs" in row(page, "Harbour")
    assert "The sea" in row(page, "Harbour")
    assert row(page, "Subject").count("differs") == 1


def test_a_frozen_edition_has_its_grid_still(site: Site) -> None:
    before = press.grid(site, TODAY)
    press.lock(site, TODAY)
    assert press.grid(site, TODAY) == before


def test_an_edition_is_compared_with_the_last_one_that_was_sent(site: Site) -> None:
    next_day(site)
    found = press.compare(site, TOMORROW, "world")
    assert found is not None
    assert found.before == TODAY
    told = {story.slug: story.kind for story in found.stories}
    assert told["harbour"] == "changed"
    assert told["night-train"] == "new"
    assert told["olives"] == "gone"
    page = signed_in(site).get(f"/editions/{TOMORROW}/compare?segment=world").text
    assert "1 new, 1 changed, " in page
    assert '<ins><span class="sr"> added: </span>The &lt;b&gt;harbour&lt;/b&gt; sinks</ins>' in page
    assert "removed: </span>Monday</del>" in page
    assert "[unsubscribe_url]" not in page, "links that are the same but for the reader are no difference"
    for key in (TODAY, TOMORROW):
        assert f'<iframe sandbox src="/editions/{key}/preview/mail?segment=world"' in page


def test_an_edition_without_one_before_it_says_so(site: Site) -> None:
    assert "No edition of Morning Briefing was sent before" in signed_in(site).get(f"/editions/{TODAY}/compare").text


@pytest.mark.parametrize("tab", ["grid", "compare"])
def test_an_edition_without_stories_says_so(site: Site, tab: str) -> None:
    next_day(site)
    with site.database.writing() as session:
        editions.ensure(session, "morning", date(2026, 11, 25), site.clock.now(), site.clock)
    page = signed_in(site).get(f"/editions/morning/2026-11-25/{tab}")
    assert page.status_code == 200
    assert "Nothing to see yet" in page.text


@pytest.mark.parametrize("edition", [TODAY, TOMORROW])
def test_a_segment_that_there_is_not_is_not_found(site: Site, edition: str) -> None:
    next_day(site)
    assert signed_in(site).get(f"/editions/{edition}/compare?segment=mars").status_code == 404


def told(story: int, version: int = 1) -> Told:
    return Told(story, version, f"s{story}", f"S{story}", "rest")


@pytest.mark.parametrize(
    ("before", "now", "kinds"),
    [
        ([1, 2, 3], [1, 2, 3], {1: "kept", 2: "kept", 3: "kept"}),
        ([1, 2, 3], [4, 1, 2, 3], {4: "new", 1: "kept", 2: "kept", 3: "kept"}),
        ([1, 2, 3, 4], [4, 1, 2, 3], {4: "moved", 1: "kept", 2: "kept", 3: "kept"}),
        ([1, 2], [2], {2: "kept", 1: "gone"}),
        ([], [1], {1: "new"}),
    ],
)
def test_a_story_moves_only_when_others_were_overtaken(
    before: list[int], now: list[int], kinds: dict[int, str]
) -> None:
    found = list(fates([told(one) for one in before], [told(one) for one in now]))
    assert {int(one.slug[1:]): one.kind for one in found} == kinds


@given(
    before=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 2)), unique_by=lambda one: one[0]),
    now=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 2)), unique_by=lambda one: one[0]),
)
def test_every_story_has_one_fate_and_its_numbers(before: list[tuple[int, int]], now: list[tuple[int, int]]) -> None:
    found: list[Fate] = list(fates([told(*one) for one in before], [told(*one) for one in now]))
    assert [one.now for one in found if one.now] == list(range(1, len(now) + 1))
    assert sorted(one.was for one in found if one.was) == list(range(1, len(before) + 1))
    assert all((one.kind == "new") == (one.was is None) and (one.kind == "gone") == (one.now is None) for one in found)


@given(before=st.text("ab \n", max_size=30), now=st.text("ab \n", max_size=30))
def test_a_difference_of_words_holds_both_lines(before: str, now: str) -> None:
    found = list(words(before, now))
    assert "".join(piece.words for piece in found if piece.change != "added") == before
    assert "".join(piece.words for piece in found if piece.change != "removed") == now


def test_a_difference_of_lines_shows_two_around_each_and_what_is_skipped() -> None:
    before = [str(number) for number in range(20)]
    now = [*before[:5], "five", *before[6:15], "fifteen", *before[16:]]
    assert list(lines(before, before)) == []
    found = list(lines(before, now))
    assert found[:6] == [
        Piece("same", "3"), Piece("same", "4"), Piece("removed", "5"), Piece("added", "five"), Piece("same", "6"),
        Piece("same", "7"),
    ]  # fmt: skip
    assert found[6] == Piece("skipped", "")
    assert len(found) == 13
