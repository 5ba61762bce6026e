"""When an edition is due: local wall times of its briefing, as UTC instants."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from newsletter.clock import local_date, local_instant
from newsletter.config import Settings
from newsletter.config.models import DAYS

UNSCHEDULED = time(0, 0)
"""An edition of a briefing without a schedule is dated by its day; it leaves when somebody sends it."""
DEADLINE = timedelta(hours=6)


def today(settings: Settings, briefing: str, now: datetime) -> date:
    """The edition date that it is now, in the briefing's zone."""
    return local_date(now, settings.zone(briefing))


def due(settings: Settings, briefing: str, day: date, segment: str = "") -> datetime:
    """The instant at which an edition is to leave for a segment, or for readers of no zone of their own."""
    schedule = settings.briefings[briefing].schedule
    return local_instant(day, schedule.time if schedule else UNSCHEDULED, settings.zone(briefing, segment))


def first_due(settings: Settings, briefing: str, day: date) -> datetime:
    """The instant of an edition's first wave."""
    return min(due(settings, briefing, day, segment) for segment in settings.briefings[briefing].segments)


def deadline(settings: Settings, briefing: str) -> timedelta:
    """How long after its wave a message is tried."""
    schedule = settings.briefings[briefing].schedule
    return schedule.deadline if schedule else DEADLINE


def is_published_on(settings: Settings, briefing: str, day: date) -> bool:
    """Whether the schedule has an edition on a date."""
    schedule = settings.briefings[briefing].schedule
    return schedule is not None and DAYS[day.weekday()] in schedule.days
