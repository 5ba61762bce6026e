"""Many readers who leave with one click at the same moment: all of them are out, and they share the commits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import DBAPIError

from newsletter import press
from newsletter.audience.models import ConsentEvent, Subscriber, Suppression
from newsletter.audience.suppression import Reason, suppress
from newsletter.database import Database
from newsletter.press import Site, choices
from newsletter.press.oneclick import SAID, OneClick
from newsletter.testing import FixedClock
from newsletter.web import create_app
from tests.desk import URL
from tests.sites import make_site

READERS = 60


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    people = "".join(f"reader{number}@example.org,DE\n" for number in range(READERS))
    return make_site(tmp_path / "site", database, clock, readers=f"email,country\n{people}")


def numbers(site: Site) -> list[int]:
    with site.database.reading() as session:
        return [*session.scalars(select(Subscriber.id).order_by(Subscriber.id))]


def test_everyone_is_out_and_each_click_is_logged_once_in_far_fewer_commits(site: Site) -> None:
    commits = []
    event.listen(site.database.engine, "commit", lambda connection: commits.append(1))
    paths = [f"/u/{site.tokens.sign('unsubscribe', 1, number, 'morning')}" for number in numbers(site)]

    async def clicks() -> list[int]:
        transport = httpx.ASGITransport(app=create_app(site))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
            data = {"List-Unsubscribe": "One-Click"}
            answers = await asyncio.gather(*(client.post(path, data=data) for path in paths * 2))
        return [answer.status_code for answer in answers]

    before = len(commits)
    assert asyncio.run(clicks()) == [200] * (2 * READERS)
    assert len(commits) - before < READERS / 2
    with site.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Suppression)) == READERS
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == READERS


def test_of_a_group_each_gets_what_is_theirs(site: Site, clock: FixedClock) -> None:
    """Erased, gone already, suppressed by hand, and twice in one group."""
    gone, erased, by_hand, other, *_ = numbers(site)
    assert choices.leave(site, gone, "morning", SAID)
    with site.database.writing() as session:
        email = session.get_one(Subscriber, by_hand).email
        suppress(session, email, Reason.MANUAL, clock, "morning", "Omar knows why")
    with site.database.reading() as session:
        email = session.get_one(Subscriber, erased).email
    press.erase(site, email, SAID)
    pairs = [(number, "morning") for number in (gone, erased, by_hand, other, other, 10**9)] + [(other, "")]
    assert choices.leave_all(site, pairs, SAID) == 3
    with site.database.reading() as session:
        events = select(ConsentEvent.subscriber_id, ConsentEvent.briefing).where(ConsentEvent.decision == "left")
        rows = session.execute(events)
        assert sorted(map(tuple, rows)) == sorted(
            [(gone, "morning"), (by_hand, "morning"), (other, "morning"), (other, "")]
        )
        assert session.scalar(select(Suppression.note).where(Suppression.note != "")) == "was suppressed by hand"
    assert choices.come_back(site, by_hand, "morning", SAID)
    with site.database.reading() as session:
        kept = select(Suppression.reason).where(Suppression.reason == Reason.MANUAL.value)
        assert session.scalars(kept).all() == ["manual"]


def test_whoever_shares_a_commit_that_fails_is_told_and_the_next_one_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third, *_ = numbers(site)
    failing = [True]

    def leave_all(*given: object) -> int:
        if failing:
            failing.clear()
            raise DBAPIError("INSERT", None, OSError("the disk is full"))
        return real(*given)  # type: ignore[arg-type]

    real = choices.leave_all
    monkeypatch.setattr("newsletter.press.choices.leave_all", leave_all)

    async def clicks() -> tuple[list[BaseException | None], None]:
        one_click = OneClick(site)
        told = await asyncio.gather(
            one_click.leave(first, "morning"), one_click.leave(second, "morning"), return_exceptions=True
        )
        return told, await one_click.leave(third, "morning")

    told, _ = asyncio.run(clicks())
    assert [type(one) for one in told] == [DBAPIError, DBAPIError]
    with site.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Suppression)) == 1
