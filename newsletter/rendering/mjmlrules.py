"""What MJML allows: which element stands in which, its attributes and their types.

Taken from the tables of MJML 5.4.1 (npm packages mjml-preset-core and the components it names); their notice follows.
Left out: what mrml, the engine that compiles our templates, does not do (see `UNSUPPORTED` in `grammar`).

    The MIT License (MIT)

    Copyright (c) 2016 Mailjet SAS, https://mjml.io

    Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
    documentation files (the "Software"), to deal in the Software without restriction, including without limitation
    the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
    to permit persons to whom the Software is furnished to do so, subject to the following conditions:

    The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
    Software.

    THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
    WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS
    OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
    OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

from __future__ import annotations

import re

CHILDREN: dict[str, tuple[str, ...]] = {
    "mj-accordion": ("mj-accordion-element",),
    "mj-accordion-element": ("mj-accordion-title", "mj-accordion-text"),
    "mj-body": ("mj-raw", "mj-section", "mj-wrapper", "mj-hero"),
    "mj-carousel": ("mj-carousel-image",),
    "mj-column": (
        "mj-accordion",
        "mj-button",
        "mj-carousel",
        "mj-divider",
        "mj-image",
        "mj-raw",
        "mj-social",
        "mj-spacer",
        "mj-table",
        "mj-text",
        "mj-navbar",
    ),
    "mj-group": ("mj-column", "mj-raw"),
    "mj-head": ("mj-attributes", "mj-breakpoint", "mj-preview", "mj-style", "mj-title", "mj-raw"),
    "mj-hero": (
        "mj-accordion",
        "mj-button",
        "mj-carousel",
        "mj-divider",
        "mj-image",
        "mj-social",
        "mj-spacer",
        "mj-table",
        "mj-text",
        "mj-navbar",
        "mj-raw",
    ),
    "mj-navbar": ("mj-navbar-link",),
    "mj-section": ("mj-column", "mj-group", "mj-raw"),
    "mj-social": ("mj-social-element",),
    "mj-wrapper": ("mj-hero", "mj-raw", "mj-section"),
    "mjml": ("mj-head", "mj-body"),
}
"""The elements that may stand directly in an element. One that is not named here holds HTML or nothing."""

ATTRIBUTES: dict[str, dict[str, str]] = {
    "mjml": {
        "string": "lang dir",
    },
    "mj-body": {
        "px": "width",
        "color": "background-color",
    },
    "mj-head": {},
    "mj-attributes": {},
    "mj-breakpoint": {
        "px": "width",
    },
    "mj-preview": {},
    "mj-style": {},
    "mj-title": {},
    "mj-hero": {
        "string": "mode background-url background-position border-radius",
        "length": (
            "height background-width background-height inner-padding-top inner-padding-left "
            "inner-padding-right inner-padding-bottom padding-bottom padding-left padding-right padding-top"
        ),
        "color": "inner-background-color background-color",
        "lengths": "inner-padding padding",
        "top|bottom|middle": "vertical-align",
    },
    "mj-button": {
        "left|center|right": "align",
        "color": "background-color color container-background-color",
        "string": (
            "border-bottom border-left border-radius border-right border-top border font-family font-style "
            "font-weight href name rel target text-decoration text-transform"
        ),
        "px": "font-size",
        "length": "height padding-bottom padding-left padding-right padding-top width",
        "lengths": "inner-padding padding",
        "spacing": "letter-spacing",
        "line": "line-height",
        "top|bottom|middle": "vertical-align",
        "left|right|center": "text-align",
    },
    "mj-column": {
        "color": "background-color inner-background-color",
        "string": (
            "border border-bottom border-left border-radius border-right border-top inner-border "
            "inner-border-bottom inner-border-left inner-border-radius inner-border-right inner-border-top"
        ),
        "ltr|rtl": "direction",
        "length": "padding-bottom padding-left padding-right padding-top width",
        "lengths": "padding",
        "top|bottom|middle": "vertical-align",
    },
    "mj-divider": {
        "color": "border-color container-background-color",
        "string": "border-style",
        "px": "border-width",
        "lengths": "padding",
        "length": "padding-bottom padding-left padding-right padding-top width",
        "left|center|right": "align",
    },
    "mj-group": {
        "color": "background-color",
        "ltr|rtl": "direction",
        "top|bottom|middle": "vertical-align",
        "length": "width",
    },
    "mj-image": {
        "string": (
            "alt href name src srcset title rel border border-bottom border-left border-right border-top "
            "border-radius target usemap"
        ),
        "left|center|right": "align",
        "color": "container-background-color",
        "boolean": "fluid-on-mobile",
        "lengths": "padding",
        "length": "padding-bottom padding-left padding-right padding-top max-height",
        "px": "width font-size",
        "px|auto": "height",
    },
    "mj-raw": {},
    "mj-section": {
        "color": "background-color",
        "string": (
            "background-url background-size background-position background-position-x background-position-y "
            "border border-bottom border-left border-radius border-right border-top"
        ),
        "repeat|no-repeat": "background-repeat",
        "ltr|rtl": "direction",
        "full-width|false": "full-width",
        "length": "gutter padding-top padding-bottom padding-left padding-right",
        "lengths": "padding text-padding",
        "left|center|right": "text-align",
    },
    "mj-spacer": {
        "string": "border border-bottom border-left border-right border-top",
        "color": "container-background-color",
        "length": "padding-bottom padding-left padding-right padding-top height",
        "lengths": "padding",
    },
    "mj-text": {
        "left|right|center|justify": "align",
        "color": "background-color color container-background-color",
        "string": "font-family font-style font-weight text-decoration text-transform",
        "px": "font-size",
        "length": "height padding-bottom padding-left padding-right padding-top",
        "spacing": "letter-spacing",
        "line": "line-height",
        "lengths": "padding",
        "top|bottom|middle": "vertical-align",
    },
    "mj-table": {
        "left|right|center": "align",
        "string": "border font-family font-weight",
        "integer": "cellpadding cellspacing",
        "color": "container-background-color color",
        "px": "font-size",
        "line": "line-height",
        "length": "padding-bottom padding-left padding-right padding-top",
        "lengths": "padding",
        "auto|fixed|initial|inherit": "table-layout",
        "top|bottom|middle": "vertical-align",
        "length|auto": "width",
    },
    "mj-wrapper": {
        "color": "background-color",
        "string": (
            "background-url background-size background-position background-position-x background-position-y "
            "border border-bottom border-left border-radius border-right border-top"
        ),
        "repeat|no-repeat": "background-repeat",
        "ltr|rtl": "direction",
        "full-width|false": "full-width",
        "length": "gutter padding-top padding-bottom padding-left padding-right",
        "lengths": "padding text-padding",
        "left|center|right": "text-align",
    },
    "mj-social": {
        "left|right|center": "align",
        "string": "border border-radius font-family font-style font-weight text-decoration",
        "color": "container-background-color color",
        "px": "font-size",
        "length": "icon-size icon-height padding-bottom padding-left padding-right padding-top",
        "lengths": "icon-padding inner-padding padding text-padding",
        "line": "line-height",
        "horizontal|vertical": "mode",
        "auto|fixed": "table-layout",
        "top|bottom|middle": "vertical-align",
    },
    "mj-social-element": {
        "left|center|right": "align",
        "left|right": "icon-position",
        "color": "background-color color",
        "string": (
            "border border-radius font-family font-style font-weight href name rel src srcset alt title "
            "target text-decoration"
        ),
        "px": "font-size",
        "length": "icon-size icon-height padding-bottom padding-left padding-right padding-top",
        "lengths": "icon-padding padding text-padding",
        "line": "line-height",
        "top|middle|bottom": "vertical-align",
    },
    "mj-navbar": {
        "left|center|right": "align ico-align",
        "string": "base-url hamburger ico-open ico-close ico-font-family ico-text-transform ico-text-decoration",
        "color": "ico-color",
        "length": (
            "ico-font-size ico-padding-left ico-padding-top ico-padding-right ico-padding-bottom "
            "padding-left padding-top padding-right padding-bottom"
        ),
        "lengths": "ico-padding padding",
        "line": "ico-line-height",
    },
    "mj-navbar-link": {
        "color": "color",
        "string": "font-family font-style font-weight href name target rel text-decoration text-transform",
        "px": "font-size",
        "spacing": "letter-spacing",
        "line": "line-height",
        "length": "padding-bottom padding-left padding-right padding-top",
        "lengths": "padding",
    },
    "mj-accordion": {
        "color": "container-background-color",
        "string": "border font-family icon-wrapped-url icon-wrapped-alt icon-unwrapped-url icon-unwrapped-alt",
        "top|middle|bottom": "icon-align",
        "length": "icon-width icon-height padding-bottom padding-left padding-right padding-top",
        "left|right": "icon-position",
        "lengths": "padding",
    },
    "mj-accordion-element": {
        "color": "background-color",
        "string": "border font-family icon-wrapped-url icon-wrapped-alt icon-unwrapped-url icon-unwrapped-alt",
        "top|middle|bottom": "icon-align",
        "length": "icon-width icon-height",
        "left|right": "icon-position",
    },
    "mj-accordion-text": {
        "color": "background-color color",
        "px": "font-size",
        "string": "font-family font-weight",
        "spacing": "letter-spacing",
        "line": "line-height",
        "length": "padding-bottom padding-left padding-right padding-top",
        "lengths": "padding",
    },
    "mj-accordion-title": {
        "color": "background-color color",
        "px": "font-size",
        "string": "font-family font-weight",
        "length": "padding-bottom padding-left padding-right padding-top",
        "lengths": "padding",
    },
    "mj-carousel": {
        "left|center|right": "align",
        "string": "border-radius left-icon right-icon tb-border tb-border-radius",
        "color": "container-background-color tb-hover-border-color tb-selected-border-color",
        "length": "icon-width padding-top padding-bottom padding-left padding-right tb-width",
        "lengths": "padding",
        "visible|hidden|supported": "thumbnails",
    },
    "mj-carousel-image": {
        "string": "alt href rel target title src thumbnails-src border-radius tb-border tb-border-radius",
    },
}
"""For each element its attributes, blank between them, under the type of their value."""

_TYPES = {
    "string": r".*",
    "boolean": r"true|false",
    "integer": r"\d+",
    "px": r"[\d.]+px|0",
    "length": r"[\d.]+(px|%)|0",
    "lengths": r"([\d.]+(px|%)|0)( +([\d.]+(px|%)|0)){0,3}",
    "spacing": r"-?[\d.]+(px|em)|0|normal",
    "line": r"[\d.]+(px|%)?",
    "px|auto": r"[\d.]+px|0|auto",
    "length|auto": r"[\d.]+(px|%)|0|auto",
    "color": r"#([0-9a-fA-F]{3}){1,2}|rgba?\([\d\s.,%]+\)|[a-z]+",
}
_WORDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "px": "pixels, such as 24px",
    "length": "a length, such as 24px or 50%",
    "lengths": "one to four lengths, such as 0 24px",
    "spacing": "a length, such as 0.5px",
    "line": "a line height, such as 26px, 150% or 1.5",
    "px|auto": "pixels, such as 24px, or auto",
    "length|auto": "a length, such as 24px or 50%, or auto",
    "color": "a colour, such as #1a1a1a",
}


def types(element: str) -> dict[str, str]:
    """The attributes of an element with the type of each; ``mj-class`` and ``css-class`` go everywhere, unnamed."""
    return {name: kind for kind, names in ATTRIBUTES[element].items() for name in names.split()}


def complaint(kind: str, value: str) -> str:
    """What to write instead of a value, empty where the value is of that type."""
    if re.fullmatch(_TYPES.get(kind, kind), value, re.S):
        return ""
    return _WORDS.get(kind) or "one of " + ", ".join(kind.split("|"))
