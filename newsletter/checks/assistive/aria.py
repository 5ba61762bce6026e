"""Roles and ARIA attributes that there are and contradict nothing, and an order of tapping that is the page's."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.assistive.problems import Problem, rule, spoken
from newsletter.checks.styled import Node, Styled, looks

ATTRIBUTES = frozenset(
    f"aria-{name}"
    for name in re.findall(
        r"[\w-]+",
        """activedescendant atomic autocomplete braillelabel brailleroledescription busy checked colcount colindex
    colindextext colspan controls current describedby description details disabled dropeffect errormessage expanded
    flowto grabbed haspopup hidden invalid keyshortcuts label labelledby level live modal multiline multiselectable
    orientation owns placeholder posinset pressed readonly relevant required roledescription rowcount rowindex
    rowindextext rowspan selected setsize sort valuemax valuemin valuenow valuetext""",
    )
)
"""WAI-ARIA 1.3."""
_GLOBAL = ATTRIBUTES & {
    f"aria-{name}"
    for name in re.findall(
        r"[\w-]+",
        """atomic braillelabel brailleroledescription busy controls current describedby description details disabled
    dropeffect errormessage flowto grabbed haspopup hidden invalid keyshortcuts label labelledby live owns relevant
    roledescription""",
    )
}
ROLES = frozenset(
    re.findall(
        r"[\w-]+",
        """
    alert alertdialog application article banner blockquote button caption cell checkbox code columnheader combobox
    complementary contentinfo definition deletion dialog directory document emphasis feed figure form grid gridcell
    group heading img image insertion link list listbox listitem log main marquee math menu menubar menuitem
    menuitemcheckbox menuitemradio meter navigation none note option paragraph presentation progressbar radio
    radiogroup region row rowgroup rowheader scrollbar search searchbox separator slider spinbutton status strong
    subscript suggestion superscript switch tab table tablist tabpanel term text textbox time timer toolbar tooltip
    tree treegrid treeitem mark comment graphics-document graphics-object graphics-symbol""",
    )
)
_FOCUSABLE = ("button", "input", "select", "textarea", "iframe")
_WITH_ROLE = frozenset(
    re.findall(
        r"[\w-]+",
        """
    a article aside blockquote button dd dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr img li main
    nav ol p section table tbody td tfoot th thead tr ul""",
    )
)


def _focusable(node: Node) -> bool:
    if node.attributes.get("tabindex", "").lstrip("-").isdigit():
        return True
    return (node.tag in _FOCUSABLE and "disabled" not in node.attributes) or (
        node.tag == "a" and "href" in node.attributes
    )


@rule
def names_of_aria(styled: Styled) -> Iterable[Problem]:
    for node in spoken(styled):
        unknown = [one for one in node.attributes if one.startswith("aria-") and one not in ATTRIBUTES]
        if unknown:
            yield Problem(
                "aria-valid-attr", node, f"there is no attribute {unknown[0][:40]}", "correct it, or take it out"
            )
        roles = node.attributes.get("role", "").lower().split()
        if roles and not any(one in ROLES or one.startswith("doc-") for one in roles):
            yield Problem("aria-roles", node, f"there is no role {roles[0][:40]!r}", "correct it, or take it out")
        elif (
            roles
            and roles[0] in ("presentation", "none")
            and node.tag in _WITH_ROLE
            and (_focusable(node) or _GLOBAL & node.attributes.keys())
        ):
            yield Problem(
                    "presentation-role-conflict", node, f"role={roles[0]} is undone by what else is said of it",
                    "take the role out, or the tabindex and aria attributes", minor=True,
                )  # fmt: skip


@rule
def hidden_from_screen_readers(styled: Styled) -> Iterable[Problem]:
    found = looks(styled)
    for node in styled.inside:
        if node.attributes.get("aria-hidden") != "true":
            continue
        if node.tag == "body":
            yield Problem(
                "aria-hidden-body", node, "the whole mail is hidden from screen readers", "take aria-hidden out"
            )
        elif not any(one.attributes.get("aria-hidden") == "true" for one in node.above()) and any(
            _focusable(one) and one.attributes.get("tabindex") != "-1" and not found[one].unseen for one in node.walk()
        ):
            yield Problem(
                "aria-hidden-focus", node, "what is hidden from screen readers can still be reached by keyboard",
                "take aria-hidden out, or the link",
            )  # fmt: skip


@rule
def order_of_tapping(styled: Styled) -> Iterable[Problem]:
    for node in spoken(styled):
        if (order := node.attributes.get("tabindex", "0").strip()).isdigit() and int(order) > 0:
            yield Problem(
                "tabindex", node, "tabindex above 0 takes it out of its turn", "take tabindex out", minor=True
            )
