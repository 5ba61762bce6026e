"""How elements look in an environment: what is inherited, computed and laid over one another, as a browser has it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil

from newsletter.checks.styled.cascade import LIGHT, Environment, Styled, Values, substituted
from newsletter.checks.styled.colours import BLACK, CLEAR, WHITE, Colour, colour
from newsletter.checks.styled.nodes import Node
from newsletter.rendering.markup import INLINE_ELEMENTS

DARK_CANVAS = Colour(18 / 255, 18 / 255, 18 / 255)
_LINK, _DARK_LINK = Colour(0, 0, 238 / 255), Colour(158 / 255, 158 / 255, 1)
_HEADINGS = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67}
_FACTORS = {**_HEADINGS, "small": 1 / 1.2, "sub": 1 / 1.2, "sup": 1 / 1.2, "big": 1.2}
_BOLD = frozenset(("b", "strong", "th", *_HEADINGS))
_ITALIC = frozenset(("i", "em", "cite", "dfn", "var", "address"))
_SIZES = {"xx-small": 9, "x-small": 10, "small": 13, "medium": 16, "large": 18, "x-large": 24, "xx-large": 32}
_UNITS = {"px": 1.0, "pt": 96 / 72, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 9.6 / 2.54}
_LENGTH = re.compile(r"([\d.]+)([a-z%]*)")
_FONT = re.compile(r"(?:^|\s)([\d.]+(?:px|pt|em|rem|%))(?:\s*/\s*\S+)?\s+(.+)$")
_UNSEEN = frozenset(("head", "style", "script", "title", "template", "noscript", "meta", "link"))
INLINE = INLINE_ELEMENTS | {"img"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A background that lies below an element's text."""

    colour: Colour
    picture: bool
    outlook: bool
    """Whether a rule for Outlook's dark mode set it."""


@dataclass(frozen=True, slots=True)
class Look:
    """How an element looks. Sizes are CSS pixels."""

    colour: Colour
    size: float
    weight: int
    italic: bool
    family: str
    display: str
    unseen: bool
    """Neither it nor anything in it is shown."""
    silent: bool
    """A screen reader does not read it, nor anything in it."""
    invisible: bool
    """It is not shown; something in it may be."""
    opacity: float
    """Of it and all around it, multiplied."""
    layers: tuple[Layer, ...]
    """The backgrounds below its text, the lowest first; the canvas is not one of them."""
    outlook: bool
    """Whether a rule for Outlook's dark mode set the colour."""
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def large(self) -> bool:
        """Large text by WCAG 2.2: 18 points, or 14 and bold."""
        points = ceil(self.size * 72) / 96
        return points >= 18 or (self.weight >= 700 and points >= 14)


@dataclass(frozen=True, slots=True)
class Run:
    """An element that shows words of its own."""

    node: Node
    look: Look
    text: Colour
    """Opaque, as it is seen."""
    ground: Colour
    picture: bool
    """Whether a picture lies between the text and the nearest opaque colour below."""
    own_ground: bool
    """With ``picture``: whether a colour stands in where the picture is not loaded."""


def looks(styled: Styled, environment: Environment = LIGHT) -> dict[Node, Look]:
    """How every element looks; worked out once."""
    known: dict[Node, Look] | None = styled.kept.get(environment)
    if known is None:
        known = styled.kept[environment] = _looks(styled, environment)
    return known


def _looks(styled: Styled, environment: Environment) -> dict[Node, Look]:
    dark = environment.dark and styled.knows_dark
    first = Look(WHITE if dark else BLACK, 16, 400, False, "serif", "block", False, False, False, 1, (), outlook=False)
    found: dict[Node, Look] = {}
    alike: dict[tuple[int, int], Look] = {}
    for node in styled.nodes:
        above = found[node.parent] if node.parent is not None else first
        if above.unseen:
            found[node] = above
            continue
        # Elements of one kind in elements that look alike, look alike: that is most of a mail.
        key = (id(above), styled.kind(node))
        if (look := alike.get(key)) is None:
            look = alike[key] = _look(styled, node, above, environment, dark)
        found[node] = look
    return found


def _look(styled: Styled, node: Node, above: Look, environment: Environment, dark: bool) -> Look:
    values = styled.declared(node, environment)
    variables = above.variables
    if own := {name: said[-1] for name, said in values.items() if name.startswith("--")}:
        variables = tuple({**dict(variables), **own}.items())
    known = dict(variables)
    display = _last(values, "display", known) or _display(node)
    opacity = above.opacity * _number(_last(values, "opacity", known), 1)
    outlook = environment.outlook_dark
    text, own_text = _text(node, values, above, known, dark)
    layer = _layer(node, values, known)
    size = _size(node, values, above, known)
    if layer is not None and outlook:
        layer = replace(layer, outlook=styled.from_outlook(node, "background-color"))
    visibility = _last(values, "visibility", known)
    return Look(
        colour=text,
        size=size,
        weight=_weight(node, values, above),
        italic=_italic(node, values, above),
        family=_family(node, values, above),
        display=display,
        unseen=node.tag in _UNSEEN
        or display == "none"
        or ("hidden" in node.attributes and "display" not in values)
        or opacity == 0
        or _clipped(values, known),
        silent=above.silent
        or node.tag in _UNSEEN
        or display == "none"
        or ("hidden" in node.attributes and "display" not in values)
        or node.attributes.get("aria-hidden") == "true",
        invisible=visibility in ("hidden", "collapse") if visibility else above.invisible,
        opacity=opacity,
        layers=(*above.layers, layer) if layer is not None else above.layers,
        outlook=(styled.from_outlook(node, "color") if own_text else above.outlook) if outlook else False,
        variables=variables,
    )


def _last(values: Values, name: str, variables: Mapping[str, str]) -> str:
    said = values.get(name)
    return substituted(said[-1], variables).lower() if said else ""


def _display(node: Node) -> str:
    if node.tag in INLINE:
        return "inline"
    if node.tag in ("td", "th"):
        return "table-cell"
    return {"table": "table", "tr": "table-row", "li": "list-item"}.get(node.tag, "block")


def _text(node: Node, values: Values, above: Look, variables: Mapping[str, str], dark: bool) -> tuple[Colour, bool]:
    """The colour of its text, and whether it is its own."""
    for value in reversed(values.get("color", ())):
        value = substituted(value, variables).lower()
        if value in ("inherit", "currentcolor", "unset"):
            return above.colour, False
        if (own := colour(value)) is not None:
            return own, True
    if node.tag == "a" and "href" in node.attributes:
        return (_DARK_LINK if dark else _LINK), True
    if node.tag == "mark":
        return BLACK, True
    return above.colour, False


def _layer(node: Node, values: Values, variables: Mapping[str, str]) -> Layer | None:
    ground = Colour(1, 1, 0) if node.tag == "mark" else CLEAR
    for value in reversed(values.get("background-color", ())):
        if (own := colour(substituted(value, variables).lower())) is not None:
            ground = own
            break
    picture = values.get("background-image", ("none",))[-1].lower() not in ("none", "", "initial", "inherit", "url()")
    return Layer(ground, picture, outlook=False) if picture or ground.alpha > 0 else None


def _size(node: Node, values: Values, above: Look, variables: Mapping[str, str]) -> float:
    standard = above.size * _FACTORS.get(node.tag, 1)
    for name in ("font-size", "font"):
        for value in reversed(values.get(name, ())):
            value = substituted(value, variables).lower()
            if name == "font":
                found = _FONT.search(value)
                value = found[1] if found else ""
            if (size := pixels(value, above.size)) is not None:
                return size
            if value in _SIZES:
                return float(_SIZES[value])
            if value in ("smaller", "larger"):
                return above.size * (1.2 if value == "larger" else 1 / 1.2)
            if value == "inherit":
                return above.size
    return standard


def pixels(value: str, around: float) -> float | None:
    """A length in CSS pixels; em and % are of ``around``. None for what is no plain length."""
    found = _LENGTH.fullmatch(value.strip())
    if found is None:
        return None
    try:
        number = float(found[1])
    except ValueError:
        return None
    unit = found[2]
    if unit in _UNITS:
        return number * _UNITS[unit]
    relative = {"em": around, "%": around / 100, "rem": 16.0, "": 1.0 if number == 0 else None}.get(unit)
    return None if relative is None else number * relative


def _weight(node: Node, values: Values, above: Look) -> int:
    for name in ("font-weight", "font"):
        for value in reversed(values.get(name, ())):
            for word in value.lower().split() if name == "font-weight" else value.lower().split()[:3]:
                if word == "bold":
                    return 700
                if word == "normal":
                    return 400
                if re.fullmatch(r"[1-9]\d\d", word):
                    return int(word)
                if word == "bolder":
                    return 700 if above.weight < 600 else 900
                if word == "inherit":
                    return above.weight
            if name == "font":
                return 400
    return 700 if node.tag in _BOLD else above.weight


def _italic(node: Node, values: Values, above: Look) -> bool:
    for value in reversed(values.get("font-style", ())):
        if value.lower() != "inherit":
            return value.lower() in ("italic", "oblique")
    return above.italic or node.tag in _ITALIC


def _family(node: Node, values: Values, above: Look) -> str:
    for value in reversed(values.get("font-family", ())):
        return above.family if value.lower() == "inherit" else value.partition(",")[0].strip(" '\"").lower()
    for value in reversed(values.get("font", ())):
        if found := _FONT.search(value):
            return found[2].partition(",")[0].strip(" '\"").lower()
    return "monospace" if node.tag in ("code", "pre", "kbd", "samp", "tt") else above.family


def _number(value: str, otherwise: float) -> float:
    try:
        return min(1.0, max(0.0, float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)))
    except ValueError:
        return otherwise


def _clipped(values: Values, variables: Mapping[str, str]) -> bool:
    """Whether nothing of it is left: no height, and what is higher is cut off; or no size of letters at all."""
    cut = "hidden" in _last(values, "overflow", variables) or "hidden" in _last(values, "overflow-y", variables)
    flat = any(
        pixels(_last(values, name, variables), 16) == 0 for name in ("height", "max-height", "width", "max-width")
    )
    return cut and flat


def runs(styled: Styled, environment: Environment = LIGHT) -> Iterator[Run]:
    """Every element that shows words of its own, with the colours that meet there."""
    return (run(styled, environment, node) for node, _ in shown(styled, environment))


def shown(styled: Styled, environment: Environment = LIGHT) -> Iterator[tuple[Node, Look]]:
    """Every element that shows words of its own, and how it looks. Elements that look alike share their look."""
    found = looks(styled, environment)
    for node in styled.inside:
        look = found[node]
        if not (look.unseen or look.invisible or look.size == 0) and node.words:
            yield node, look


def run(styled: Styled, environment: Environment, node: Node) -> Run:
    """An element with the colours that meet there, whether or not it has words of its own."""
    look = looks(styled, environment)[node]
    ground, picture, own = canvas(styled, environment), False, False
    for layer in look.layers:
        if layer.picture:
            picture, own = True, layer.colour.alpha >= 1
        elif layer.colour.alpha >= 1:
            picture = False
        ground = layer.colour.over(ground)
    return Run(node, look, look.colour.faded(look.opacity).over(ground), ground, picture, own)


def canvas(styled: Styled, environment: Environment) -> Colour:
    """What lies below everything."""
    return DARK_CANVAS if environment.dark and styled.knows_dark else WHITE
