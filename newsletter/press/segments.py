"""The segments as they are now: how many readers each has, which briefings send to it, and some of its readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from newsletter.audience.headcount import headcount, sample
from newsletter.audience.models import Subscriber
from newsletter.audience.segments import Segment, load_segments
from newsletter.errors import NotFound
from newsletter.press.site import Site
from newsletter.yamlfile import load_yaml

MOST = 50
"""Readers of a sample at most: it is for looking, not for taking a list away."""


@dataclass(frozen=True, slots=True)
class Live:
    """A segment at this moment."""

    segment: Segment
    rule: Any
    """As it is written."""
    fits: int
    """Readers whom the rule fits."""
    mailed: int
    """Those of them who get mail at all: neither suppressed everywhere nor on a break."""
    briefings: dict[str, int]
    """By briefing who would get it now, were it locked: in this segment and no earlier one of it, and not gone. The
    days on which a reader wants a briefing belong to an edition, and do not count here."""


def live_segments(site: Site) -> list[Live]:
    """Every segment, counted now, in the order of the file, which is read anew. Raises `SegmentError` with file and
    line."""
    path = site.settings.segments_file
    found, written = load_segments(path), load_yaml(path).data
    briefings = {
        key: [name for name in briefing.segments if name in found] for key, briefing in site.settings.briefings.items()
    }
    with site.database.reading() as session:
        counted = headcount(session, {key: one.rule for key, one in found.items()}, briefings, site.clock.now())
    return [
        Live(
            one,
            written[key]["rule"],
            counted.segments[key].fits,
            counted.segments[key].mailed,
            {briefing: heads[key] for briefing, heads in counted.briefings.items() if key in heads},
        )
        for key, one in found.items()
    ]


def sample_of(site: Site, key: str, number: int = 10) -> list[Subscriber]:
    """Some readers of a segment who get mail, by chance, at most `MOST`. Raises `NotFound` and `SegmentError`."""
    found = load_segments(site.settings.segments_file)
    if key not in found:
        raise NotFound(f"there is no segment {key!r}: there is {', '.join(found)}")
    with site.database.reading() as session:
        return sample(session, found[key].rule, site.clock.now(), min(number, MOST))
