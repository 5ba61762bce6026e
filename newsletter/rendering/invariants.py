"""What must hold after each stage of rendering: each has been seen to lose something, and none may do so unnoticed."""

from __future__ import annotations

import re
from html import unescape

from newsletter.errors import NewsletterError

SCHEMES = ("http://", "https://", "mailto:")
"""What a link or a picture in a mail may begin with."""

_COMMENT = re.compile(r"<!--.*?-->", re.S)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style>", re.S)
_TAG = re.compile(r"""<[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>""")
_NO_TEXT = re.compile(r"""<!--.*?-->|<!\[[^>]*>|<style\b.*?</style>|<[/!A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>""", re.S)
_ADDRESS = re.compile(
    r"""\s(href|src|srcset|background|action|formaction|poster|data|cite|longdesc|usemap)\s*=\s*(?:"([^"]*)"|'([^']*)')""",
    re.I,
)
_LINK = re.compile(r"<a\b([^>]*)>(.*?)</a>", re.S)
_HANDLER = re.compile(r"\son\w+\s*=", re.I)
_FORBIDDEN = re.compile(r"<(script|link|iframe|object|embed|base)\b", re.I)
_QUOTED = re.compile(r"""=\s*(?:"[^"]*"|'[^']*')""")


class RenderingError(NewsletterError):
    """The mail came out wrong."""


def assert_filled(html: str, mark: re.Pattern[str]) -> None:
    """After Jinja: the page begins as HTML, no hiding word is left, links and pictures lead where a mail may lead."""
    if not html.startswith("<!doctype html>"):
        raise RenderingError("The page does not begin with its doctype: something was printed before <mjml>")
    if left := mark.search(html):
        raise RenderingError(f"A hiding word was left in the page: {left[0]}")
    for tag in _TAG.finditer(html):
        _assert_tag(tag[0])


def _assert_tag(tag: str) -> None:
    if _FORBIDDEN.match(tag):
        raise RenderingError(f"{tag[:60]} has no place in a mail: take it out of the story or the template")
    if "=" not in tag:
        return
    for found in _ADDRESS.finditer(tag):
        address = unescape(found[2] if found[2] is not None else found[3])
        for one in address.split(",") if found[1].lower() == "srcset" else (address,):
            if not re.sub(r"[\s\x00-\x1f]", "", one).lower().startswith(SCHEMES) and not one.startswith("#"):
                raise RenderingError(
                    f'{found[1]}="{one[:80]}" cannot stand in a mail: write a whole http, https or mailto URL'
                )
    if _HANDLER.search(_QUOTED.sub("", tag)) or _HANDLER.search(_QUOTED.sub("=", tag)):
        raise RenderingError(f"{tag[:60]} has an event handler: take it out of the story or the template")


def assert_inlined(before: str, after: str) -> None:
    """After premailer: doctype, Outlook's comments, style sheets, links, pictures, and every word are still there."""
    if not after.startswith("<!DOCTYPE html>"):
        raise RenderingError("Inlining lost the doctype")
    for what, pattern in (("a comment for Outlook", _COMMENT), ("a style sheet", _STYLE)):
        if pattern.findall(before) != pattern.findall(after):
            raise RenderingError(f"Inlining changed {what}")
    for what in ("<a ", "<img ", "<table", "<td"):
        if before.count(what) != after.count(what):
            raise RenderingError(
                f"Inlining changed the number of {what.strip()}> from {before.count(what)} to {after.count(what)}"
            )
    if _filled_links(before) != _filled_links(after):
        raise RenderingError("Inlining emptied a link: no block element (a table, a paragraph) may stand in <a>")
    said, kept = words(before), words(after)
    if said != kept:
        at = next((i for i, (a, b) in enumerate(zip(said, kept, strict=False)) if a != b), min(len(said), len(kept)))
        raise RenderingError(
            f"Inlining changed the words after “{said[max(0, at - 40) : at]}”: "
            "is an element left open, or nested too deep?"
        )


def _filled_links(html: str) -> int:
    return sum(1 for _, content in _LINK.findall(html) if content.strip())


def words(html: str) -> str:
    """All text of a page without tags, comments, style sheets and blanks."""
    return re.sub(r"\s+", "", unescape(_NO_TEXT.sub("", html)))
