"""What our rules say: what of a mail breaks in programs without a feature, and what spares some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from newsletter.checks.clients.data import CLIENTS, caniemail
from newsletter.checks.clients.features import used
from newsletter.checks.styled import LIGHT, Environment, Look, Node, Run, Styled, looks, runs
from newsletter.config import MailClient

OUTLOOK: frozenset[MailClient] = frozenset({"outlook-windows"})
"""Who reads conditional comments."""
EVERYBODY: Mapping[MailClient, float] = dict.fromkeys(CLIENTS, 1.0)


@dataclass(frozen=True, slots=True)
class Break:
    """Something of a mail that some programs do not show as it is meant."""

    failing: Mapping[MailClient, float]
    """Who, with the share (0 to 1) of the program's platforms."""
    critical: bool
    """Whether words, pictures or the layout are lost; else it looks poorer."""
    where: str
    what: str
    """After the programs' names: “the first picture is WebP and will not show”."""
    mend: str


def lacking(
    slugs: Iterable[str], *, partial: str = "", spared: frozenset[MailClient] = frozenset()
) -> dict[MailClient, float]:
    """Who lacks any of some features; ``partial`` as in `Feature.failing`, ``spared`` have a fallback."""
    found: dict[MailClient, float] = {}
    for slug in slugs:
        feature = caniemail().features.get(slug)
        for client, share in (feature.failing(partial) if feature else {}).items():
            if client not in spared:
                found[client] = max(share, found.get(client, 0))
    return found


@dataclass
class Mail:
    """A mail with what rules ask of it, worked out once."""

    styled: Styled

    @cached_property
    def used(self) -> Counter[str]:
        return used(self.styled)

    def looks(self, environment: Environment = LIGHT) -> dict[Node, Look]:
        return looks(self.styled, environment)

    @cached_property
    def runs(self) -> list[Run]:
        """What shows words in the light."""
        return list(runs(self.styled))

    def runs_without(self, slug: str) -> list[Run]:
        """What shows words where a feature is missing."""
        return list(runs(self.styled, Environment(f"without {slug}", without=frozenset({slug}))))

    @cached_property
    def shown(self) -> list[Node]:
        """The elements of the body that are shown in the light, and not for other programs than Outlook alone."""
        return [node for node in self.styled.inside if not self.looks()[node].unseen]

    @cached_property
    def opening(self) -> set[Node]:
        """What stands before the first words that show: a hidden preheader is there on purpose."""
        found: set[Node] = set()
        first = self.runs[0].node if self.runs else None
        for node in self.styled.inside:
            if node is first:
                break
            found.add(node)
        return found

    @cached_property
    def pictures(self) -> list[Node]:
        return [node for node in self.shown if node.tag == "img"]

    def value(self, node: Node, name: str) -> str:
        """What an element's own property is at last, in small letters; empty where nothing declares it."""
        said = self.styled.declared(node).get(name)
        return said[-1].lower() if said else ""

    def values(self, node: Node, name: str) -> tuple[str, ...]:
        """All that is declared for a property of an element, the one that wins last."""
        return self.styled.declared(node).get(name, ())


Rule = Callable[[Mail], Iterable[Break]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    """Registers a rule."""
    RULES.append(function)
    return function


def in_ghost_table(node: Node) -> bool:
    """Whether Outlook for Windows has an element in a table cell of its own."""
    return node.ghost_cells > 0 or "<td" in node.outlook_before


def quoted(node: Node, most: int = 40) -> str:
    """What an element says, for a sentence."""
    words = node.text()
    if not words:
        picture = next((one for one in node.walk() if one.tag == "img"), None)
        return f"picture {picture.attributes.get('src', '')[:80]}" if picture else f"<{node.tag}>"
    return f"“{words if len(words) <= most else words[:most].rstrip() + '…'}”"


def filled(node: Node) -> bool:
    """Whether an element has words or pictures in it."""
    return bool(node.words) or any(one.tag == "img" or one.words for one in node.walk())
