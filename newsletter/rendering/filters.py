"""Jinja filters for templates, and the tidying of finished plain text."""

from __future__ import annotations

import re
import textwrap
from html import unescape

from markupsafe import Markup, escape

from newsletter.text import clean

COLUMNS = 72
"""How long a line of plain text may be (RFC 5322 2.1.1 asks for 78 at most; 72 leaves room for quoting)."""

_MARKER = re.compile(r"\s*(?:(?:[-*•–]|\d{1,3}[.)])\s+)?")
_QUOTES = {ord('"'): "&#34;", ord("'"): "&#39;", ord("<"): "&lt;", ord(">"): "&gt;"}
_UNCLEAN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_BLOCK_END = re.compile(r"<br\s*/?>|</(?:p|div|li|h[1-6]|tr|blockquote)>", re.I)


def wrap(text: str, width: int = COLUMNS, indent: str = "") -> str:
    """Breaks long lines at blanks, line by line; list items hang under their marker. Words are never broken."""
    return "\n".join(_wrapped(line, width, indent) for line in str(text).split("\n"))


def _wrapped(line: str, width: int, indent: str = "") -> str:
    marker = _MARKER.match(line)
    assert marker is not None
    lines = textwrap.wrap(
        line,
        width,
        initial_indent=indent,
        subsequent_indent=indent + " " * len(marker[0]),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
        expand_tabs=False,
    )
    return "\n".join(lines)


def plain(value: str) -> str:
    """HTML as plain text: the end of a block becomes a line break, tags go, references become characters."""
    if not isinstance(value, Markup):
        return value
    return unescape(re.sub(r"<[^>]*>", "", _BLOCK_END.sub("\n", str(value)))).strip()


def attribute(value: object) -> Markup:
    """Safe between the quotes of an attribute, safe HTML included, whose references stay as they are."""
    if isinstance(value, Markup):
        return Markup(str(value).translate(_QUOTES))  # noqa: S704 - quotes and brackets are escaped, the rest is safe HTML
    return escape(value)


def cleaned(text: str) -> str:
    """`newsletter.text.clean` for a whole page, which as a rule has nothing to clean."""
    return clean(text) if _UNCLEAN.search(text) else text


def tidy(text: str) -> str:
    """Finished plain text: no blanks at line ends, at most one empty line in a row, lines of at most 72 columns where
    they have a blank to break at, one line break at the end."""
    lines = [line.rstrip(" \t") for line in text.split("\n")]
    lines = [line if len(line) <= COLUMNS else _wrapped(line, COLUMNS) for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"
