"""What must hold after each stage of rendering: each has been seen to lose something, and none may do so unnoticed."""

from __future__ import annotations

import re
from html import unescape

from newsletter.errors import NewsletterError

SCHEMES = ("http://", "https://", "mailto:")
"""What a link or a picture in a mail may begin with."""

COMMENT = re.compile(r"<!--.*?-->", re.S)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style>", re.S)
TAG = re.compile(r"""<[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>""")
_NO_TEXT = re.compile(r"""<!--.*?-->|<!\[[^>]*>|<style\b.*?</style>|<[/!A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>""", re.S)
_ADDRESSES = frozenset(
    ("href", "src", "srcset", "background", "action", "formaction", "poster", "data", "cite", "longdesc", "usemap")
)
_SUSPECT = re.compile(rf"\b(?:{'|'.join(sorted(_ADDRESSES))}|on\w+)\s*=", re.I)
_ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_LINK = re.compile(r"<a\b([^>]*)>(.*?)</a>", re.S)
_FORBIDDEN = re.compile(r"<(script|link|iframe|object|embed|base)\b", re.I)


class RenderingError(NewsletterError):
    """The mail came out wrong."""


def assert_filled(html: str) -> None:
    """After Jinja: the page begins as HTML, links and pictures lead where a mail may lead, nothing in it runs."""
    if not html.startswith("<!doctype html>"):
        raise RenderingError("The page does not begin with its doctype: something was printed before <mjml>")
    for tag in TAG.finditer(html):
        _assert_tag(tag[0])


def _assert_tag(tag: str) -> None:
    if _FORBIDDEN.match(tag):
        raise RenderingError(f"{tag[:60]} has no place in a mail: take it out of the story or the template")
    if not _SUSPECT.search(tag):
        return
    for name, *values in _ATTRIBUTE.findall(tag):
        if name.lower().startswith("on"):
            raise RenderingError(f'{tag[:60]} has "{name}", which would run: take it out of the story or the template')
        if name.lower() in _ADDRESSES:
            _assert_address(name, unescape("".join(values)))


def _assert_address(name: str, value: str) -> None:
    for one in value.split(",") if name.lower() == "srcset" else (value,):
        if not re.sub(r"[\s\x00-\x1f]", "", one).lower().startswith(SCHEMES) and not one.startswith("#"):
            raise RenderingError(f'{name}="{one[:80]}" cannot stand in a mail: write a whole http, https or mailto URL')


def assert_inlined(before: str, after: str) -> None:
    """After premailer: doctype, Outlook's comments, style sheets, links, pictures, and every word are still there."""
    if not after.startswith("<!DOCTYPE html>"):
        raise RenderingError("Inlining lost the doctype")
    for what, pattern in (("a comment for Outlook", COMMENT), ("a style sheet", _STYLE)):
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
