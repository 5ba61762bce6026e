"""Language and direction, tables, lists, headings: how a mail is put together for those who do not see it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.assistive.problems import Problem, line, name, rule, spoken
from newsletter.checks.styled import Node, Styled

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", re.IGNORECASE)
_DATA = ("th", "caption", "thead", "tfoot")
_PRESENTED = ("presentation", "none")


@rule
def language_and_direction(styled: Styled) -> Iterable[Problem]:
    """Programs drop <html> and <body>: what a mail says of itself must stand on an element inside."""
    for attribute, why in (
        ("lang", "a screen reader guesses how to pronounce it"),
        ("dir", "a reader whose program runs the other way sees it turned around"),
    ):
        for node in spoken(styled):
            if node.words and not any(_says(one, attribute) for one in (node, *node.above())):
                yield Problem(
                    f"body-{attribute}",
                    node,
                    f"no element around it in the body has {attribute}: {why}",
                    f'write {attribute}="…" on the element around everything in the body, and on <html>',
                )
                break


def _says(node: Node, attribute: str) -> bool:
    """“Undetermined”, which MJML writes where nothing is said, is nothing said."""
    return node.tag not in ("html", "body") and node.attributes.get(attribute, "").strip().lower() not in ("", "und")


@rule
def known_languages(styled: Styled) -> Iterable[Problem]:
    for node in styled.nodes:
        said = node.attributes.get("lang")
        if said is not None and (said.strip() or node.tag == "html") and not _LANGUAGE.fullmatch(said.strip()):
            yield Problem(
                "html-lang-valid" if node.tag == "html" else "valid-lang",
                node,
                f"lang is {said[:20]!r}, which is no language",
                "write for example en, de or pt-BR",
            )


@rule
def layout_tables(styled: Styled) -> Iterable[Problem]:
    """Tables that are there for the layout are read out row by row unless they say so."""
    for node in spoken(styled, "table"):
        if "role" not in node.attributes and not _is_data(node):
            yield Problem(
                "table-role",
                node,
                "a table for the layout is read out as a table",
                'write role="presentation" on it; a table of data has <th> cells instead',
            )


def _is_data(table: Node) -> bool:
    return bool(table.attributes.get("summary")) or any(
        one.tag in _DATA or "scope" in one.attributes or "headers" in one.attributes for one in _own(table)
    )


def _own(table: Node) -> Iterable[Node]:
    """What is in a table, without the tables in it."""
    waiting = list(table.elements)
    while waiting:
        node = waiting.pop()
        yield node
        if node.tag != "table":
            waiting += node.elements


@rule
def data_tables(styled: Styled) -> Iterable[Problem]:
    """Headers of tables: a scope that there is, words in them, cells that are there."""
    for node in spoken(styled, "td", "th"):
        scope = node.attributes.get("scope")
        if scope is not None and (node.tag == "td" or scope.lower() not in ("row", "col", "rowgroup", "colgroup")):
            yield Problem(
                "scope-attr-valid", node, f"scope {scope[:20]!r} says nothing here", 'write <th scope="col"> or "row"'
            )
        if node.tag == "th" and not name(styled, node):
            yield Problem(
                "empty-table-header", node, "a header of a table is empty", "write its words, or make it a <td>"
            )
    for table in spoken(styled, "table"):
        caption = next((one for one in table.elements if one.tag == "caption"), None)
        summary = line(table.attributes.get("summary", ""))
        if caption is not None and summary and caption.text().lower() == summary.lower():
            yield Problem(
                "table-duplicate-name", table, "caption and summary of a table are the same", "take the summary out"
            )
        cells = {one.id: one for one in _own(table) if one.tag in ("td", "th") and one.id}
        for cell in _own(table):
            wanted = cell.attributes.get("headers", "").split() if cell.tag in ("td", "th") else []
            if wanted and any(cells.get(one) in (None, cell) for one in wanted):
                yield Problem(
                    "td-headers-attr", cell, "headers name no other cell of the table", "name the ids of its headers"
                )


@rule
def lists(styled: Styled) -> Iterable[Problem]:
    """Lists hold items and items stand in lists, or nobody hears how many there are."""
    for node in spoken(styled):
        parent = node.parent
        if node.tag in ("ul", "ol") and "role" not in node.attributes:
            if node.words or any(not _is_item(one) for one in node.elements):
                yield Problem("list", node, "a list holds something that is no item", "put it into an <li>")
        elif node.tag == "li" and "role" not in node.attributes:
            if parent is None or not (
                parent.attributes.get("role") == "list" if "role" in parent.attributes else parent.tag in ("ul", "ol")
            ):
                yield Problem("listitem", node, "an item stands in no list", "put a <ul> or <ol> around the items")
        elif node.tag == "dl" and "role" not in node.attributes:
            if node.words or any(one.tag not in ("dt", "dd", "div", "script", "template") for one in node.elements):
                yield Problem(
                    "definition-list", node, "a <dl> holds something else than <dt> and <dd>", "put it into a <dd>"
                )
        elif node.tag in ("dt", "dd"):
            if parent is not None and parent.tag == "div":
                parent = parent.parent
            if parent is None or parent.tag != "dl":
                yield Problem("dlitem", node, f"a <{node.tag}> stands in no <dl>", "put a <dl> around it")


def _is_item(node: Node) -> bool:
    return (
        node.tag in ("script", "template")
        or node.attributes.get("role", "listitem" if node.tag == "li" else "") == "listitem"
    )


@rule
def headings_with_words(styled: Styled) -> Iterable[Problem]:
    for node in spoken(styled):
        is_heading = (
            node.attributes.get("role", "heading") == "heading"
            if re.fullmatch("h[1-6]", node.tag)
            else (node.attributes.get("role") == "heading")
        )
        if is_heading and not name(styled, node):
            yield Problem("empty-heading", node, "a heading has no words", "write them, or take the heading out")


_VML = re.compile(r"<v:(?:rect|roundrect|oval|shape|image)\b[^>]*>")
_VML_LINK = re.compile(r"<v:textbox\b(?:(?!</v:textbox).)*<a\b", re.S)


@rule
def drawings_of_outlook(styled: Styled) -> Iterable[Problem]:
    """VML is a picture: it needs an alternative text, and nothing in it can be reached by keyboard."""
    for node in styled.inside:
        inside = node.outlook_inside
        if any(not re.search(r"\balt\s*=", tag) for tag in _VML.findall(inside)):
            yield Problem(
                "vml-alt",
                node,
                "a drawing for Outlook (VML) has no alt",
                'write alt="…" on it, or alt="" for an ornament',
            )
        if _VML_LINK.search(inside) or (node.in_vml and node.tag == "a" and node.attributes.get("href")):
            yield Problem(
                "vml-link", node, "a link stands in a drawing for Outlook (VML), where no keyboard reaches it",
                "put the link below the drawing, or make the drawing itself the link (href on it)",
            )  # fmt: skip
        if node.in_vml and re.fullmatch("h[1-6]", node.tag):
            yield Problem(
                "vml-heading", node, "a heading stands in a drawing for Outlook (VML), where it is none",
                "put the heading beside the drawing", minor=True,
            )  # fmt: skip
