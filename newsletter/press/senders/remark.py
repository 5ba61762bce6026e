"""What is said of a sender."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """One line: what, where, what to write instead. A ``problem`` keeps mail from arriving."""

    text: str
    problem: bool = True


def note(text: str) -> Remark:
    """What is good to know."""
    return Remark(text, problem=False)
