"""Links in running text that show without colours."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.assistive.problems import Problem, rule
from newsletter.checks.styled import DARK, LIGHT, Environment, Look, Node, Run, Styled, contrast, looks, run

_BLOCKS = ("block", "list-item", "table", "flex", "grid")
_APART = 3.0
_BORDER = re.compile(r"\b(solid|dashed|dotted|double|groove|ridge|inset|outset)\b")
_LINES = re.compile(r"underline|overline|line-through")


@rule
def links_in_text(styled: Styled) -> Iterable[Problem]:
    """Links in running text that differ from it by colour alone, and by too little of it (WCAG 2.2, 1.4.1).

    As axe has it: an underline, a border, another font, weight, slope or size is enough; so is a contrast of 3:1. One
    of the very colour of its text is not told apart by colour, and is left alone.
    """
    told: set[Node] = set()
    for environment in (LIGHT, DARK):
        found = looks(styled, environment)
        running: dict[Node, set[Node]] = {}
        for node in styled.inside:
            if node.tag != "a" or "href" not in node.attributes or node.attributes.get("role", "link") != "link":
                continue
            look = found[node]
            if node in told or look.unseen or look.invisible or look.display != "inline" or not node.text():
                continue
            block = next((one for one in node.above() if _is_block(found[one])), None)
            if block is None:
                continue
            if block not in running:
                running[block] = _running(block, found)
            if node not in running[block] or _distinct(styled, node, block, found, environment):
                continue
            if _told_apart(run(styled, environment, node), run(styled, environment, block)):
                continue
            told.add(node)
            yield Problem(
                "link-in-text-block", node, "a link in running text differs from it by a little colour alone",
                "underline it", environment=environment,
            )  # fmt: skip


def _is_block(look: Look) -> bool:
    return look.display in _BLOCKS or look.display.startswith("table-")


def _running(block: Node, found: dict[Node, Look]) -> set[Node]:
    """The links of a block whose line, from break to break, has more words beside links than in them."""
    running: set[Node] = set()
    beside: list[str] = []
    links: list[Node] = []

    def end_of_line() -> None:
        within = "".join(link.text() for link in links)
        if len(" ".join("".join(beside).split())) > len(" ".join(within.split())):
            running.update(links)
        beside.clear()
        links.clear()

    waiting: list[Node | str] = list(reversed(block.content))
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            beside.append(part)
        elif _is_block(found[part]) or part.tag in ("br", "hr"):
            end_of_line()
        elif found[part].unseen or found[part].invisible:
            continue
        elif part.tag in ("button", "input", "select", "textarea") or (part.tag == "a" and "href" in part.attributes):
            links.append(part)
        else:
            waiting += reversed(part.content)
    end_of_line()
    return running


def _distinct(styled: Styled, link: Node, block: Node, found: dict[Node, Look], environment: Environment) -> bool:
    values = styled.declared(link, environment)
    if values.get("background-image", ("none",))[-1].lower() != "none":
        return True
    if any(
        _BORDER.search(said := values[side][-1].lower()) and not re.match(r"0(?:px)?\s|.*\btransparent\b", said)
        for side in ("border", "border-top", "border-bottom", "outline")
        if side in values
    ):
        return True
    one, other = found[link], found[block]
    return (
        one.family != other.family
        or one.weight != other.weight
        or one.italic != other.italic
        or round(one.size, 2) != round(other.size, 2)
        or _lines(styled, link, environment) != _lines(styled, block, environment)
    )


def _lines(styled: Styled, node: Node, environment: Environment) -> str:
    """Which lines are drawn at an element's words by its own style."""
    values = styled.declared(node, environment)
    for prop in ("text-decoration-line", "text-decoration"):
        if prop in values:
            return " ".join(sorted(_LINES.findall(values[prop][-1].lower())))
    return "underline" if node.tag in ("u", "ins") or (node.tag == "a" and "href" in node.attributes) else ""


def _told_apart(link: Run, block: Run) -> bool:
    words, ground = contrast(link.text, block.text), contrast(link.ground, block.ground)
    return words >= _APART or ground >= _APART or (words == 1 and ground == 1) or link.picture or block.picture
