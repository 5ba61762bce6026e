"""A problem of accessibility, the rules that find them, and what they ask of elements: names, visibility."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from newsletter.checks.styled import LIGHT, Environment, Node, Styled, looks

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a rule found. ``rule`` is the name of axe's rule where axe has it."""

    rule: str
    node: Node
    what: str
    mend: str
    minor: bool = False
    environment: Environment = LIGHT


Rule = Callable[[Styled], Iterable[Problem]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    """Registers a rule."""
    RULES.append(function)
    return function


def problems(styled: Styled) -> Iterator[Problem]:
    """Every problem of a mail."""
    for one in RULES:
        yield from one(styled)


def spoken(styled: Styled, *tags: str) -> Iterator[Node]:
    """The elements of the body that a screen reader reads; of some kinds alone where these are given."""
    found = looks(styled)
    for node in styled.inside:
        if (not tags or node.tag in tags) and not found[node].silent and not found[node].invisible:
            yield node


def line(words: str) -> str:
    return _SPACE.sub(" ", words).strip()


def said(styled: Styled, node: Node, *, pictures: bool = True) -> str:
    """What a screen reader reads of what is in an element: its words, and its pictures' alternative texts."""
    found = looks(styled)
    parts: list[str] = []
    waiting: list[Node | str] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            parts.append(part)
        elif part is not node and found[part].silent:
            continue
        elif part.tag == "img":
            parts.append(f" {part.attributes.get('alt', '')} " if pictures else " ")
        else:
            waiting += reversed(part.content)
    return line("".join(parts))


def label(styled: Styled, node: Node) -> str:
    """A name that attributes give: ``aria-label``, what ``aria-labelledby`` points at, ``title``."""
    has = node.attributes
    if own := has.get("aria-label", "").strip():
        return own
    wanted = has.get("aria-labelledby", "").split()
    other = line(" ".join(styled.by_id[one].text() for one in wanted if one in styled.by_id)) if wanted else ""
    return other or has.get("title", "").strip()


def name(styled: Styled, node: Node) -> str:
    """What an element is called: by its attributes, or what is in it."""
    return label(styled, node) or said(styled, node)
