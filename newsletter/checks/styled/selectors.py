"""Selectors of CSS, matched from right to left against nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import cssselect
from cssselect import parser as tree

if TYPE_CHECKING:
    from newsletter.checks.styled.nodes import Node

OUTLOOK = ("data-ogsc", "data-ogsb")
"""What Outlook.com and its family set around a mail in the dark: text colours changed, backgrounds changed."""

_Test = Callable[["Node"], bool]


@dataclass(frozen=True, slots=True)
class Compound:
    """What stands between two combinators."""

    tag: str
    """Empty for any."""
    id: str
    classes: frozenset[str]
    tests: tuple[_Test, ...]

    def fits(self, node: Node) -> bool:
        return (
            (not self.tag or node.tag == self.tag)
            and (not self.id or node.id == self.id)
            and self.classes <= node.classes
            and all(test(node) for test in self.tests)
        )


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector of a list. ``steps`` goes from the last compound to the left, each with the combinator after it."""

    specificity: tuple[int, int, int]
    last: Compound
    steps: tuple[tuple[str, Compound], ...]
    outlook: bool
    """Whether it asks for one of Outlook's attributes."""

    def fits(self, node: Node) -> bool:
        return self.last.fits(node) and _left(self.steps, node)


def _left(steps: tuple[tuple[str, Compound], ...], node: Node) -> bool:
    if not steps:
        return True
    (combinator, compound), rest = steps[0], steps[1:]
    if combinator == " ":
        above = node.parent
        while above is not None:
            if compound.fits(above) and _left(rest, above):
                return True
            above = above.parent
        return False
    if combinator == ">":
        return node.parent is not None and compound.fits(node.parent) and _left(rest, node.parent)
    first = 0 if combinator == "~" else max(0, node.place - 1)
    before = islice(node.parent.elements, first, node.place) if node.parent else ()
    return any(compound.fits(sibling) and _left(rest, sibling) for sibling in before)


class _Never(Exception):
    """A selector that no still picture of a mail fits, or that is not understood."""


@lru_cache(2048)
def selectors(prelude: str) -> tuple[Selector, ...]:
    """The selectors of a rule that can fit; those of a mouse, of pseudo-elements and the like are left out."""
    try:
        parsed = cssselect.parse(prelude)
    except cssselect.SelectorError:
        return ()
    found = []
    for one in parsed:
        if one.pseudo_element is not None:
            continue
        try:
            last, steps = _read(one.parsed_tree)
        except _Never:
            continue
        found.append(Selector(one.specificity(), last, steps, any(name in one.canonical() for name in OUTLOOK)))
    return tuple(found)


def _read(node: tree.Tree) -> tuple[Compound, tuple[tuple[str, Compound], ...]]:
    if not isinstance(node, tree.CombinedSelector):
        return _compound(node), ()
    last, steps = _read(node.selector)
    return _compound(node.subselector), ((node.combinator, last), *steps)


def _compound(node: tree.Tree) -> Compound:
    name, classes, tests = "", set(), []
    while not isinstance(node, tree.Element):
        if isinstance(node, tree.Class):
            classes.add(node.class_name)
        elif isinstance(node, tree.Hash):
            name = node.id
        elif isinstance(node, tree.Attrib):
            tests.append(_attribute(node.attrib.lower(), node.operator, node.value.value if node.value else None))
        elif isinstance(node, tree.Pseudo):
            tests.append(_pseudo(node.ident.lower()))
        elif isinstance(node, tree.Negation):
            tests.append(_negated(_compound(node.subselector)))
        elif isinstance(node, tree.Function):
            tests.append(_nth(node))
        else:
            raise _Never
        node = node.selector
    return Compound((node.element or "").lower(), name, frozenset(classes), tuple(tests))


def _negated(compound: Compound) -> _Test:
    return lambda node: not compound.fits(node)


def _attribute(name: str, operator: str, value: str | None) -> _Test:
    if name in OUTLOOK:
        return lambda node: node.parent is None
    how: dict[str, Callable[[str, str], bool]] = {
        "exists": lambda has, _: True,
        "=": lambda has, wanted: has == wanted,
        "~=": lambda has, wanted: wanted in has.split(),
        "^=": lambda has, wanted: has.startswith(wanted),
        "$=": lambda has, wanted: has.endswith(wanted),
        "*=": lambda has, wanted: wanted in has,
        "|=": lambda has, wanted: has == wanted or has.startswith(f"{wanted}-"),
    }
    if operator not in how:
        raise _Never
    test = how[operator]
    return lambda node: (has := node.attributes.get(name)) is not None and test(has, value or "")


def _pseudo(name: str) -> _Test:
    tests: dict[str, _Test] = {
        "root": lambda node: node.parent is None,
        "link": lambda node: node.tag == "a" and "href" in node.attributes,
        "any-link": lambda node: node.tag == "a" and "href" in node.attributes,
        "first-child": lambda node: node.parent is not None and node.parent.elements[0] is node,
        "last-child": lambda node: node.parent is not None and node.parent.elements[-1] is node,
        "only-child": lambda node: node.parent is not None and len(node.parent.elements) == 1,
        "empty": lambda node: not node.content,
    }
    if name not in tests:
        raise _Never
    return tests[name]


def _nth(function: tree.Function) -> _Test:
    if function.name != "nth-child":
        raise _Never
    try:
        step, start = tree.parse_series(function.arguments)
    except (ValueError, AttributeError):
        raise _Never from None

    def test(node: Node) -> bool:
        if node.parent is None:
            return False
        away = node.place + 1 - start
        return away == 0 if step == 0 else away % step == 0 and away // step >= 0

    return test
