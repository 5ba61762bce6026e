"""Style sheets: what is lost, or comes to light, in programs that do not read them, or not all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.clients.breaks import Break, Mail, lacking, quoted, rule
from newsletter.checks.styled import LIGHT, Environment, Node, Run, contrast, runs, shown

_LEGIBLE = 3.0
_WIDE, _NARROW = LIGHT, Environment("on a phone", width=375)
_NO_MEDIA = Environment("without @media", without=frozenset({"css-at-media"}))
_NO_SHEETS = Environment("without style sheets", without=frozenset({"html-style"}))
_ENOUGH = 20
"""Letters from which hidden words count as content."""


def _said(mail: Mail, environment: Environment) -> dict[str, Node]:
    return {node.words: node for node, _ in shown(mail.styled, environment)}


@rule
def only_by_media(mail: Mail) -> Iterable[Break]:
    """Words that only a rule in @media brings to light."""
    if not mail.used["css-at-media"]:
        return
    always = _said(mail, _NO_MEDIA)
    for environment in (_WIDE, _NARROW):
        lost = [node for words, node in _said(mail, environment).items() if words not in always]
        if sum(len(node.words) for node in lost) >= _ENOUGH:
            yield Break(
                lacking(["css-at-media"]),
                True,
                f"words that @media shows, {quoted(lost[0])}",
                "words that only a rule in @media shows stay hidden",
                "show them without it, and hide in @media what is not wanted there",
            )
            return


_SWITCH = re.compile(r":(checked|target|hover|focus|focus-within|active)\b")
_SHOWS = {"display", "max-height", "height", "visibility", "opacity"}


@rule
def only_by_a_switch(mail: Mail) -> Iterable[Break]:
    """Hidden words that a tap shows, where the program knows of such taps."""
    for one in mail.styled.rules:
        found = _SWITCH.search(one.prelude)
        shows = any(d.name in _SHOWS and d.value.lower() not in ("none", "0", "hidden") for d in one.declarations)
        if found is None or not shows:
            continue
        hidden = [node for node in _hidden(mail) if len(node.text()) >= _ENOUGH]
        if hidden:
            yield Break(
                lacking([f"css-pseudo-class-{found[1]}", "html-input-checkbox"]),
                True,
                f"hidden words, {quoted(hidden[0])}",
                f"words that :{found[1]} shows stay hidden",
                "show them, or link to them",
            )
            return


def _hidden(mail: Mail) -> Iterable[Node]:
    """What is hidden at its own level, without a preheader."""
    found = mail.looks()
    for node in mail.styled.inside:
        if found[node].unseen and node.tag in _TEXT and node not in mail.opening:
            above = found.get(node.parent) if node.parent else None
            if above is None or not above.unseen:
                yield node


_TEXT = frozenset(("div", "section", "td", "tr", "table", "p", "span", "ul", "ol", "article"))


@rule
def hidden_by_a_sheet(mail: Mail) -> Iterable[Break]:
    """What is lost, or shows, where style sheets are dropped."""
    if not mail.used["html-style"]:
        return
    without = list(runs(mail.styled, _NO_SHEETS))
    before = {run.node: run for run in mail.runs}
    revealed = [
        run.node
        for run in without
        if run.node not in before and len(run.node.words) >= _ENOUGH and run.node not in mail.opening
    ]
    if revealed:
        yield Break(
            lacking(["html-style"]),
            True,
            f"words that a style sheet hides, {quoted(revealed[0])}",
            "words that only a style sheet hides are shown",
            'hide them with a style of their own: style="display:none"',
        )
    yield from _faint(mail, without, ["html-style"], "style sheets are dropped", "write the colours onto the elements")


_NOTATIONS = {
    "css-variables": "variables", "css-rgba": "rgba()", "css-modern-color": "newer notations of colours",
    "css-function-light-dark": "light-dark()",
}  # fmt: skip


@rule
def colours(mail: Mail) -> Iterable[Break]:
    """Words that are not legible where a colour is dropped, with nothing declared before it."""
    for slug, name in _NOTATIONS.items():
        if mail.used[slug]:
            yield from _faint(
                mail,
                mail.runs_without(slug),
                [slug],
                f"colours in {name} are dropped",
                "write a plain colour before it",
            )


def _faint(mail: Mail, without: list[Run], slugs: list[str], why: str, mend: str) -> Iterable[Break]:
    before = {run.node: run for run in mail.runs}
    lost = [
        run
        for run in without
        if (usual := before.get(run.node)) is not None
        and contrast(run.text, run.ground) < _LEGIBLE <= contrast(usual.text, usual.ground)
    ]
    if lost:
        yield Break(
            lacking(slugs, partial="but not the variable declaration"),
            True,
            f"colours, {quoted(lost[0].node)}",
            f"{why}, and words are not legible",
            mend,
        )


_FONTS = re.compile(r"font|typekit", re.IGNORECASE)


@rule
def sheets_elsewhere(mail: Mail) -> Iterable[Break]:
    """Style sheets that are loaded. Fonts are an extra."""
    links = [
        node.attributes.get("href", "")
        for node in mail.styled.nodes
        if node.tag == "link" and "stylesheet" in node.attributes.get("rel", "").lower()
    ]
    imports = [prelude for one in mail.styled.sheets for name, prelude in one.at_rules if name == "import"]
    for slug, addresses in (("html-link", links), ("css-at-import", imports)):
        if wanted := [address for address in addresses if not _FONTS.search(address)]:
            yield Break(
                lacking([slug]),
                True,
                f"style sheet {wanted[0][:120]}",
                "a style sheet that is loaded from elsewhere is not read",
                "write its rules into the mail",
            )


@rule
def nested(mail: Mail) -> Iterable[Break]:
    """An at-rule in another, at which Gmail drops the whole style sheet."""
    if any(one.nested for one in mail.styled.sheets):
        yield Break(
            {"gmail": 1.0},
            False,
            "style sheet",
            "a style sheet with an @-rule in an @-rule is dropped as a whole",
            "write one condition: @media screen and (max-width: 480px) and (prefers-color-scheme: dark)",
        )


_UNSEEN = {"opacity": ("0",), "visibility": ("hidden",)}


@rule
def hidden_softly(mail: Mail) -> Iterable[Break]:
    """Words that are hidden by a property that some programs do not know."""
    found = mail.looks()
    for node in mail.styled.inside:
        above = found.get(node.parent) if node.parent else None
        if node in mail.opening or (above and above.unseen):
            continue
        for name, values in _UNSEEN.items():
            if mail.value(node, name) in values and len(node.text()) >= _ENOUGH:
                yield Break(
                    lacking([f"css-{name}"]),
                    False,
                    f"{name}, {quoted(node)}",
                    f"words that {name} hides are shown",
                    "hide them with display:none and mso-hide:all",
                )
