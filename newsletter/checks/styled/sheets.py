"""Style sheets and style attributes as rules and declarations. What is read is kept: mails of one template share it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import tinycss2

from newsletter.checks.styled.colours import colour, notation
from newsletter.checks.styled.selectors import Selector, selectors

_MOST_DEEP = 8
"""At-rules in at-rules that are read."""


class Declaration(NamedTuple):
    name: str
    """In small letters, as custom properties alone are not."""
    value: str
    important: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with a selector. ``media`` are the conditions around it, the outermost first."""

    selectors: tuple[Selector, ...]
    prelude: str
    declarations: tuple[Declaration, ...]
    media: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    rules: tuple[Rule, ...]
    at_rules: tuple[tuple[str, str], ...]
    """Every at-rule with its name and its prelude: ``("media", "(max-width: 480px)")``."""
    nested: bool
    """Whether an at-rule stands in another, at which Gmail drops the sheet."""


@lru_cache(8192)
def declarations(style: str) -> tuple[Declaration, ...]:
    """What a style attribute or a rule's block declares; ``background`` also as the colour and the picture it sets."""
    return tuple(_declared(tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)))


def _declared(items: list[Any]) -> Iterator[Declaration]:
    for item in items:
        if item.type != "declaration":
            continue
        name = item.name if item.name.startswith("--") else item.lower_name
        value = tinycss2.serialize(item.value).strip()
        if name == "background":
            yield Declaration("background-color", _part(item.value) or "transparent", item.important)
            pictures = [token for token in item.value if _is_picture(token)]
            yield Declaration("background-image", tinycss2.serialize(pictures) or "none", item.important)
        yield Declaration(name, value, item.important)


def _part(tokens: list[Any]) -> str:
    """The colour among the parts of a background."""
    for token in tokens:
        if token.type in ("ident", "hash", "function") and not _is_picture(token):
            value = token.serialize()
            if colour(value) is not None or (token.type == "function" and token.lower_name == "var"):
                return str(value)
    return ""


def _is_picture(token: Any) -> bool:
    return token.type == "url" or (
        token.type == "function" and (token.lower_name in ("url", "image-set") or token.lower_name.endswith("gradient"))
    )


@lru_cache(128)
def sheet(text: str, media: str = "") -> Sheet:
    """Reads a style sheet. ``media`` is the attribute of its element."""
    rules: list[Rule] = []
    at_rules: list[tuple[str, str]] = []
    deep = _collect(text, (media,) if media.strip() else (), rules, at_rules, 0)
    return Sheet(tuple(rules), tuple(at_rules), deep > 1)


def _collect(
    text: str | list[Any], media: tuple[str, ...], rules: list[Rule], at_rules: list[tuple[str, str]], depth: int
) -> int:
    """Adds what stands in a sheet or an at-rule, and says how deep at-rules stand in it."""
    deepest = depth
    for item in tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True):
        if item.type == "qualified-rule":
            prelude = tinycss2.serialize(item.prelude).strip()
            block = tinycss2.serialize(item.content)
            rules.append(Rule(selectors(prelude), prelude, declarations(block), media))
        elif item.type == "at-rule":
            prelude = tinycss2.serialize(item.prelude).strip()
            at_rules.append((item.lower_at_keyword, prelude))
            if item.content is not None and item.lower_at_keyword in ("media", "supports") and depth < _MOST_DEEP:
                condition = (prelude,) if item.lower_at_keyword == "media" else ()
                deepest = max(deepest, _collect(item.content, media + condition, rules, at_rules, depth + 1))
    return deepest


_FEATURE = re.compile(r"\(\s*([a-z-]+)\s*(?::\s*([^)]*?))?\s*\)")
_RANGE = re.compile(r"\(\s*width\s*(<=|>=|<|>)\s*([\d.]+)(px|em|rem)\s*\)")
_LENGTH = re.compile(r"([\d.]+)(px|em|rem)?")


@lru_cache(1024)
def applies(media: str, *, dark: bool, width: float) -> bool:
    """Whether a media query list is true on a screen ``width`` CSS pixels wide. What is not known is not true."""
    return any(_query(query.strip().lower(), dark, width) for query in media.split(","))


def _query(query: str, dark: bool, width: float) -> bool:
    refused = query.startswith("not ")
    kind = re.match(r"(?:only\s+|not\s+)?([a-z]+)", query)
    fits = kind is None or kind[1] in ("screen", "all")
    for name, value in _FEATURE.findall(query):
        fits = fits and _feature(name, value, dark, width)
    for sign, number, unit in _RANGE.findall(query):
        size = float(number) * (1 if unit == "px" else 16)
        fits = fits and {"<=": width <= size, ">=": width >= size, "<": width < size, ">": width > size}[sign]
    return fits != refused


def _feature(name: str, value: str, dark: bool, width: float) -> bool:
    if name == "prefers-color-scheme":
        return value == ("dark" if dark else "light")
    if name in ("min-width", "max-width") and (found := _LENGTH.fullmatch(value)):
        size = float(found[1]) * (16 if found[2] in ("em", "rem") else 1)
        return width >= size if name == "min-width" else width <= size
    return name == "orientation" and value == "portrait"


_FUNCTIONS = {
    "var(": "css-variables",
    "calc(": "css-unit-calc",
    "clamp(": "css-function-clamp",
    "min(": "css-function-min",
    "max(": "css-function-max",
    "light-dark(": "css-function-light-dark",
    "linear-gradient(": "css-linear-gradient",
    "radial-gradient(": "css-radial-gradient",
    "conic-gradient(": "css-conic-gradient",
}
_UNITS = re.compile(r"(?<![\w#.-])-?(?:\d+\.?\d*|\.\d+)(rem|em|vw|vh|vmin|vmax|px|pt|pc|cm|mm|in|ch|ex|%)(?![\w-])")
_COLOURS = re.compile(
    r"#[0-9a-f]{4}(?![0-9a-f])|#[0-9a-f]{8}|(?:rgb|hsl|hwb|lab|lch|oklab|oklch|color)a?\([^()]*\)", re.I
)


@lru_cache(8192)
def ways(value: str) -> frozenset[str]:
    """The features of Can I email that a value needs to be understood: units, functions, notations of colours."""
    found = {slug for name, slug in _FUNCTIONS.items() if re.search(rf"(?<![\w-]){re.escape(name)}", value)}
    found |= {
        f"css-unit-{'percent' if unit == '%' else unit}" for unit in _UNITS.findall(re.sub(r"url\([^)]*\)", "", value))
    }
    found |= {slug for text in _COLOURS.findall(value) if (slug := notation(text))}
    return frozenset(found)
