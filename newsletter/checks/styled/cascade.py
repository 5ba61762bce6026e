"""Which declarations meet at an element: hints of attributes, rules by specificity, its own style, importance."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from newsletter.checks.styled.nodes import Node, read
from newsletter.checks.styled.sheets import Declaration, Rule, Sheet, applies, declarations, sheet, ways

Values = Mapping[str, tuple[str, ...]]
"""What is declared, by property; the last value wins, and a client that does not know it takes the one before."""


@dataclass(frozen=True, slots=True)
class Environment:
    """How a mail is shown."""

    name: str
    dark: bool = False
    """Whether ``prefers-color-scheme: dark`` is true."""
    outlook_dark: bool = False
    """Whether Outlook.com's attributes ``data-ogsc`` and ``data-ogsb`` stand around the mail."""
    width: float = 640
    """CSS pixels."""
    without: frozenset[str] = frozenset()
    """Features, by their names in Can I email, that the program does not have: of values (see `ways`), and
    ``html-style`` and ``css-at-media``."""

    def reads(self, rule: Rule) -> bool:
        """Whether a rule of a style sheet counts."""
        if "html-style" in self.without or (rule.media and "css-at-media" in self.without):
            return False
        return all(applies(media, dark=self.dark, width=self.width) for media in rule.media)


LIGHT = Environment("in the light")
DARK = Environment("in the dark", dark=True)
OUTLOOK_DARK = Environment("in Outlook's dark mode", outlook_dark=True)

_Matches = tuple[tuple[tuple[int, int, int], int, bool], ...]
_PRESENTED = {"bgcolor": "background-color", "align": "text-align", "valign": "vertical-align"}
_FONT_SIZES = {"1": "10px", "2": "13px", "3": "16px", "4": "18px", "5": "24px", "6": "32px", "7": "48px"}


class Styled:
    """An HTML part with the declarations of each element. Read once for all checks."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.nodes = read(source)
        self.root = self.nodes[0]
        self.kept: dict[Environment, Any] = {}
        """What `looks` has worked out."""
        self._declared: dict[Environment, dict[int, Values]] = {}
        self._kinds: dict[Node, int] = {}
        self._numbers: dict[object, int] = {}

    @cached_property
    def body(self) -> Node:
        """The body, or the root of what has none."""
        return next((node for node in self.nodes if node.tag == "body"), self.root)

    @cached_property
    def inside(self) -> list[Node]:
        """The body and what stands in it."""
        return list(self.body.walk())

    @cached_property
    def by_id(self) -> dict[str, Node]:
        """The first element of each id."""
        return {node.id: node for node in reversed(self.nodes) if node.id}

    @cached_property
    def knows_dark(self) -> bool:
        """Whether the mail says that it has a dark scheme of its own, so that a browser's defaults are dark ones."""
        for node in self.nodes:
            if node.tag == "meta" and node.attributes.get("name", "").lower() == "color-scheme":
                return "dark" in node.attributes.get("content", "")
        return any("dark" in value for value in self.declared(self.root).get("color-scheme", ())[-1:])

    @cached_property
    def sheets(self) -> list[Sheet]:
        """The style sheets in the document; those for Outlook for Windows alone stand in comments and are not here."""
        return [
            sheet("".join(part for part in node.content if isinstance(part, str)), node.attributes.get("media", ""))
            for node in self.nodes
            if node.tag == "style"
        ]

    @cached_property
    def rules(self) -> list[Rule]:
        return [rule for one in self.sheets for rule in one.rules]

    @cached_property
    def _matched(self) -> dict[Node, _Matches]:
        """For each element the rules that fit: specificity, number, whether only in Outlook's dark mode."""
        by_tag: dict[str, list[Node]] = defaultdict(list)
        by_class: dict[str, list[Node]] = defaultdict(list)
        by_id: dict[str, list[Node]] = defaultdict(list)
        for node in self.nodes:
            by_tag[node.tag].append(node)
            by_id[node.id].append(node)
            for name in node.classes:
                by_class[name].append(node)
        found: dict[Node, list[tuple[tuple[int, int, int], int, bool]]] = defaultdict(list)
        for number, rule in enumerate(self.rules):
            for selector in rule.selectors:
                last = selector.last
                if last.id:
                    candidates = by_id[last.id]
                elif last.classes:
                    candidates = min((by_class[name] for name in last.classes), key=len)
                else:
                    candidates = by_tag[last.tag] if last.tag else self.nodes
                for node in candidates:
                    if selector.fits(node):
                        found[node].append((selector.specificity, number, selector.outlook))
        return {node: tuple(matches) for node, matches in found.items()}

    def declared(self, node: Node, environment: Environment = LIGHT) -> Values:
        """What meets at an element in an environment, in the order of the cascade."""
        kept = self._declared.get(environment)
        if kept is None:
            kept = self._declared[environment] = {}
        kind = self.kind(node)
        if (values := kept.get(kind)) is None:
            values = kept[kind] = self._cascade(node, environment)
        return values

    def kind(self, node: Node) -> int:
        """A number that elements have in common which are the same to every style sheet: most of a mail is of a few."""
        if (kind := self._kinds.get(node)) is None:
            has = node.attributes
            key = (
                node.tag, self._matched.get(node, ()), node.style, _hints(node),
                "href" in has, "hidden" in has, has.get("aria-hidden"),
            )  # fmt: skip
            kind = self._kinds[node] = self._numbers.setdefault(key, len(self._numbers))
        return kind

    def _cascade(self, node: Node, environment: Environment) -> Values:
        fitting = sorted(
            (specificity, number)
            for specificity, number, outlook in self._matched.get(node, ())
            if (environment.outlook_dark or not outlook) and environment.reads(self.rules[number])
        )
        ordered = list(_hints(node))
        for _, number in fitting:
            ordered += self.rules[number].declarations
        ordered += declarations(node.style)
        values: dict[str, list[str]] = defaultdict(list)
        for important in (False, True):
            for declaration in ordered:
                if declaration.important == important and not environment.without & ways(declaration.value):
                    values[declaration.name].append(declaration.value)
        return {name: tuple(found) for name, found in values.items()}

    def from_outlook(self, node: Node, name: str) -> bool:
        """Whether a rule for Outlook's dark mode sets a property of an element."""
        return any(
            outlook and any(declaration.name == name for declaration in self.rules[number].declarations)
            for _, number, outlook in self._matched.get(node, ())
        )


def _hints(node: Node) -> tuple[Declaration, ...]:
    """What attributes of the presentation say (HTML, section 15.3)."""
    has = node.attributes
    found = [Declaration(name, has[attribute], False) for attribute, name in _PRESENTED.items() if has.get(attribute)]
    if node.tag in ("table", "td", "th", "body") and has.get("background"):
        found.append(Declaration("background-image", f"url({has['background']})", False))
    if node.tag == "body" and has.get("text"):
        found.append(Declaration("color", has["text"], False))
    if node.tag == "font":
        if has.get("color"):
            found.append(Declaration("color", has["color"], False))
        if (size := _FONT_SIZES.get(has.get("size", ""))) is not None:
            found.append(Declaration("font-size", size, False))
        if has.get("face"):
            found.append(Declaration("font-family", has["face"], False))
    return tuple(found)


_VAR = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,((?:[^()]|\([^()]*\))*))?\)")


def substituted(value: str, variables: Mapping[str, str]) -> str:
    """A value with its custom properties filled in; what has neither value nor fallback stays."""
    for _ in range(8):
        if "var(" not in value:
            break
        value = _VAR.sub(lambda found: variables.get(found[1]) or (found[2] or found[0]).strip(), value)
    return value
