"""Content CSS written onto the elements, by premailer in the one way that leaves a mail whole.

Its default options lose the doctype, the dark mode, image widths, and fetch style sheets from the network. So: only our
own rules are inlined, the style sheets of the page are kept as they are, and nothing is loaded from anywhere.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, ClassVar

import cssutils
from premailer import Premailer

from newsletter.rendering.filters import cleaned
from newsletter.rendering.invariants import COMMENT, TAG
from newsletter.rendering.markup import INLINE_ELEMENTS

if TYPE_CHECKING:
    from newsletter.rendering.source import Files

cssutils.log.setLevel(logging.CRITICAL)

_MOST_SHEETS = 32
_MERGED = re.compile(r"<!\[endif\]-->\s*<!--\[if mso \| IE\]>")
_BETWEEN = re.compile(r">\s*\n\s*<")
_TAG_NAME = re.compile(r"</?([A-Za-z][\w:-]*)")
_KEPT = re.compile(r"(<pre\b.*?</pre>)", re.S)


class _Premailer(Premailer):  # type: ignore[misc]
    """Premailer with the rules of a style sheet kept, which it would otherwise write out anew for every mail."""

    _rules: ClassVar[dict[str, Any]] = {}

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> Any:
        # Only content CSS comes here (the page's own sheets are ignored), and always as the same, first sheet.
        if css_body not in self._rules:
            if len(self._rules) >= _MOST_SHEETS:
                self._rules.clear()
            self._rules[css_body] = super()._parse_style_rules(css_body, ruleset_index)
        return self._rules[css_body]


def inline(html: str, css: str) -> str:
    """The page with the rules of ``css`` on its elements; see `invariants.assert_inlined` for what stays as it was."""
    html = html.replace("<!doctype html>", "<!DOCTYPE html>", 1)
    html = re.sub(r"<style(?![^>]*media=)", '<style data-premailer="ignore"', html)
    mark = ""
    if html.count("!--") != len(COMMENT.findall(html)):
        html, mark = _comments_in_attributes(html)
    mail = _Premailer(
        html,
        css_text=css,
        keep_style_tags=False,
        disable_leftover_css=True,
        strip_important=False,
        remove_classes=False,
        include_star_selectors=False,
        disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
        align_floating_images=False,
        allow_network=False,
        allow_loading_external_files=False,
        disable_link_rewrites=True,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
    )
    out: str = mail.transform(pretty_print=False)
    if mark:
        out = out.replace(mark, "")
    # Numeric references have become characters: a C1 control character among them would make Gmail clip the mail.
    return cleaned(out.replace(' data-premailer="ignore"', ""))


def _comments_in_attributes(html: str) -> tuple[str, str]:
    """The page with a mark in each ``<!--`` of an attribute's value, and the mark.

    libxml2 takes such a value for a server-side include and writes it without escaping, quotation marks and all: an
    alternative text could end its attribute.
    """
    number = 0
    while (mark := f"mbk{number}k") in html:
        number += 1
    return TAG.sub(lambda tag: tag[0].replace("!--", f"!{mark}--"), html), mark


def squeezed(html: str) -> str:
    """The page without the line breaks between elements that no reader sees; between words and in <pre> they stay."""
    parts = _KEPT.split(_MERGED.sub("", html))
    return "".join(part if part.startswith("<pre") else _squeezed(part) for part in parts)


def _squeezed(html: str) -> str:
    def between(found: re.Match[str]) -> str:
        left = html.rfind("<", 0, found.start() + 1)
        names = [_TAG_NAME.match(html, at) for at in (left, found.end() - 1)]
        return ">\n<" if all(name is not None and name[1] in INLINE_ELEMENTS for name in names) else "><"

    return _BETWEEN.sub(between, html)


def check_css(files: Files, name: str) -> None:
    """Raises `TemplateError` for a rule that cannot be written onto an element, or cannot be read."""
    css = files.texts[name]

    def line(text: str) -> int:
        return css.count("\n", 0, max(0, css.find(text))) + 1

    parser = cssutils.CSSParser(loglevel=logging.CRITICAL, raiseExceptions=True, validate=False)
    try:
        sheet = parser.parseString(css)
    except Exception as error:
        said = str(error)
        at = re.search(r"\[(\d+):\d+", said)
        raise files.error(f"This CSS cannot be read: {said.split(' [')[0]}", name, int(at[1]) if at else None) from None
    for rule in sheet:
        if rule.type == rule.COMMENT:
            continue
        if rule.type != rule.STYLE_RULE:
            start = rule.cssText.split("{")[0].strip().split("\n")[0]
            raise files.error(
                f"{start[:60]} cannot be written onto an element: put it into <mj-style>",
                name,
                line(start.split(" ")[0]),
            )
        for selector in rule.selectorText.split(","):
            if re.search(r"[:*\[]", selector):
                raise files.error(
                    f"{selector.strip()} cannot be written onto an element: put it into <mj-style>, or name a class",
                    name,
                    line(selector.strip()),
                )
        for declaration in rule.style.getProperties(all=True):
            if declaration.priority:
                raise files.error(
                    f"!important on {declaration.name} does nothing here: take it out, or put the rule into <mj-style>",
                    name,
                    line("!important"),
                )
