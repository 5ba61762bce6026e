"""Words stand out from what lies behind them, in the light and in the dark (WCAG 2.2, 1.4.3: 4.5:1, large text 3:1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.checks.styled import DARK, LIGHT, OUTLOOK_DARK, Environment, Run, Styled, contrast, shown
from newsletter.checks.styled import run as colours_at

NEEDED, NEEDED_LARGE = 4.5, 3.0
UNREADABLE = 2.0
"""Below this nobody reads it, and the edition does not go out. (The same colour twice is a way to hide words.)"""
_WORDS = 40
_MOST = 12
"""Findings of one variant and environment; a mail with more of them has one mistake."""


@dataclass(frozen=True, slots=True)
class Pale:
    """Words that do not stand out enough."""

    run: Run
    ratio: float
    """From 1 to 21."""
    needed: float


def pale(styled: Styled, environment: Environment) -> Iterator[Pale]:
    """Every element whose own words do not stand out in an environment.

    Over a picture that is judged which stands in where the picture is not loaded; where that is no colour, nothing is
    (`support` speaks of it). In Outlook's dark mode only what its own rules set counts: it changes the rest by itself.
    """
    fine: set[int] = set()
    for node, look in shown(styled, environment):
        if id(look) in fine:
            continue
        run = colours_at(styled, environment, node)
        if environment.outlook_dark and not (run.look.outlook and run.look.layers and run.look.layers[-1].outlook):
            continue
        ratio = contrast(run.text, run.ground)
        needed = NEEDED_LARGE if look.large else NEEDED
        if ratio > needed or (run.picture and not run.own_ground):
            fine.add(id(look))
        elif any(letter.isalnum() for letter in node.words):
            yield Pale(run, ratio, needed)


@check("contrast")
def contrast_of_words(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        told: set[tuple[str, str, float]] = set()
        for environment in (LIGHT, DARK, OUTLOOK_DARK):
            found: list[Pale] = []
            for one in pale(variant.styled, environment):
                key = (one.run.text.hex, one.run.ground.hex, one.needed)
                if key not in told and len(found) < _MOST:
                    told.add(key)
                    found.append(one)
            for one in found:
                yield _finding(one, environment, segment)


def _finding(one: Pale, environment: Environment, segment: str) -> Finding:
    words = one.run.node.words
    shown = words if len(words) <= _WORDS else f"{words[:_WORDS].rstrip()}…"
    return Finding(
        "contrast",
        Severity.BLOCK if 1.01 < one.ratio < UNREADABLE else Severity.WARN,
        f"HTML part {environment.name}, “{shown}”",
        f"{one.run.text.hex} on {one.run.ground.hex} is {int(one.ratio * 100) / 100:g}:1"
        + (" where the picture behind it is not loaded" if one.run.picture else ""),
        f"{'large' if one.run.look.large else 'these'} words need {one.needed:g}:1: "
        + ("make the text darker or lighter" if environment is LIGHT else "give both colours a rule for the dark"),
        (segment,),
    )
