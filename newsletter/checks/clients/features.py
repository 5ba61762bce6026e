"""Which features of Can I email a mail uses: elements, attributes, properties, values, rules, selectors, pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

from newsletter.checks.clients.data import caniemail
from newsletter.checks.styled import Node, Styled
from newsletter.checks.styled.sheets import Declaration, declarations, ways

FORMATS = {
    **{name: f"image-{name}" for name in ("apng", "avif", "bmp", "gif", "hdr", "ico", "jpg", "png", "svg", "webp")},
    "heic": "image-heif", "heif": "image-heif", "jpeg": "image-jpg", "tif": "image-tiff", "tiff": "image-tiff",
}  # fmt: skip
_ELEMENTS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "html-h1-h6"),
    **dict.fromkeys(("ul", "ol", "dl"), "html-lists"),
    **dict.fromkeys(("article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark", "nav",
                     "section", "summary", "time"), "html-semantics"),
    "s": "html-strike", "strike": "html-strike", "b": "html-strong", "button": "html-button-submit",
    "map": "html-image-maps", "embed": "html-object",
}  # fmt: skip
_GROUPS = (
    (re.compile(r"border-.*-radius"), "css-border-radius"),
    (re.compile(r"(margin|padding)-(?:top|right|bottom|left)"), r"css-\1"),
    (re.compile(r"border-(?:(?:top|right|bottom|left)(?:-.*)?|width|style|color)"), "css-border"),
    (re.compile(r"(?:left|right|top|bottom)"), "css-left-right-top-bottom"),
    (re.compile(r"flex(?:-flow|-grow|-shrink|-basis)?|order"), "css-display-flex"),
    (re.compile(r"grid(?:-.*)?"), "css-grid-template"),
    (re.compile(r"(?:row|column)-gap"), "css-gap"),
    (re.compile(r"columns"), "css-column-count"),
)
_MARKS = {",": "grouping", ".": "class", "#": "id", "[": "attribute", ">": "child", "+": "adjacent-sibling"}
_PSEUDO = re.compile(r"(::?)([a-z-]+)")


def used(styled: Styled) -> Counter[str]:
    """How often a mail uses each feature; what Can I email does not know is left out."""
    found: Counter[str] = Counter()
    for node in styled.nodes:
        found.update(_of_element(node))
        if node.style:
            found.update(_of_style(node.style))
    for one in styled.sheets:
        for rule in one.rules:
            found.update(slug for declaration in rule.declarations for slug in of_declaration(declaration))
            found.update(_of_selector(rule.prelude))
        for name, prelude in one.at_rules:
            found[f"css-at-{name}"] += 1
            if name == "media" and "prefers-color-scheme" in prelude:
                found["css-at-media-prefers-color-scheme"] += 1
    known = caniemail().features
    return Counter({slug: count for slug, count in found.items() if slug in known})


@lru_cache(8192)
def _of_style(style: str) -> tuple[str, ...]:
    return tuple(slug for declaration in declarations(style) for slug in of_declaration(declaration))


def of_declaration(declaration: Declaration) -> set[str]:
    """The features of a property and of its value."""
    name, value = declaration.name, declaration.value.lower()
    found = set(ways(value))
    if name.startswith("--"):
        return found | {"css-variables"}
    found.add(next((group.sub(slug, name) for group, slug in _GROUPS if group.fullmatch(name)), f"css-{name}"))
    if name == "display":
        kind = value.removeprefix("inline-")
        found.add(f"css-display-{kind}" if kind in ("flex", "grid", "none") else "css-display")
    if declaration.important:
        found.add("css-important")
    return found


def _of_selector(prelude: str) -> Iterable[str]:
    for marks, name in _PSEUDO.findall(prelude):
        yield f"css-pseudo-{'element' if len(marks) == 2 or name in ('before', 'after') else 'class'}-{name}"
    for mark, slug in _MARKS.items():
        if mark in prelude:
            yield f"css-selector-{slug}"


def _of_element(node: Node) -> Iterable[str]:
    yield _ELEMENTS.get(node.tag, f"html-{node.tag}")
    if node.tag == "input":
        yield f"html-input-{node.attributes.get('type', 'text').lower()}"
    for name in node.attributes:
        if name.startswith("on") or name in ("style", "class", "id", "src", "href", "alt", "content", "name"):
            continue
        yield f"html-{'loading-attribute' if name == 'loading' else name}"
    if node.tag == "img" and (slug := picture_format(node.attributes.get("src", ""))):
        yield slug


@lru_cache(1024)
def picture_format(address: str) -> str:
    """The feature that a picture's format is, by its address; empty where that does not say.

    A service that chooses by what the program asks for (``auto=webp``) does not say: what cannot show WebP gets none.
    """
    if address.startswith("data:"):
        return "image-base64"
    try:
        parts = urlsplit(address)
        wanted = {name.lower(): values[-1].lower() for name, values in parse_qs(parts.query).items()}
    except ValueError:
        return ""
    for name in ("fm", "format", "f", "output"):
        if wanted.get(name) in FORMATS:
            return FORMATS[wanted[name]]
    if "auto" in wanted or wanted.get("format") == "auto":
        return ""
    return FORMATS.get(parts.path.rpartition(".")[2].lower(), "")
