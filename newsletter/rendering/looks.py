"""What programs that show mail make of it: light, dark by the mail's own rules, or recoloured by force.

For looking only: nothing here is ever sent. Each function takes a finished HTML document and returns one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, get_args

Look = Literal["light", "dark", "inverted"]
LOOKS: tuple[Look, ...] = get_args(Look)

_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style\s*>)", re.IGNORECASE | re.DOTALL)
_WITH_MEDIA = re.compile(r"<(?:source|link|style)\b[^>]*>", re.IGNORECASE)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_ALWAYS, _NEVER = "(min-width: 0)", "(min-width: 1000000px)"
_KNOWS_DARK = re.compile(r"color-scheme[^;}>]*\bdark\b", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"""<[a-z](?:[^<>"']++|"[^"]*+"|'[^']*+')*+>""", re.IGNORECASE)
_INLINE = re.compile(r"""(\sstyle\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""(\s(bgcolor|color)\s*=\s*["']?)(#?\w+)""", re.IGNORECASE)
_DECLARATION = re.compile(
    r"(?<![\w-])(background(?:-color)?|(?:[a-z]+-)*color|border(?:-[a-z]+)?)(\s*:)([^;{}]*)", re.I
)
_COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|rgba?\([^()]*\)|(?<![\w#.-])[a-z]+(?![\w(.-])", re.IGNORECASE)
_URL = re.compile(r"url\([^)]*\)", re.IGNORECASE)
_NAMED = {
    "white": "#ffffff", "black": "#000000", "silver": "#c0c0c0", "gray": "#808080", "grey": "#808080",
    "red": "#ff0000", "maroon": "#800000", "yellow": "#ffff00", "olive": "#808000", "lime": "#00ff00",
    "green": "#008000", "aqua": "#00ffff", "cyan": "#00ffff", "teal": "#008080", "blue": "#0000ff", "navy": "#000080",
    "fuchsia": "#ff00ff", "magenta": "#ff00ff", "purple": "#800080", "orange": "#ffa500", "whitesmoke": "#f5f5f5",
    "lightgray": "#d3d3d3", "lightgrey": "#d3d3d3", "darkgray": "#a9a9a9", "darkgrey": "#a9a9a9", "ivory": "#fffff0",
}  # fmt: skip


def look(html: str, wanted: Look) -> str:
    """The document as a program would show it that

    - ``light``: is light, whatever the machine is that it runs on;
    - ``dark``: is dark and follows the mail's own rules for that (Apple Mail, Samsung, new Outlook);
    - ``inverted``: is dark, does not know those rules and changes colours by its own (Gmail on iPhones, Outlook for
      Windows). What those do is not published: light grounds become dark, dark words light, both a little less
      colourful, pictures stay. An approximation.

    In all of them links open nothing in a sandboxed frame: they want a window of their own, which it may not open.
    """
    if wanted == "inverted":
        html = _recoloured(html)
    dark = wanted == "dark"
    out = _with_scheme(html, dark=dark)
    own = "dark" if dark and _KNOWS_DARK.search(html) else "light"
    more = f"<style>:root{{color-scheme:{own}!important}}</style>"
    if wanted == "inverted":
        more += f"<style>:root{{background:{_ground('#ffffff')};color:{_ink('#000000')}}}</style>"
    opening = '<base target="_blank">' + more
    head = _HEAD.search(out)
    return out[: head.end()] + opening + out[head.end() :] if head else opening + out


def _with_scheme(html: str, *, dark: bool) -> str:
    """The document with what it asks of the colour scheme answered."""

    def answer(match: re.Match[str]) -> str:
        return _ALWAYS if (match[1].lower() == "dark") is dark else _NEVER

    html = _STYLE.sub(lambda match: match[1] + _SCHEME.sub(answer, match[2]) + match[3], html)
    return _WITH_MEDIA.sub(lambda match: _SCHEME.sub(answer, match[0]), html)


def _recoloured(html: str) -> str:
    def of_tag(match: re.Match[str]) -> str:
        tag = _INLINE.sub(lambda inline: inline[1] + _css(inline[2]), match[0])
        return _ATTRIBUTE.sub(lambda a: a[1] + (_ground if a[2].lower() == "bgcolor" else _ink)(a[3]), tag)

    html = _TAG.sub(of_tag, html)
    return _STYLE.sub(lambda match: match[1] + _css(match[2]) + match[3], html)


def _css(css: str) -> str:
    return _DECLARATION.sub(lambda match: match[1] + match[2] + _value(match[1].lower(), match[3]), css)


def _value(name: str, value: str) -> str:
    change: Callable[[str], str]
    if name.startswith("background"):
        change = _ground
    elif name == "color" or name.startswith(("text-", "-webkit-text")):
        change = _ink
    else:
        change = _edge
    kept = _URL.findall(value)
    parts = _URL.split(value)
    changed = [_COLOUR.sub(lambda match: change(match[0]), part) for part in parts]
    return "".join(part + (kept[number] if number < len(kept) else "") for number, part in enumerate(changed))


@lru_cache(512)
def _ground(colour: str) -> str:
    return _moved(colour, lambda light: 50 - (light - 50) * 0.75 if light >= 50 else light)


@lru_cache(512)
def _ink(colour: str) -> str:
    return _moved(colour, lambda light: 100 - light if light < 50 else light)


@lru_cache(512)
def _edge(colour: str) -> str:
    return lighter if (lighter := _ink(colour)) != colour else _ground(colour)


def _moved(colour: str, move: Callable[[float], float]) -> str:
    """A colour with its lightness (CIELAB, 0 to 100) moved, and a fifth less colourful; as it was if it stays."""
    parsed = _parsed(colour)
    if parsed is None:
        return colour
    light, a, b = _lab(*parsed[:3])
    moved = move(light)
    if moved == light:
        return colour
    red, green, blue = _rgb(moved, a * 0.8, b * 0.8)
    alpha = parsed[3]
    return f"#{red:02x}{green:02x}{blue:02x}" if alpha == 1 else f"rgba({red},{green},{blue},{alpha:g})"


def _parsed(colour: str) -> tuple[int, int, int, float] | None:
    """Red, green and blue (0 to 255) and alpha (0 to 1); None for what is no colour that we know."""
    colour = _NAMED.get(colour.lower(), colour)
    if colour.startswith("#"):
        digits = colour[1:]
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        if len(digits) not in (6, 8):
            return None
        red, green, blue, *rest = bytes.fromhex(digits)
        return red, green, blue, rest[0] / 255 if rest else 1
    if not colour.lower().startswith("rgb"):
        return None
    numbers = re.findall(r"-?\d*\.?\d+%?", colour)
    if len(numbers) not in (3, 4):
        return None
    red, green, blue = (
        max(0, min(255, round(float(n[:-1]) * 2.55 if n.endswith("%") else float(n)))) for n in numbers[:3]
    )
    alpha = 1.0
    if len(numbers) == 4:
        alpha = float(numbers[3].rstrip("%")) / (100 if numbers[3].endswith("%") else 1)
    return red, green, blue, alpha


_WHITE = (0.95047, 1.0, 1.08883)
"""D65, the white of sRGB (IEC 61966-2-1)."""


def _lab(red: int, green: int, blue: int) -> tuple[float, float, float]:
    r, g, b = (c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
    xyz = (
        0.4124 * r + 0.3576 * g + 0.1805 * b,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        0.0193 * r + 0.1192 * g + 0.9505 * b,
    )
    x, y, z = (
        v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116
        for v in (value / white for value, white in zip(xyz, _WHITE, strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _rgb(light: float, a: float, b: float) -> tuple[int, int, int]:
    y = (light + 16) / 116
    x, y, z = (
        (v**3 if v**3 > 0.008856 else (v - 16 / 116) / 7.787) * white
        for v, white in zip((a / 500 + y, y, y - b / 200), _WHITE, strict=True)
    )
    linear = (
        3.2406 * x - 1.5372 * y - 0.4986 * z,
        -0.9689 * x + 1.8758 * y + 0.0415 * z,
        0.0557 * x - 0.2040 * y + 1.0570 * z,
    )
    red, green, blue = (
        max(0, min(255, round(255 * (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055)))) for c in linear
    )
    return red, green, blue
