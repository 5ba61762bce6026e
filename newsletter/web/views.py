"""The templates of the desk, and the words and numbers in them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from newsletter.clock import format_duration, local_date

HERE = Path(__file__).parent
STATIC = HERE / "static"


class Labelled(Protocol):
    """What has a label for people."""

    @property
    def label(self) -> str: ...


@cache
def environment() -> Environment:
    """The templates, read once. Everything is escaped; a name that was not given is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = static
    made.filters |= {
        "city": city,
        "clock": clock,
        "date": local_date,
        "duration": duration,
        "day": day,
        "iso": iso,
        "labelled": labelled,
        "moment": moment,
        "number": number,
        "plural": plural,
        "twice": twice,
        "sentence": sentence,
    }
    return made


@cache
def static(name: str) -> str:
    """The address of a file of ours. It changes with the file, so that browsers may keep it for good."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def number(value: int) -> str:
    """``4,812``"""
    return f"{value:,}"


def plural(value: int, one: str, many: str = "") -> str:
    """``1 reader``, ``4,812 readers``"""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def twice(value: str) -> tuple[str, str]:
    """An option of a select that is called what it is."""
    return value, value


def labelled(item: tuple[str, Labelled]) -> tuple[str, str]:
    """An option of a select: a key, and the label of what has it."""
    return item[0], item[1].label


def city(zone: str) -> str:
    """What people call an IANA zone: ``New York``."""
    return zone.rpartition("/")[2].replace("_", " ")


def sentence(words: str) -> str:
    """With a capital at the beginning; the rest as it is."""
    return words[:1].upper() + words[1:]


def clock(instant: datetime, zone: str) -> str:
    """The wall time of an instant in an IANA zone: ``05:45``."""
    return f"{instant.astimezone(ZoneInfo(zone)):%H:%M}"


def moment(instant: datetime, zone: str) -> str:
    """Day and wall time: ``Mon 23 Nov, 05:45``."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def day(value: date) -> str:
    """``Monday, 23 November 2026``, of a date."""
    return f"{value:%A}, {value.day} {value:%B %Y}"


def duration(seconds: float) -> str:
    """``8m 20s``, rounded: what is left of a send is no exact number."""
    return format_duration(timedelta(seconds=max(1, round(seconds))))


def iso(instant: datetime) -> str:
    """For the ``datetime`` attribute, to the millisecond that the database keeps."""
    return instant.isoformat(timespec="milliseconds")
