"""Suppression, consent and the values of a database, on both engines."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, not_, select

from newsletter.audience import consent
from newsletter.audience.addresses import AddressRefused, address_hash, normalise
from newsletter.audience.models import Consent, SiteValue, Subscriber, Suppression
from newsletter.audience.sitevalues import ADDRESS_SALT, find_secret, make_secret
from newsletter.audience.suppression import Reason, lift, suppress, suppressed_clause, suppressions_of
from newsletter.database import Database
from newsletter.errors import Refused
from newsletter.testing import FixedClock
from tests.audience import is_suppressed

NOW = FixedClock().now()


def add(database: Database, clock: FixedClock, *emails: str) -> None:
    with database.writing() as session:
        words = consent.record(session, "I want it.", "form", clock)
        salt = make_secret(session, ADDRESS_SALT)
        for email in emails:
            address = normalise(email)
            session.add(
                Subscriber(
                    email=address.email, email_norm=address.email_norm, address_hash=address_hash(salt, address.email_norm),
                    tags=[], attributes={}, consent_id=words.id, created_at=clock.now(), updated_at=clock.now(),
                )
            )  # fmt: skip


def suppressed(database: Database, briefing: str) -> set[str]:
    with database.reading() as session:
        yes = set(session.scalars(select(Subscriber.email).where(suppressed_clause(briefing, NOW))))
        no = set(session.scalars(select(Subscriber.email).where(not_(suppressed_clause(briefing, NOW)))))
        assert not yes & no
        assert len(yes) + len(no) == session.scalar(select(func.count()).select_from(Subscriber))
        assert yes == {email for email in yes | no if is_suppressed(session, email, briefing)}
    return yes


def test_a_suppression_holds_for_its_briefing_or_for_all(database: Database, clock: FixedClock) -> None:
    add(database, clock, "rita@example.org", "edith@example.org", "omar@example.org")
    with database.writing() as session:
        assert suppress(session, "Rita@Example.org", "unsubscribed", clock, briefing="morning")
        assert suppress(session, "edith@example.org", Reason.BOUNCE, clock, note="5.1.1")
        assert suppress(session, "nobody@example.org", "manual", clock)
    assert suppressed(database, "morning") == {"rita@example.org", "edith@example.org"}
    assert suppressed(database, "evening") == {"edith@example.org"}


def test_suppressing_again_changes_nothing(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        assert suppress(session, "rita@example.org", "unsubscribed", clock, note="first")
    clock.advance(timedelta(days=1))
    with database.writing() as session:
        assert not suppress(session, "rita@example.org", "unsubscribed", clock, note="second")
        assert not suppress(session, "rita@example.org", "manual", clock)
        (row,) = suppressions_of(session, "RITA@example.org")
        assert (row.reason, row.note, row.at, row.email_norm) == (
            "unsubscribed", "first", clock.now() - timedelta(days=1), "rita@example.org",
        )  # fmt: skip


def test_a_stronger_reason_takes_the_place_of_a_weaker_one(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        for reason in Reason:
            assert suppress(session, "rita@example.org", reason, clock)
        (row,) = suppressions_of(session, "rita@example.org")
        assert (row.reason, row.email_norm) == ("erased", None)


def test_what_a_reader_or_their_provider_wanted_is_not_lifted(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        suppress(session, "rita@example.org", "manual", clock)
        suppress(session, "rita@example.org", "manual", clock, briefing="morning")
        suppress(session, "edith@example.org", "complaint", clock)
        assert lift(session, "rita@example.org", clock)
        assert not lift(session, "rita@example.org", clock)
        assert [row.briefing for row in suppressions_of(session, "rita@example.org")] == ["morning"]
        with pytest.raises(Refused, match="suppressed as complaint"):
            lift(session, "edith@example.org", clock)
        assert is_suppressed(session, "edith@example.org", "morning")


def test_before_the_first_suppression_nobody_is_suppressed_and_reading_makes_no_salt(
    database: Database, clock: FixedClock
) -> None:
    with database.reading() as session:
        assert not is_suppressed(session, "rita@example.org", "morning")
        assert session.scalar(select(func.count()).select_from(SiteValue)) == 0


def test_what_is_no_address_or_no_reason_is_refused(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        with pytest.raises(AddressRefused):
            suppress(session, "rita", "manual", clock)
        with pytest.raises(ValueError, match="bored"):
            suppress(session, "rita@example.org", "bored", clock)
        assert session.scalar(select(func.count()).select_from(Suppression)) == 0


def test_of_many_at_once_one_makes_the_secret(database: Database) -> None:
    made: list[bytes] = []

    def make() -> None:
        with database.writing() as session:
            made.append(make_secret(session, ADDRESS_SALT))

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with database.reading() as session:
        assert made == [find_secret(session, ADDRESS_SALT)] * 6
    assert len(made[0]) == 32


def test_a_wording_is_recorded_once_for_each_source_and_never_changed(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        first = consent.record(session, " I want\r\nthe briefing. ", "form", clock)
        assert (first.wording, first.at) == ("I want\nthe briefing.", clock.now())
        written = clock.now()
        clock.advance(60)
        assert consent.record(session, "I want\nthe briefing.", "form", clock).id == first.id
        other = consent.record(session, "I want\nthe briefing.", "fair", clock)
        assert other.id != first.id
        assert session.scalar(select(func.count()).select_from(Consent)) == 2
    with database.reading() as session:
        assert consent.lookup(session, first.id).at == written


@pytest.mark.parametrize("words", ["", " \n\t ", "\0", "x" * 20_001])
def test_consent_without_words_is_refused(database: Database, clock: FixedClock, words: str) -> None:
    with pytest.raises(Refused, match="consent"), database.writing() as session:
        consent.record(session, words, "form", clock)
