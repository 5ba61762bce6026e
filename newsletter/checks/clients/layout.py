"""Columns, places and sizes: what falls apart without flex, grid, floats, positions and newer units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from newsletter.checks.clients.breaks import OUTLOOK, Break, Mail, filled, in_ghost_table, lacking, quoted, rule
from newsletter.checks.styled import Look, Node
from newsletter.checks.styled.looks import INLINE
from newsletter.checks.styled.sheets import ways

_TABLES = ("table", "tbody", "thead", "tr", "td", "th")
_COLUMNS = "put the columns into a table, or give Outlook one in <!--[if mso]> comments and the others inline-blocks"
_GRID_ROWS = re.compile(r"none|auto|1fr|100%")


def _columns(mail: Mail, node: Node) -> list[Node]:
    """The elements in it that would stand beside one another, if at least two have something in them."""
    found = [one for one in node.elements if not mail.looks()[one].unseen and filled(one)]
    return found if len(found) > 1 else []


def _outlook_has_table(children: list[Node]) -> bool:
    return all(in_ghost_table(child) for child in children) and any(
        "<td" in child.outlook_before for child in children[1:]
    )


@rule
def boxes(mail: Mail) -> Iterable[Break]:
    """Flex and grid whose columns would stand below one another."""
    for node in mail.shown:
        kind = mail.looks()[node].display.removeprefix("inline-")
        if kind not in ("flex", "grid") or not (children := _columns(mail, node)):
            continue
        if kind == "flex" and "column" in mail.value(node, "flex-direction") + mail.value(node, "flex-flow"):
            continue
        if kind == "grid" and _GRID_ROWS.fullmatch(mail.value(node, "grid-template-columns") or "none"):
            continue
        # Without flex they are what they would be by themselves: inline, or floats and inline-blocks as a fallback.
        beside = all(
            mail.value(child, "display") in ("inline-block", "table-cell", "inline", "inline-table")
            or mail.value(child, "float") in ("left", "right")
            or (child.tag in INLINE and not mail.value(child, "display"))
            for child in children
        )
        if beside:
            continue
        spared = OUTLOOK if _outlook_has_table(children) else frozenset()
        yield Break(
            lacking([f"css-display-{kind}"], spared=spared),
            True,
            f"{kind} around {quoted(children[0])}",
            f"{len(children)} columns that are laid out by {kind} stand below one another",
            _COLUMNS,
        )


@rule
def blocks_beside_one_another(mail: Mail) -> Iterable[Break]:
    """Columns of floats or inline-blocks without a table for Outlook, which knows neither, nor widths of a div."""
    for node in mail.shown:
        children = _columns(mail, node)
        floats = [child for child in children if _floats(mail, child)]
        if len(floats) > 1 and not _outlook_has_table(floats):
            yield Break(
                lacking(["css-float"]),
                True,
                f"floats, {quoted(floats[0])}",
                f"{len(floats)} columns that float stand below one another",
                _COLUMNS,
            )
            continue
        blocks = [child for child in children if _is_column(mail, child)]
        if len(blocks) > 1 and not _outlook_has_table(blocks):
            yield Break(
                lacking(["css-display"], partial="Only supports `display:none`"),
                True,
                f"columns, {quoted(blocks[0])}",
                f"{len(blocks)} columns stand below one another, each as wide as the window",
                _COLUMNS,
            )


def _floats(mail: Mail, node: Node) -> bool:
    return mail.value(node, "float") in ("left", "right") and node.tag not in INLINE and "align" not in node.attributes


def _is_column(mail: Mail, node: Node) -> bool:
    return (
        node.tag not in _TABLES
        and node.tag not in INLINE
        and mail.value(node, "display") in ("inline-block", "table-cell")
        and bool(mail.value(node, "width") or mail.value(node, "max-width"))
    )


@rule
def places(mail: Mail) -> Iterable[Break]:
    """What is placed over something else."""
    for node in mail.shown:
        position = mail.value(node, "position")
        if (
            position in ("absolute", "fixed")
            and filled(node)
            and not any(mail.value(one, "position") in ("absolute", "fixed") for one in node.above())
        ):
            yield Break(
                lacking(["css-position"], partial=rf"not\b.*`{position}`"),
                True,
                f"position {position}, {quoted(node)}",
                "it does not stand where it is placed, but in the flow of the text",
                "lay it out with a table; for words on a picture use a background with a colour below it",
            )
        elif _is_negative(mail, node) and filled(node):
            yield Break(
                lacking(["css-margin"], partial="Negative values are not supported"),
                False,
                f"negative margin, {quoted(node)}",
                "it is not drawn over what stands before it",
                "do without the negative margin",
            )


def _is_negative(mail: Mail, node: Node) -> bool:
    return any(
        name.startswith("margin") and "-" in said[-1] and re.search(r"(?:^|\s)-\d*\.?\d*[1-9]", said[-1])
        for name, said in mail.styled.declared(node).items()
    )


_WIDTHS = ("width", "min-width", "max-width")
_NEW = frozenset(
    ("css-unit-rem", "css-unit-vw", "css-unit-vh", "css-unit-vmin", "css-unit-vmax", "css-unit-calc", "css-variables",
     "css-function-clamp", "css-function-min", "css-function-max")
)  # fmt: skip


@rule
def sizes(mail: Mail) -> Iterable[Break]:
    """Widths and sizes in a notation that is dropped, with nothing declared before it."""
    for slug in sorted(_NEW & mail.used.keys()):
        name = slug.rpartition("-")[2]
        failing = lacking([slug], partial="but not the variable declaration")
        wide = [node for node in mail.shown if _dropped(mail, node, _WIDTHS, slug) and filled(node)]
        if wide:
            yield Break(
                failing,
                True,
                f"{len(wide)} {'width' if len(wide) == 1 else 'widths'}, {quoted(wide[0])}",
                f"widths in {name} are dropped, and the layout with them",
                "write the width in px or % before it, or as an attribute of the table",
            )
        elif other := list(_resized(mail, slug)):
            yield Break(
                failing,
                True,
                f"{len(other)} sizes of letters, {quoted(other[0])}",
                f"sizes in {name} are dropped: words come out much larger or smaller",
                "write the size in px before it",
            )


def _dropped(mail: Mail, node: Node, names: Iterable[str], slug: str) -> bool:
    if node.attributes.get("width"):
        return False
    return any((said := mail.values(node, name)) and all(slug in ways(value) for value in said) for name in names)


def _resized(mail: Mail, slug: str) -> Iterator[Node]:
    """What would have another size by a third and more."""
    before: dict[Node, Look] = {run.node: run.look for run in mail.runs}
    for run in mail.runs_without(slug):
        if (usual := before.get(run.node)) and not 0.75 <= run.look.size / usual.size <= 1.34:
            yield run.node


@rule
def width_of_the_mail(mail: Mail) -> Iterable[Break]:
    """A narrow column by max-width, which Outlook draws as wide as its window."""
    for node in mail.shown:
        if (
            node.tag not in _TABLES
            and node.tag not in INLINE
            and re.fullmatch(r"\d+px", mail.value(node, "max-width"))
            and len(node.text()) > 200
            and not in_ghost_table(node)
            and not any(in_ghost_table(one) or one.attributes.get("width", "").isdigit() for one in node.walk())
            and not any(one.attributes.get("width", "").isdigit() for one in node.above())
        ):
            yield Break(
                lacking(["css-max-width"], partial="Only works on `<table>`"),
                False,
                f"max-width, {quoted(node)}",
                "lines run over the whole window",
                "give Outlook a table of that width in <!--[if mso]> comments",
            )
            return


@rule
def room_in_buttons(mail: Mail) -> Iterable[Break]:
    """Buttons that are padded links: Outlook pads cells alone."""
    for node in mail.shown:
        if node.tag != "a" or not mail.value(node, "padding") or not node.text():
            continue
        cell = node.parent if node.parent is not None and node.parent.tag in ("td", "th") else None
        drawn = next((one for one in (node, cell) if one is not None and _painted(mail, one)), None)
        if drawn is None or node.not_outlook or "<v:" in node.outlook_before:
            continue
        if cell is not None and (mail.value(cell, "mso-padding-alt") or mail.value(cell, "padding")):
            continue
        if "mso-" in node.style or any("mso" in one.outlook_inside for one in (node, *node.elements)):
            continue
        yield Break(
            lacking(["css-padding"], partial="Only supported on table cells"),
            False,
            f"button {quoted(node)}",
            "the button has no room around its words",
            "give the cell around it mso-padding-alt with the same padding",
        )


def _painted(mail: Mail, node: Node) -> bool:
    return mail.value(node, "background-color") not in ("", "transparent", "none")


_POORER = {
    "css-column-count": "text in columns is one column",
    "css-writing-mode": "upright text lies down",
    "css-transform": "what is turned or moved stands straight, in its old place",
    "css-object-fit": "a picture that is cut to fit is squeezed instead",
    "css-clip-path": "what is cut to a shape is not cut",
    "css-mask-image": "what is masked is not masked",
}


@rule
def shapes(mail: Mail) -> Iterable[Break]:
    """What looks poorer, and is still there."""
    for slug, what in _POORER.items():
        if not mail.used[slug]:
            continue
        name = slug.removeprefix("css-")
        node = next((one for one in mail.shown if mail.value(one, name) not in ("", "none") and filled(one)), None)
        if node is not None:
            yield Break(
                lacking([slug]), False, f"{name}, {quoted(node)}", what, f"see that it reads well without {name}"
            )
