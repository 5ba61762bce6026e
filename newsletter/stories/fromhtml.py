"""HTML of feeds, to our Markdown.

nh3 cleans first, so that what is converted is a well-formed tree of elements that we know. What the subset has no word
for keeps its words and loses its tags; scripts, styles and figures lose their words too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.stories.links import is_link
from newsletter.stories.markup import escape, escape_start
from newsletter.text import clean, one_line

if TYPE_CHECKING:
    from lxml import etree

MAX_HTML = 500_000
"""Characters of one item's HTML."""

MAX_DEPTH = 60


def _names(words: str) -> set[str]:
    return set(words.split())


_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCKS = _HEADINGS | _names(
    "p div blockquote ul ol li section article header footer main aside table thead tbody tfoot tr td th dl dt dd pre "
    "hr center address details"
)
_EMPHASIS = {"em": "*", "i": "*", "strong": "**", "b": "**"}
_INLINE = {*_EMPHASIS, "a", "br"}
_DROPPED = _names(
    "script style figure figcaption template noscript iframe object video audio svg math select button textarea title "
    "head"
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)([^<>]*)")
# What browsers close by themselves, or what has no end.
_UNNESTED = _names("p li td th tr dt dd option br img hr input meta link wbr source col area embed base track")
_SHAPES = _names("path circle rect line polygon polyline ellipse use stop image g")
_BLANK = re.compile(r"[ \t\n\r\f]+")
_MAX_LISTS = 5
"""How deep lists and quotations may lie within each other before they are written flat."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An ``<img>`` as it was found; sizes in pixels, 0 when unknown."""

    url: str
    alt: str
    width: int = 0
    height: int = 0


def markdown(html: str) -> str:
    """The HTML's text as Markdown of the subset. Raises ValueError when it is too large or nested too deeply."""
    root = _tree(html, _BLOCKS | _INLINE, {"a": {"href"}})
    return "" if root is None else "\n\n".join(_blocks(root))


def text(html: str) -> str:
    """The HTML's words on one line. Raises ValueError as `markdown` does."""
    root = _tree(html, _BLOCKS | {"br"}, {})
    if root is None:
        return ""
    for element in root.iterdescendants():
        element.text, element.tail = f" {element.text or ''}", f" {element.tail or ''}"
    return one_line("".join(root.itertext()))


def pictures(html: str) -> list[Picture]:
    """The pictures in the HTML, in order. Raises ValueError as `markdown` does."""
    root = _tree(html, {"img"}, {"img": {"src", "alt", "width", "height"}}, dropped=set())
    found = [] if root is None else root.iter("img")
    return [
        Picture(src, one_line(img.get("alt", "")), pixels(img.get("width")), pixels(img.get("height")))
        for img in found
        if (src := img.get("src", "").strip())
    ]


def pixels(value: object) -> int:
    """A size as a source wrote it, in pixels; 0 for what is none."""
    words = str(value or "")
    return int(words) if re.fullmatch(r"[0-9]{1,5}", words) and int(words) <= 20_000 else 0


def _tree(
    html: str, tags: set[str], attributes: dict[str, set[str]], *, dropped: set[str] = _DROPPED
) -> etree._Element | None:
    # 7 MB, for imports alone.
    import nh3
    from lxml import html as lxml_html

    if len(html) > MAX_HTML:
        raise ValueError(f"its HTML has {len(html)} characters, and {MAX_HTML} is the most")
    depth = 0
    for closing, name, rest in _TAG.findall(html):
        tag = name.lower()
        if tag not in _UNNESTED and not (tag in _SHAPES and rest.endswith("/")):
            depth = max(0, depth - 1) if closing else depth + 1
        if depth > MAX_DEPTH:  # cleaning takes time in the square of the depth
            raise ValueError(f"its HTML has elements nested more than {MAX_DEPTH} deep, or never closed")
    cleaned = nh3.clean(
        clean(html),
        tags=tags,
        clean_content_tags=dropped,
        attributes=attributes,
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    if not cleaned.strip():
        return None
    return lxml_html.fragment_fromstring(cleaned, create_parent="div")


def _blocks(element: etree._Element, inside: int = 0) -> list[str]:
    """The blocks in an element, each of one or more lines. ``inside`` counts the lists and quotations around it."""
    done: list[str] = []
    run = [_words(element.text)]

    def end_run() -> None:
        if words := _paragraph("".join(run)):
            done.append(words)
        run.clear()

    for child in element:
        if child.tag in _INLINE and not any(inner.tag in _BLOCKS for inner in child.iterdescendants()):
            run.append(_inline(child))
        else:  # also an <a> or <b> around blocks: the blocks matter more
            end_run()
            done.extend(_block(child, inside))
        run.append(_words(child.tail))
    end_run()
    return done


def _block(element: etree._Element, inside: int) -> list[str]:
    tag = element.tag
    if tag in _HEADINGS:
        words = " ".join(_blocks(element, _MAX_LISTS)).replace("\\\n", " ")
        return [f"#### {words}"] if words else []
    if tag in ("ul", "ol") and inside < _MAX_LISTS:
        return _list(element, inside)
    if tag == "blockquote" and inside < _MAX_LISTS:
        inner = "\n\n".join(_blocks(element, inside + 1))
        return ["\n".join(f"> {line}".rstrip() for line in inner.split("\n"))] if inner else []
    return _blocks(element, inside)


def _list(element: etree._Element, inside: int) -> list[str]:
    items = [[_paragraph(_words(element.text))]]
    for child in element:
        # What stands between the items belongs to none. Browsers show it, and so do we, as an item of its own.
        items += [_blocks(child, inside + 1) if child.tag == "li" else _block(child, inside + 1)]
        items += [[_paragraph(_words(child.tail))]]
    written = ["\n\n".join(block for block in item if block).replace("\n\n- ", "\n- ") for item in items]
    lines: list[str] = []
    for number, item in enumerate((item for item in written if item), 1):
        mark = f"{number}. " if element.tag == "ol" else "- "
        lines += (mark + item.replace("\n", "\n" + " " * len(mark))).split("\n")
    return ["\n".join(line.rstrip() for line in lines)] if lines else []


def _inline(element: etree._Element) -> str:
    tag = element.tag
    if tag == "br":
        return "\n"
    inner = _words(element.text) + "".join(_inline(child) + _words(child.tail) for child in element)
    core = inner.strip()
    if not core:
        return inner
    before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    href = element.get("href", "").strip()
    if tag == "a":
        if not is_link(href) or next(element.iterancestors("a"), None) is not None:
            return inner
        return f"{before}[{core.replace(chr(10), ' ')}]({_target(href)}){after}"
    if _may_be_emphasised(element, core):
        start = next(i for i, char in enumerate(core) if not _is_punctuation(char))
        end = len(core) - next(i for i, char in enumerate(reversed(core)) if not _is_punctuation(char))
        mark = _EMPHASIS[tag]
        return f"{before}{core[:start]}{mark}{core[start:end]}{mark}{core[end:]}{after}"
    return inner


def _may_be_emphasised(element: etree._Element, core: str) -> bool:
    """Whether asterisks are sure to be read as emphasis here (CommonMark 6.2 makes it hang on what stands next to them,
    so that marks stand only beside letters, and never beside other marks)."""
    beside = element.getprevious()
    return (
        "\n" not in core
        and "](" not in core
        and not all(_is_punctuation(char) for char in core)
        and next(element.iterancestors(*_EMPHASIS), None) is None
        and not (beside is not None and beside.tag in _EMPHASIS and not beside.tail)
    )


def _is_punctuation(char: str) -> bool:
    return char.isspace() or unicodedata.category(char)[0] in "PS"


def _target(href: str) -> str:
    return re.sub(r"([()*_\[\]&~!])", r"\\\1", href)


def _words(raw: str | None) -> str:
    """Text of a node, white space folded as HTML does, every character standing for itself in Markdown."""
    return escape(_BLANK.sub(" ", raw or ""))


def _paragraph(words: str) -> str:
    """A run of inline Markdown as a paragraph: its line breaks are hard, and no line begins a list or a heading."""
    lines = [re.sub(r" +", " ", line).strip(" ") for line in words.split("\n")]
    return "\\\n".join(escape_start(line) for line in lines if line)
