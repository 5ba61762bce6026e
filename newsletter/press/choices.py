"""What readers decide of their own mail, by whatever way it reaches us: a page, a mail program's button, a mail."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from newsletter.audience import columns, frequencies, leaving, vocabulary
from newsletter.audience.consent import Said
from newsletter.audience.models import Subscriber
from newsletter.audience.suppression import Reason
from newsletter.clock import local_date
from newsletter.config import Briefing, ReaderChoice
from newsletter.errors import ConfigError, NotFound, Refused, SegmentError
from newsletter.press.site import Site

_log = logging.getLogger(__name__)

_ATTRIBUTE = "attributes."
LONGEST_PAUSE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Choice:
    """A briefing that a reader can have, and whether they do."""

    key: str
    name: str
    chosen: bool
    frequencies: Mapping[str, str] = field(default_factory=dict)
    """What they can have in place of every edition: the name of each frequency by its key."""
    frequency: str = ""
    """The one that they have; empty for every edition."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Something about themselves that a reader may choose: the name of each value, and the value that they have."""

    field: str
    title: str
    values: Mapping[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who looks at their own mail. Their address is not among it: whoever has their link might read it."""

    number: int
    first_name: str
    last_name: str
    language: str
    timezone: str
    paused_until: date | None
    """The first day on which they get mail again, in their own zone."""
    answers: tuple[Answer, ...]
    """What the configuration lets readers say of themselves."""
    choices: tuple[Choice, ...]
    """The briefings that a segment lets them have, in the order of the configuration."""
    left: frozenset[str]
    """The briefings that they left, also such as no segment or configuration has for them any more; the empty one
    stands for all."""
    stopped: frozenset[str]
    """The same of those that we do not send for a reason that is not theirs: a bounce, a complaint, an operator."""

    @property
    def gets_any(self) -> bool:
        """Whether they get any mail of ours."""
        return any(choice.chosen for choice in self.choices)

    def has_left(self, briefing: str) -> bool:
        """Whether they do not want a briefing, be it alone or with all the others."""
        return bool({"", briefing} & self.left)

    def is_stopped(self, briefing: str) -> bool:
        """Whether a briefing is not sent to them for a reason that is not theirs."""
        return bool({"", briefing} & self.stopped)


class BadDay(Refused):
    """A break ends tomorrow at the earliest, and within a year."""


def name_of(site: Site, briefing: str) -> str:
    """What readers call a briefing; the publication's name for all of them (the empty key)."""
    found = site.settings.briefings.get(briefing)
    return found.name if found else briefing or site.settings.publication.name


def reader(site: Site, number: int) -> Reader:
    """What a reader has chosen. Raises `NotFound` for one who was erased, or never was."""
    with site.database.reading() as session:
        row = _there(session, number)
        why = leaving.suppressions(session, row)
        fits = fitting(site, session, number)
        until, often = row.paused_until, frequencies.chosen_by(session, number)
        return Reader(
            number=number,
            first_name=row.first_name,
            last_name=row.last_name,
            language=row.language,
            timezone=row.timezone,
            paused_until=local_date(until, zone_of(site, row)) if until and until > site.clock.now() else None,
            answers=tuple(_answer(name, choice, _value(row, name)) for name, choice in site.settings.choices.items()),
            choices=tuple(
                _choice(key, briefing, not {"", key} & set(why), often.get(key, ""))
                for key, briefing in site.settings.briefings.items()
                if key in fits and why.get(key) in (None, Reason.UNSUBSCRIBED)
            ),
            left=frozenset(key for key, reason in why.items() if reason == Reason.UNSUBSCRIBED),
            stopped=frozenset(key for key, reason in why.items() if reason != Reason.UNSUBSCRIBED),
        )


def _choice(key: str, briefing: Briefing, chosen: bool, frequency: str) -> Choice:
    offered = {name: one.title for name, one in briefing.frequencies.items()}
    return Choice(key, briefing.name, chosen, offered, frequency if frequency in offered else frequencies.EVERY)


def _answer(field: str, choice: ReaderChoice, value: str) -> Answer:
    # What they have stands among what they can choose, be it ever so rare.
    values = choice.values if value in ("", *choice.values) else {value: value, **choice.values}
    return Answer(field, choice.title, values, value)


def _value(row: Subscriber, field: str) -> str:
    if field.startswith(_ATTRIBUTE):
        return str(row.attributes.get(field.removeprefix(_ATTRIBUTE), ""))
    return str(getattr(row, field))


def zone_of(site: Site, reader: Subscriber | Reader) -> str:
    """The IANA zone in which a reader's days are meant."""
    return reader.timezone or site.settings.publication.timezone


def _there(session: Session, number: int) -> Subscriber:
    if (row := leaving.reader(session, number)) is None:
        raise NotFound("there is no such reader")
    return row


def fitting(site: Site, session: Session, number: int) -> set[str]:
    """The briefings that have a segment for a reader; all of them while the segments cannot be read, for leaving must
    not wait until they can."""
    try:
        rules = {
            key: or_(*(site.segment(segment).clause() for segment in briefing.segments))
            for key, briefing in site.settings.briefings.items()
        }
    except (SegmentError, ConfigError) as error:
        _log.warning("the segments cannot be read", extra={"action": "web", "reason": str(error)})
        return set(site.settings.briefings)
    # By names of their own: two rules may be the same.
    columns = [rule.label(f"b{at}") for at, rule in enumerate(rules.values())]
    row = session.execute(select(*columns).where(Subscriber.id == number)).one()
    return {key for key, fits in zip(rules, row, strict=True) if fits}


def leave(site: Site, number: int, briefing: str, said: Said) -> bool:
    """Takes a reader out of a briefing, of every one where it is empty; returns whether anything changed.

    Needs nothing but the database, and is done when it returns. Somebody who was erased or has left already gets
    nothing either way: no error.
    """
    return bool(leave_all(site, [(number, briefing)], said))


def leave_all(site: Site, wanted: Iterable[tuple[int, str]], said: Said) -> int:
    """The same for many readers, each of a briefing, who said it in the same way: one transaction. Returns of how many
    that changed anything."""
    with site.database.writing() as session:
        changed = leaving.leave_all(session, wanted, said, site.clock)
    for number, briefing in changed:
        _log.info("left", extra={"action": "leave", "briefing": briefing, "reader": number, "way": said.source})
    return len(changed)


def come_back(site: Site, number: int, briefing: str, said: Said) -> bool:
    """Takes back a reader's own leaving; returns whether anything changed. Raises `NotFound`."""
    with site.database.writing() as session:
        row = _there(session, number)
        return leaving.come_back(session, row, briefing, said, site.clock, site.settings.briefings)


def last_days(site: Site, reader: Reader) -> tuple[date, date]:
    """The first and the last day on which a break that begins now may end, in the reader's zone."""
    today = local_date(site.clock.now(), zone_of(site, reader))
    return today + timedelta(days=1), today + LONGEST_PAUSE


def pause(site: Site, number: int, day: date, said: Said) -> bool:
    """Sends a reader nothing of any briefing before a day of theirs; returns whether anything changed. Raises `BadDay`
    and `NotFound`."""
    one = reader(site, number)
    first, last = last_days(site, one)
    if not first <= day <= last:
        raise BadDay
    until = datetime.combine(day, time(), ZoneInfo(zone_of(site, one)))
    with site.database.writing() as session:
        return leaving.pause(session, _there(session, number), until, said, site.clock)


def resume(site: Site, number: int, said: Said) -> bool:
    """Ends a reader's break; returns whether anything changed. Raises `NotFound`."""
    with site.database.writing() as session:
        return leaving.resume(session, _there(session, number), said, site.clock)


def choose(
    site: Site,
    number: int,
    wanted: Collection[str],
    often: Mapping[str, str],
    *,
    to_leave: str,
    to_have: str,
    every: str,
    source: str,
) -> None:
    """Lets a reader have these briefings of those that they can have, and no others, each as ``often`` as is said of it
    (a key of its frequencies; empty for every edition; nothing changes where nothing, or nothing known, is said).
    Raises `NotFound`.

    ``to_leave`` and ``to_have`` are the words of each decision, with ``{briefing}`` for its name; ``every`` are those
    of every edition.
    """
    one = reader(site, number)
    with site.database.writing() as session:
        row = _there(session, number)
        for choice in one.choices:
            if choice.key not in wanted and choice.chosen:
                said = Said(to_leave.format(briefing=choice.name), source)
                leaving.leave(session, row, choice.key, said, site.clock)
        for choice in one.choices:
            if choice.key in wanted and not choice.chosen:
                said = Said(to_have.format(briefing=choice.name), source)
                leaving.come_back(session, row, choice.key, said, site.clock, site.settings.briefings)
        for choice in one.choices:
            new = often.get(choice.key, choice.frequency)
            if new != choice.frequency and new in ("", *choice.frequencies):
                said = Said(f"{choice.name}: {choice.frequencies.get(new, every)}", source)
                frequencies.choose(session, row, choice.key, new, said, site.clock)


def describe(
    site: Site,
    number: int,
    *,
    first_name: str,
    last_name: str,
    language: str,
    timezone: str,
    answers: Mapping[str, str],
) -> None:
    """Writes down what a reader says of themselves; a language or a zone may be empty. ``answers`` are by field, of
    those that the configuration lets readers choose; an empty one takes back what was said. Raises `NotFound`, and
    ValueError for a name over 100 characters, no language tag, no IANA zone, or an answer that is not offered."""
    offered = {answer.field: answer for answer in reader(site, number).answers}
    for name, said in answers.items():
        if name not in offered or said not in ("", *offered[name].values):
            raise ValueError("that is no answer that is offered")
    values = {
        "first_name": columns.person_name(first_name),
        "last_name": columns.person_name(last_name),
        "language": vocabulary.language(language) if language else "",
        "timezone": vocabulary.timezone(timezone) if timezone else "",
    }
    with site.database.writing() as session:
        row = _there(session, number)
        new: dict[str, Any] = {**values, "attributes": dict(row.attributes)}
        for name, said in answers.items():
            if said == _value(row, name):
                continue
            if not name.startswith(_ATTRIBUTE):
                new[name] = said
            elif said:
                new["attributes"][name.removeprefix(_ATTRIBUTE)] = columns.attribute(said)
            else:
                del new["attributes"][name.removeprefix(_ATTRIBUTE)]
        if any(getattr(row, name) != value for name, value in new.items()):
            for name, value in new.items():
                setattr(row, name, value)
            row.updated_at = site.clock.now()
