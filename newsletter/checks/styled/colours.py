"""Colours of CSS: what a value says, what lies over what, and how far two are apart (WCAG 2.2, contrast ratio)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from tinycss2 import color4

_LEGACY = ("rgb", "rgba", "hsl", "hsla")


class Colour(NamedTuple):
    """sRGB, each from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    @property
    def hex(self) -> str:
        """``#rrggbb``, without the alpha."""
        return "#" + "".join(f"{round(part * 255):02x}" for part in self[:3])

    def over(self, below: Colour) -> Colour:
        """What shows where this one lies over an opaque colour."""
        if self.alpha >= 1:
            return self
        mixed = (top * self.alpha + bottom * (1 - self.alpha) for top, bottom in zip(self[:3], below[:3], strict=True))
        return Colour(*mixed)

    def faded(self, opacity: float) -> Colour:
        """The same with its alpha times ``opacity``."""
        return self if opacity >= 1 else self._replace(alpha=self.alpha * opacity)

    @property
    def luminance(self) -> float:
        """Relative luminance, 0 to 1."""
        parts = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in self[:3])
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


BLACK, WHITE, CLEAR = Colour(0, 0, 0), Colour(1, 1, 1), Colour(0, 0, 0, 0)


@lru_cache(4096)
def contrast(one: Colour, other: Colour) -> float:
    """From 1 (the same) to 21 (black on white)."""
    light, dark = sorted((one.luminance, other.luminance), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@lru_cache(1024)
def colour(value: str) -> Colour | None:
    """The colour that a value of CSS or of an attribute such as bgcolor is; None where it is none by itself."""
    found = color4.parse_color(value)
    if found is None or isinstance(found, str):
        return None
    try:
        plain = found.to("srgb")
    except NotImplementedError:
        return None
    red, green, blue, alpha = (min(1.0, max(0.0, part or 0.0)) for part in (*plain.coordinates, plain.alpha))
    # A browser keeps eight bits of each.
    return Colour(round(red * 255) / 255, round(green * 255) / 255, round(blue * 255) / 255, alpha)


@lru_cache(1024)
def notation(value: str) -> str:
    """The feature of Can I email that a notation is: ``css-rgb``, ``css-rgba``, ``css-modern-color``, or none."""
    words = value.strip().lower()
    if words.startswith("#"):
        return "css-modern-color" if len(words) in (5, 9) else ""
    name = words.partition("(")[0]
    if name == words:
        return ""
    if name not in _LEGACY:
        return "css-modern-color" if colour(words) else ""
    return "css-rgba" if name.endswith("a") or "/" in words or words.count(",") == 3 else "css-rgb"
