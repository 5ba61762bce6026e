"""An HTML part as a tree that is quick to walk, with what Outlook's conditional comments say around its elements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from newsletter.checks.document import document

_MOST_DEEP = 400
"""Levels that are read; what stands deeper is left out."""
_MSO = re.compile(r"\[if\s+([^\]]*)\]>(.*?)(?:<!\[endif\])?", re.S)
_SPACE = re.compile(r"\s+")


@dataclass(eq=False)
class Node:
    """An element."""

    tag: str
    attributes: dict[str, str]
    parent: Node | None
    place: int = 0
    """Its number among the elements of its parent."""
    not_outlook: bool = False
    """Whether ``<!--[if !mso]><!-->`` keeps it from Outlook for Windows."""
    ghost_cells: int = 0
    """Table cells around it that only Outlook for Windows sees."""
    in_vml: bool = False
    """Whether it stands in a drawing that only Outlook for Windows sees."""
    outlook_before: str = ""
    """What only Outlook for Windows sees between the element before it and this one."""
    content: list[Node | str] = field(default_factory=list)
    elements: list[Node] = field(default_factory=list)
    outlook_inside: str = ""
    """What only Outlook for Windows sees directly in it."""

    @cached_property
    def id(self) -> str:
        return self.attributes.get("id", "")

    @cached_property
    def classes(self) -> frozenset[str]:
        return frozenset(self.attributes.get("class", "").split())

    @property
    def style(self) -> str:
        return self.attributes.get("style", "")

    @cached_property
    def words(self) -> str:
        """Its own text, without that of the elements in it."""
        return _SPACE.sub(" ", " ".join(part for part in self.content if isinstance(part, str))).strip()

    def walk(self) -> Iterator[Node]:
        """Itself and everything in it, in the order of the document."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.elements)

    def above(self) -> Iterator[Node]:
        """What it stands in, the nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def text(self) -> str:
        """All words in it, in one line."""
        parts: list[str] = []
        waiting: list[Node | str] = [self]
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                parts.append(part)
            elif part.tag not in ("style", "script", "title"):
                waiting += reversed(part.content)
        return _SPACE.sub(" ", "".join(parts)).strip()


def read(source: str) -> list[Node]:
    """The elements of an HTML document in its order, the root first."""
    return _Reader().read(document(source, comments=True))


class _Reader:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.not_outlook = False
        self.cells = 0
        self.boxes = 0

    def read(self, root: Any) -> list[Node]:
        self._enter(root, None, 0)
        return self.nodes

    def _enter(self, element: Any, parent: Node | None, depth: int) -> None:
        node = Node(
            element.tag.lower(),
            {str(name).lower(): str(value) for name, value in element.attrib.items()},
            parent,
            len(parent.elements) if parent is not None else 0,
            self.not_outlook,
            max(0, self.cells),
            self.boxes > 0,
        )
        self.nodes.append(node)
        if parent is not None:
            parent.content.append(node)
            parent.elements.append(node)
        if element.text:
            node.content.append(element.text)
        before = ""
        for child in element if depth < _MOST_DEEP else ():
            if isinstance(child.tag, str):
                first = len(self.nodes)
                self._enter(child, node, depth + 1)
                self.nodes[first].outlook_before, before = before, ""
            else:
                said = self._comment(child.text or "")
                before += said
                node.outlook_inside += said
            if child.tail:
                node.content.append(child.tail)

    def _comment(self, text: str) -> str:
        """Follows a conditional comment, and gives what Outlook for Windows reads in it."""
        found = _MSO.fullmatch(text.strip())
        if found is None:
            if text.strip().startswith("<![endif]"):
                self.not_outlook = False
            return ""
        condition = found[1].replace(" ", "").lower()
        if "!mso" in condition:
            self.not_outlook = found[2].strip().startswith("<!")
            return ""
        if "mso" not in condition:
            return ""
        inside = found[2].lower()
        self.boxes += inside.count("<v:textbox") - inside.count("</v:textbox")
        self.cells += len(re.findall(r"<td\b", inside)) - inside.count("</td")
        return inside
