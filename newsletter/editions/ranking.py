"""What could stand in a slot instead, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from newsletter.config.models import Section
from newsletter.editions.assembly import Candidate, Carried, rank
from newsletter.editions.reasons import Reasons, takes


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate for a section, and why, in words. ``fits`` says whether one of the section's rules would take it."""

    story: Candidate
    reason: str
    fits: bool


def ranked(
    section: Section,
    stories: Iterable[Candidate],
    *,
    at: datetime,
    carried: Mapping[int, Carried],
    zone: str,
) -> list[Ranked]:
    """Every usable story: those of the section's rule in assembly's order, those of its backfill, then the others.

    ``section`` is as the slot's readers get it; ``at`` is when the edition is due, ``zone`` the IANA zone of the times
    in reasons. What an earlier edition carried and has not changed since comes last.
    """
    reasons = Reasons(at, zone, carried)
    where = f"section “{section.title or section.key}”"
    found: list[tuple[int, Ranked]] = []
    number = 0
    for story in sorted((one for one in stories if not one.unusable), key=rank):
        select = next((s for s in (section.select, section.backfill) if s is not None and takes(s, story, at)), None)
        if had := reasons.had(story):
            found.append((3, Ranked(story, had, fits=False)))
        elif select is None:
            found.append((2, Ranked(story, ", ".join(["not by the rules", *reasons.facts(story)]), fits=False)))
        elif select is section.select:
            number += 1
            found.append((0, Ranked(story, reasons.because(where, select, story, f"rank {number}"), fits=True)))
        else:
            found.append((1, Ranked(story, reasons.because(where, select, story, "after the others"), fits=True)))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]
