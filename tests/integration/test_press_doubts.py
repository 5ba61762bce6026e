"""Readers in doubt and what one reader got, on both engines."""

from __future__ import annotations

import asyncio
import email
import email.policy
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from newsletter import press
from newsletter.audience.consent import Said
from newsletter.audience.models import Subscriber
from newsletter.audience.suppression import Reason, suppress
from newsletter.database import Database
from newsletter.delivery.models import PUT_BACK, BatchState, Status, attempt, batch, delivery
from newsletter.delivery.report import report
from newsletter.editions.models import EditionEvent
from newsletter.errors import NotFound, Refused, WrongState
from newsletter.press import Site
from newsletter.testing import FixedClock
from tests.sites import make_site, outbox

KEY = "morning/2026-11-23"
READERS = """\
email,first_name,country
rita@example.org,Rita,DE
omar+drop@example.org,Omar,FR
edith+drop@example.org,Edith,US
jo+550@example.org,,BR
"""
DOUBTFUL = ["edith+drop@example.org", "omar+drop@example.org"]


@pytest.fixture
def site(database: Database, tmp_path: Path, clock: FixedClock) -> Site:
    """An edition that is sent: one reader has it, one was rejected, of two nobody knows."""
    site = make_site(tmp_path / "site", database, clock, readers=READERS)
    press.assemble(site, "morning")
    done = asyncio.run(press.send(site, KEY))
    assert (done.state, done.counts.accepted, done.counts.rejected, done.counts.in_doubt) == ("sent", 1, 1, 2)
    return site


def well(site: Site) -> None:
    """From now on the outbox takes the mail of those whom it dropped."""
    with site.database.writing() as session:
        for reader in session.scalars(select(Subscriber)):
            reader.email = reader.email.replace("+drop", "")


def message_ids(site: Site) -> dict[str, str]:
    """The Message-ID that each address got."""
    messages = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in outbox(site)]
    return {str(message["To"]): str(message["Message-ID"]) for message in messages}


def test_a_look_tells_by_segment_why_and_remembers_what_no_worker_holds(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = press.watching(site, KEY)
    look = watch.look()
    assert [(part.segment, part.counts.total, part.counts.in_doubt) for part in look.parts] == [
        ("europe", 2, 1),
        ("world", 2, 1),
    ]
    assert {(one.status, one.segment, one.count) for one in look.causes} == {
        ("rejected", "world", 1), ("in_doubt", "europe", 1), ("in_doubt", "world", 1),
    }  # fmt: skip
    assert {(one.status, one.segment, one.reason, one.count) for one in press.report(site, KEY).reasons} == {
        (one.status, one.segment, one.reason, one.count) for one in look.causes
    }
    monkeypatch.setattr(watch, "_range", None)
    assert watch.look().counts == look.counts


def test_readers_in_doubt_are_listed_by_name_with_what_is_known(site: Site) -> None:
    found = list(press.doubts(site, KEY))
    assert sorted(one.email for one in found) == DOUBTFUL
    assert all(one.reply and one.backend == "outbox" and one.attempts == 1 for one in found)


def test_readers_in_doubt_are_put_back_at_once_and_the_edition_is_sent_again(site: Site, clock: FixedClock) -> None:
    """Hours after the deadline, with the same Message-ID, to nobody else; who decided is kept."""
    clock.advance(timedelta(days=1))
    well(site)
    before = {name: ident for name, ident in message_ids(site).items() if "rita" in name}
    assert press.resend(site, KEY, "Omar", "the relay lost its queue") == 2
    assert (press.report(site, KEY).state, press.report(site, KEY).counts.pending) == ("sending", 2)
    done = asyncio.run(press.send(site, KEY))
    assert (done.state, done.counts.accepted, done.counts.rejected, done.counts.in_doubt) == ("sent", 3, 1, 0)
    assert done.adds_up
    got = message_ids(site)
    assert before.items() <= got.items()
    assert set(got) >= {"edith@example.org", "omar@example.org"}
    with site.database.reading() as session:
        number = session.scalar(select(Subscriber.id).where(Subscriber.first_name == "Omar"))
        edition = session.scalar(select(EditionEvent.edition_id).limit(1))
        event = session.scalars(select(EditionEvent).where(EditionEvent.from_state == "sent")).one()
        decided = session.execute(select(attempt).where(attempt.c.result == PUT_BACK)).all()
    assert got["omar@example.org"] == f"<morning.20261123.{number:x}.{edition:x}@courier.example.org>"
    assert (event.to_state, event.by) == ("sending", "Omar")
    assert event.reason == "2 in doubt put back to be sent: the relay lost its queue"
    assert {row.reply for row in decided} == {"put back to be sent by Omar: the relay lost its queue"}
    with pytest.raises(Refused, match="nobody is in doubt"):
        press.resend(site, KEY, "Omar")


def test_one_reader_in_doubt_can_be_chosen_and_nobody_else_can(site: Site) -> None:
    for address, words in (
        ("rita@example.org", "is not in doubt in .* but accepted"),
        ("jo+550@example.org", "but rejected"),
        ("nobody@example.org", "there is no reader nobody@example.org"),
    ):
        with pytest.raises(Refused, match=words):
            press.resend(site, KEY, "Omar", to=[DOUBTFUL[0], address])
    assert press.report(site, KEY).state == "sent"
    assert press.resend(site, KEY, "Omar", to=[DOUBTFUL[0]]) == 1
    assert [one.email for one in press.doubts(site, KEY)] == [DOUBTFUL[1]]


def test_a_batch_that_a_worker_holds_is_opened_when_it_is_let_go(site: Site) -> None:
    """Put back in mid-send: the worker's lease is not touched, and its edition stays as it is."""
    with site.database.write_connection() as connection:
        connection.exec_driver_sql("UPDATE edition SET state = 'sending'")
        connection.execute(update(batch).values(state=BatchState.LEASED, owner="other", lease_until=None))
    assert press.resend(site, KEY, "Omar") == 2
    with site.database.read_connection() as connection:
        assert set(connection.execute(select(batch.c.state)).scalars()) == {BatchState.LEASED}
    assert press.report(site, KEY).state == "sending"


def test_an_aborted_edition_puts_nobody_back(site: Site) -> None:
    with site.database.write_connection() as connection:
        connection.exec_driver_sql("UPDATE edition SET state = 'aborted'")
    with pytest.raises(WrongState, match="cannot be sent again to readers in doubt"):
        press.resend(site, KEY, "Omar")


def test_one_reader_s_history_has_every_attempt_with_the_servers_words(site: Site) -> None:
    (rejected,) = press.history(site, "jo+550@example.org").received
    assert (rejected.edition, rejected.status, rejected.backend, rejected.segment) == (
        KEY,
        "rejected",
        "outbox",
        "world",
    )
    (only,) = rejected.tries
    assert (only.n, only.result, only.code) == (1, "rejected", 550)
    assert only.reply
    press.resend(site, KEY, "Omar", to=[DOUBTFUL[0]])
    (pending,) = press.history(site, DOUBTFUL[0]).received
    assert (pending.status, [one.result for one in pending.tries]) == ("pending", ["in_doubt", PUT_BACK])
    (accepted,) = press.history(site, "rita@example.org").received
    assert (accepted.status, accepted.tries) == ("accepted", ())


def test_the_history_of_one_who_got_nothing_says_why(site: Site, clock: FixedClock) -> None:
    with pytest.raises(NotFound, match="no reader with this address"):
        press.history(site, "nobody@example.org")
    with site.database.writing() as session:
        suppress(session, "rita@example.org", Reason.COMPLAINT, clock)
    told = press.history(site, "rita@example.org")
    assert [row.reason for row in told.suppressions] == ["complaint"]
    assert len(told.received) == 1
    press.erase(site, "rita@example.org", Said("Delete it", "test"))
    gone = press.history(site, "rita@example.org")
    assert (gone.subscriber, gone.received, [row.reason for row in gone.suppressions]) == (None, (), ["erased"])
    with site.database.write_connection() as connection:
        connection.execute(delete(delivery))
    assert press.history(site, DOUBTFUL[0]).received == ()


def test_a_look_at_a_send_counts_what_the_report_counts(site: Site, clock: FixedClock) -> None:
    """Whatever the batches are: done, never claimed, opened again; and the rate is that of what was settled since."""
    watching = press.watching(site, KEY)
    first = watching.look()
    assert (first.counts, first.rate, first.seconds_left) == (press.report(site, KEY).counts, 0.0, None)
    press.resend(site, KEY, "Omar")
    well(site)
    opened = watching.look()
    assert (opened.counts, opened.state) == (press.report(site, KEY).counts, "sending")
    assert opened.counts.pending == 2
    asyncio.run(press.send(site, KEY))
    clock.advance(2)
    last = watching.look()
    assert (last.counts, last.state) == (press.report(site, KEY).counts, "sent")
    assert last.counts.accepted == 3
    clock.advance(86400)
    assert watching.look().rate == 0.0


def test_a_reason_says_what_the_reply_means_and_whose_failure_it_was(site: Site) -> None:
    with site.database.reading() as session:
        edition = session.scalar(select(EditionEvent.edition_id).limit(1))
    assert edition is not None
    told = {one.status: (one.reason, one.blame, one.meaning) for one in report(site.database, edition).reasons}
    assert told["rejected"][0].startswith("550")
    assert told["rejected"][1:] == ("reader", "no-such-address")
    assert told["in_doubt"] == ("no reply", "", "")
    names = list(press.deliveries(site, KEY, Status.REJECTED, reason=told["rejected"][0], segment="world"))
    assert [one.email for one in names] == ["jo+550@example.org"]


def test_the_archive_has_what_was_frozen_with_its_subject_and_its_life(site: Site) -> None:
    press.resend(site, KEY, "Omar", "the relay lost its queue")
    [past] = press.archive(site).listed
    assert (past.key, past.state, past.readers, past.subject) == (KEY, "sending", 4, "Monday Briefing: Harbour")
    assert (press.archive(site, briefing="evening").listed, press.archive(site, page=1).listed) == ((), ())
    told = [(one.what, one.by) for one in press.life(site, KEY)]
    assert told[0] == ("was laid out", "")
    assert told[-1] == ("became sending: 2 in doubt put back to be sent: the relay lost its queue", "Omar")
