"""A variant that is nobody's, for the web: as a document of its own, and to be put inside another page.

Readers' own links are taken out with their words: a page for everybody offers to unsubscribe nobody. So is what only
Outlook reads.
"""

from __future__ import annotations

import html as _html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from newsletter.rendering.contexts import Tag, attributes, tags
from newsletter.rendering.model import ReaderValues, Rendered
from newsletter.rendering.slots import fill, scan

MAIL = "data-mail"
"""The attribute of the element that stands for the mail's body inside another page."""
_WIDE = 200
"""CSS pixels. A narrower picture is an ornament."""
_OURS = frozenset({"script", "template", "base", "form", "iframe", "object", "embed", "link"})
"""Elements of a page and not of a mail. Their tags are left out; the policy forbids what they would do anyway."""

# What selects the document: inside another page that is the mail's outermost element.
_SELECTS_DOCUMENT = re.compile(r"(?<![\w.#:-])(?:html\s*>?\s*body|body|html|:root)(?![\w-])")
_PRELUDE = re.compile(r"[^{}@;]+(?=\{)")
_STYLE = re.compile(r"<style\b[^>]*>.*?</style\s*>", re.DOTALL | re.IGNORECASE)
_DARK = re.compile(r"""<meta\b[^>]*\bname=["']color-scheme["'][^>]*\bcontent=["'][^"'>]*\bdark\b""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture that stands for a mail where somebody passes it on."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True)
class Neutral:
    """A mail that is addressed to nobody."""

    document: str
    """The whole of it: HTML with doctype."""
    inside: str
    """The same for inside of another page: its style sheets, and one element that stands for its body."""
    dark: bool
    """Whether it says that it has colours for the dark."""
    picture: Picture | None


def neutral(rendered: Rendered, home: str) -> Neutral:
    """A variant with no reader in it. ``home`` stands where a reader's link cannot be taken out: in a drawing, say."""
    gone = f"https://gone.invalid/{rendered.nonce}"
    nobody = ReaderValues("", "", gone, gone, gone, "")
    places = scan(rendered.html, rendered.text, rendered.slots, rendered.nonce)
    document = _without(fill(rendered.html, places.html, rendered.slots, nobody), rendered.nonce)
    document = document.replace(gone, _html.escape(home)).replace(quote(gone, safe=""), quote(home, safe=""))
    every = list(tags(document))
    return Neutral(document, _inside(document, every), bool(_DARK.search(document)), _picture(document, every))


def _without(document: str, nonce: str) -> str:
    """The document without comments, without what is no mail's, and without links that have a reader's address."""
    mark = f"~{nonce}~"
    every = list(tags(document))
    last_close = max((tag.start for tag in every if tag.name == "/a"), default=0)
    out, at, until = [], 0, ""
    for tag in every:
        if until:
            if tag.name == until:
                at, until = tag.end, ""
            continue
        if tag.name == "a" and nonce in document[tag.start : tag.end]:
            out += [document[at : tag.start], mark]
            at, until = tag.end, "/a" if tag.start < last_close else ""
        elif not tag.name or tag.name.strip("/") in _OURS:
            out.append(document[at : tag.start])
            at = tag.end
    rest = "".join([*out, document[at:]])
    # What stood between such links, and nothing else, parts nothing any more.
    while (found := rest.find(mark)) >= 0:
        start, end = rest.rfind(">", 0, found) + 1, rest.find("<", found) % (len(rest) + 1)
        words = rest[start:end].replace(mark, "")
        rest = rest[:start] + (words if re.search(r"\w", _html.unescape(words)) else "") + rest[end:]
    return rest


def _inside(document: str, every: Sequence[Tag]) -> str:
    kept: dict[str, str] = {}
    head, start, end = 0, 0, len(document)
    for tag in every:
        if tag.name in ("html", "body"):
            known = attributes(document, tag)
            kept |= {name: known[name] for name in ("lang", "dir", "class", "style") if known.get(name)}
        if tag.name == "body":
            head, start = tag.start, tag.end
        elif tag.name == "/body":
            end = tag.start
    written = "".join(f' {name}="{_html.escape(value)}"' for name, value in kept.items())
    sheets, body = "".join(_STYLE.findall(document[:head])), document[start:end]
    return _STYLE.sub(lambda sheet: _scoped(sheet[0]), f"{sheets}<div {MAIL}{written}>{body}</div>")


def _scoped(sheet: str) -> str:
    return _PRELUDE.sub(lambda rule: _SELECTS_DOCUMENT.sub(f"[{MAIL}]", rule[0]), sheet)


def _picture(document: str, every: Sequence[Tag]) -> Picture | None:
    for tag in every:
        known = attributes(document, tag) if tag.name == "img" else {}
        width = known.get("width", "")
        if known.get("src", "").startswith("https://") and width.isdecimal() and int(width) >= _WIDE:
            return Picture(known["src"], known.get("alt", ""))
    return None
