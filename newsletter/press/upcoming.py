"""What will be sent to whom and when, in the coming days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.editions import store
from newsletter.errors import NotFound
from newsletter.press import times
from newsletter.press.site import Site


@dataclass(frozen=True, slots=True)
class Planned:
    """One segment's wave of one edition. Instants are in UTC; ``local`` is the wall time that its readers see."""

    briefing: str
    key: str
    segment: str
    due_at: datetime
    assemble_at: datetime
    lock_at: datetime
    state: str
    """The edition's state, ``planned`` where there is no edition yet."""
    local: str
    note: str
    """What the clocks do to it: daylight-saving changes since the day before."""


def upcoming(site: Site, days: int = 7) -> list[Planned]:
    """Every wave of the next ``days`` days, today's included, in the order in which they leave."""
    planned = []
    for key, briefing in site.settings.briefings.items():
        if briefing.schedule is None:
            continue
        today = times.today(site.settings, key, site.clock.now())
        for day in (today + timedelta(days=number) for number in range(days)):
            if times.is_published_on(site.settings, key, day):
                planned += [_wave(site, key, day, segment) for segment in briefing.segments]
    return sorted(planned, key=lambda one: (one.due_at, one.briefing, one.segment))


def _wave(site: Site, briefing: str, day: date, segment: str) -> Planned:
    schedule = site.briefing(briefing).schedule
    assert schedule is not None
    zone = ZoneInfo(site.settings.zone(briefing, segment))
    due = times.due(site.settings, briefing, day, segment)
    first = times.first_due(site.settings, briefing, day)
    local = due.astimezone(zone)
    key = f"{briefing}/{day.isoformat()}"
    try:
        with site.database.reading() as session:
            state = store.find(session, key).state
    except NotFound:
        state = "planned"
    return Planned(
        briefing=briefing,
        key=key,
        segment=segment,
        due_at=due,
        assemble_at=first - schedule.assemble,
        lock_at=first - schedule.lock,
        state=state,
        local=f"{local:%a %d %b %H:%M} {local.tzname()}",
        note=_note(local, schedule.time.strftime("%H:%M")),
    )


def _note(local: datetime, wanted: str) -> str:
    notes = []
    before = (local - timedelta(days=1)).utcoffset()
    now = local.utcoffset()
    assert before is not None
    assert now is not None
    if now != before:
        hours = (now - before) / timedelta(hours=1)
        notes.append(f"clocks went {'forward' if hours > 0 else 'back'} by {abs(hours):g} h")
    if f"{local:%H:%M}" != wanted:
        notes.append(f"there is no {wanted} on this day")
    return "; ".join(notes)
