"""How often readers want a briefing: every edition, or those of the days of a frequency that they chose."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience.consent import Decision, Said, log
from newsletter.audience.models import ChosenFrequency, Subscriber
from newsletter.clock import Clock

EVERY = ""
"""In place of a frequency: every edition."""


def chosen_by(session: Session, number: int) -> dict[str, str]:
    """The frequencies that a reader has chosen, by briefing."""
    rows = select(ChosenFrequency).where(ChosenFrequency.subscriber_id == number)
    return {row.briefing: row.frequency for row in session.scalars(rows)}


def choose(session: Session, reader: Subscriber, briefing: str, frequency: str, said: Said, clock: Clock) -> bool:
    """Lets a reader get a briefing as often as a frequency of it says, `EVERY` edition where that is empty; returns
    whether anything changed, and then it is logged."""
    mine = ChosenFrequency.subscriber_id == reader.id, ChosenFrequency.briefing == briefing
    if frequency == EVERY:
        done = session.execute(delete(ChosenFrequency).where(*mine).returning(ChosenFrequency.briefing)).first()
    else:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(ChosenFrequency).values(subscriber_id=reader.id, briefing=briefing, frequency=frequency)
        done = session.execute(
            statement.on_conflict_do_update(
                index_elements=["subscriber_id", "briefing"],
                set_={"frequency": frequency},
                where=ChosenFrequency.frequency != frequency,
            ).returning(ChosenFrequency.briefing)
        ).first()
    if done is not None:
        log(session, reader, Decision.FREQUENCY, briefing, said, clock)
    return done is not None


def spared_clause(suppressed: ColumnElement[bool], briefing: str, frequencies: Collection[str]) -> ColumnElement[bool]:
    """True in SQL for the `Subscriber` rows that ``suppressed`` fits, or that have chosen one of these frequencies of a
    briefing: those that leave the day out. Never null."""
    if not frequencies:
        return suppressed
    chose = exists().where(
        ChosenFrequency.subscriber_id == Subscriber.id,
        ChosenFrequency.briefing == briefing,
        ChosenFrequency.frequency.in_(sorted(frequencies)),
    )
    return or_(suppressed, chose)
