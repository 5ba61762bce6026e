"""Names of what is no text: pictures, fields, frames; and what moves, or keeps a reader from enlarging it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.assistive.problems import Problem, label, line, name, rule, said, spoken
from newsletter.checks.styled import Styled

_AROUND_PICTURES = ("button", "a", "p", "li", "td", "th")


@rule
def pictures_that_say_it_again(styled: Styled) -> Iterable[Problem]:
    for node in spoken(styled, "img"):
        alt = line(node.attributes.get("alt", "")).lower()
        around = next(
            (
                one
                for one in node.above()
                if one.tag in _AROUND_PICTURES and (one.tag != "a" or "href" in one.attributes)
            ),
            None,
        )
        if alt and around is not None and said(styled, around, pictures=False).lower() == alt:
            yield Problem(
                "image-redundant-alt",
                node,
                "the words beside a picture are its alternative text, and are read twice",
                'write alt="" on the picture, or say what it shows',
                minor=True,
            )


@rule
def drawings_and_areas(styled: Styled) -> Iterable[Problem]:
    maps = {f"#{one.attributes.get('name', '')}" for one in styled.inside if one.tag == "map"}
    used = {one.attributes.get("usemap") for one in spoken(styled, "img")} & maps
    for node in styled.inside:
        if node.tag == "area" and "href" in node.attributes and node.parent is not None:
            around = next((f"#{one.attributes.get('name', '')}" for one in node.above() if one.tag == "map"), "")
            if around in used and not (node.attributes.get("alt", "").strip() or label(styled, node)):
                yield Problem("area-alt", node, "an area of a picture that is a link has no alt", "say where it leads")
    for node in spoken(styled):
        has = node.attributes
        if has.get("role") in ("img", "graphics-document", "graphics-symbol") and node.tag == "svg":
            if not label(styled, node) and not any(one.tag == "title" and one.text() for one in node.elements):
                yield Problem(
                    "svg-img-alt", node, "a drawing has no name", "write aria-label on it, or a <title> in it"
                )
        elif has.get("role") == "img" and node.tag != "img" and not label(styled, node):
            yield Problem("role-img-alt", node, "what counts as a picture has no name", "write aria-label on it")


_UNLABELLED = ("hidden", "image", "button", "submit", "reset")


@rule
def fields(styled: Styled) -> Iterable[Problem]:
    """Fields and buttons of forms, and frames, have names."""
    labels = {one.attributes.get("for"): one for one in styled.inside if one.tag == "label"}
    for node in spoken(styled, "input", "textarea", "select", "button", "iframe", "frame"):
        kind = node.attributes.get("type", "text").lower() if node.tag == "input" else ""
        own = label(styled, node)
        if node.tag in ("iframe", "frame"):
            if not own and node.attributes.get("tabindex") != "-1":
                yield Problem("frame-title", node, "an embedded page has no title", "write title on it")
        elif node.tag == "button":
            if not name(styled, node):
                yield Problem("button-name", node, "a button has no words", "write them")
        elif kind == "image":
            if not (own or node.attributes.get("alt", "").strip()):
                yield Problem("input-image-alt", node, "a picture that is a button has no alt", "say what it does")
        elif kind in ("button", "submit", "reset"):
            value = node.attributes.get("value")
            if not (own or (value or "").strip() or (value is None and kind != "button")):
                yield Problem("input-button-name", node, "a button has no words", "write value on it")
        elif kind not in _UNLABELLED:
            around = next((one for one in node.above() if one.tag == "label"), None)
            named = [one for one in (around, labels.get(node.id) if node.id else None) if one is not None]
            placeholder = node.attributes.get("placeholder", "").strip() if node.tag != "select" else ""
            if not (own or placeholder or any(name(styled, one) for one in named)):
                yield Problem(
                    "select-name" if node.tag == "select" else "label",
                    node,
                    "a field has no name",
                    "put a <label> at it",
                )


_SCALE = re.compile(r"maximum-scale\s*=\s*([\d.]+)")


@rule
def what_moves(styled: Styled) -> Iterable[Problem]:
    for node in spoken(styled, "marquee", "blink"):
        yield Problem(node.tag, node, "words move or blink, and nobody can stop them", "let them stand still")
    for node in styled.nodes:
        if node.tag != "meta":
            continue
        content = node.attributes.get("content", "").lower()
        if node.attributes.get("name", "").lower() == "viewport":
            scale = _SCALE.search(content)
            if re.search(r"user-scalable\s*=\s*(no|0)\b", content) or (scale and 0 <= float(scale[1]) < 2):
                yield Problem(
                    "meta-viewport", node, "readers cannot enlarge the mail", "take user-scalable and maximum-scale out"
                )
        elif node.attributes.get("http-equiv", "").lower() == "refresh":
            wait = re.match(r"\s*(\d{1,6})", content)
            if wait and 0 < int(wait[1]) <= 72_000:
                yield Problem("meta-refresh", node, "the page goes on by itself", "take it out")
