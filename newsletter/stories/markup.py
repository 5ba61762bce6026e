"""A story's Markdown: to safe HTML, to plain text, and what in it is not allowed.

The subset: paragraphs, emphasis, links (http, https, mailto), lists, quotations, line breaks, and headings, which all
become ``<h4>`` because the ranks above belong to the mail itself. No raw HTML, no code, no rules, no pictures (a story
has one picture, and it has an alternative text).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from newsletter.stories.links import is_link

_TAGS = {"p", "em", "strong", "a", "ul", "ol", "li", "blockquote", "br", "h4"}
_INLINE_TAGS = {"em", "strong", "a", "br"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>&])")
_TRAILING_BANG = re.compile(r"!\Z")  # what follows it may be a link, and the two together a picture
_STARTS = re.compile(r"\A([0-9]*)([.)#+=-])")
_OFF = ["code", "fence", "hr", "lheading", "backticks", "html_block", "html_inline", "image"]


class _Strict(MarkdownIt):
    """Knows no link but those that a mail may carry: any other stays the text that it was written as."""

    def validateLink(self, url: str) -> bool:  # noqa: N802  the parser's name
        return is_link(url)


class _Lenient(MarkdownIt):
    """Sees everything, so that it can be named."""

    def validateLink(self, url: str) -> bool:  # noqa: N802
        return True


_strict = _Strict("commonmark", {"html": False}).disable(_OFF)
_lenient = _Lenient("commonmark", {"html": True}).disable(["code", "fence", "hr", "lheading", "backticks"])


def block_html(markdown: str) -> Markup:
    """Safe HTML of a whole text."""
    tokens = _strict.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h4"
    return _clean(_strict.renderer.render(tokens, _strict.options, {}), _TAGS)


def inline_html(markdown: str) -> Markup:
    """Safe HTML of one sentence or more, without a block around it."""
    return _clean(_strict.renderInline(_joined(markdown)), _INLINE_TAGS)


def plain(markdown: str, *, links: bool = True) -> str:
    """Plain text: paragraphs parted by a blank line, not wrapped. Links read ``words (url)``, or just their words."""
    return "\n\n".join(_blocks(_strict.parse(markdown), links))


def plain_inline(markdown: str, *, links: bool = True) -> str:
    """Plain text of one sentence or more, on one line."""
    tokens = _strict.parseInline(_joined(markdown))
    return " ".join(_words(tokens[0].children or [], links).split("\n"))


def problems(markdown: str) -> list[tuple[int, str]]:
    """What is not allowed, each with its line in the text (from 1) and what to write instead."""
    found: list[tuple[int, str]] = []
    line = 1
    for block in _lenient.parse(markdown):
        line = block.map[0] + 1 if block.map else line
        for token in [block, *(block.children or ())]:
            if token.type in ("softbreak", "hardbreak"):
                line += 1
            elif token.type in ("html_block", "html_inline"):
                if not found or found[-1][0] != line:  # an end tag says nothing new
                    shown = " ".join(token.content.split())[:40]
                    found.append((line, f"raw HTML is not read ({shown}): write Markdown, and \\< for a <"))
            elif token.type == "image":
                found.append((line, "the text has a picture: a story has one, with its alternative text, as its image"))
            elif token.type == "link_open" and not is_link(href := str(token.attrGet("href") or "")):
                found.append((line, f"the link {href[:80]!r} leads nowhere from a mail: write it whole, https://…"))
    return found


def escape(words: str) -> str:
    """Markdown in which every character of a text stands for itself. `escape_start` does the rest for a whole line."""
    return _TRAILING_BANG.sub(r"\\!", _SPECIAL.sub(r"\\\1", words))


def escape_start(line: str) -> str:
    """A line of Markdown that begins no list, no quotation and no heading."""
    return _STARTS.sub(r"\1\\\2", line)


def _joined(markdown: str) -> str:
    return " ".join(markdown.split("\n"))


def _clean(html: str, tags: set[str]) -> Markup:
    import nh3  # 2 MB, and what is locked is not rendered any more

    cleaned = nh3.clean(
        html, tags=tags, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"}, link_rel=None
    )
    return Markup(cleaned.strip())  # noqa: S704  cleaned by the allow-list on the line before


def _words(children: Iterable[Token], links: bool) -> str:
    out: list[str] = []
    targets: list[tuple[str, int]] = []
    for token in children:
        if token.type in ("text", "text_special"):
            out.append(token.content)
        elif token.type == "softbreak":
            out.append(" ")
        elif token.type == "hardbreak":
            out.append("\n")
        elif token.type == "link_open":
            targets.append((str(token.attrGet("href") or ""), len(out)))
        elif token.type == "link_close":
            href, start = targets.pop()
            words = "".join(out[start:])
            href = href.removeprefix("mailto:")
            if links and words.strip() != href:
                out.append(f" ({href})" if words.strip() else href)
    return "".join(out)


def _blocks(tokens: Sequence[Token], links: bool) -> list[str]:
    """The blocks of a parsed text. A list is one, a line for each item; a quotation's lines begin with ``> ``."""
    frames: list[tuple[str, list[str]]] = [("", [])]
    numbers: list[int] = []
    for token in tokens:
        if token.type == "inline":
            frames[-1][1].append(_words(token.children or [], links))
        elif token.type in ("bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open"):
            frames.append((token.type, []))
            if token.type == "ordered_list_open":
                numbers.append(int(token.attrGet("start") or 1))
        elif token.type == "blockquote_close":
            inner = "\n\n".join(frames.pop()[1])
            frames[-1][1].append("\n".join(f"> {line}".rstrip() for line in inner.split("\n")))
        elif token.type == "list_item_close":
            inner = "\n".join(frames.pop()[1])
            mark = "- "
            if frames[-1][0] == "ordered_list_open":
                mark = f"{numbers[-1]}. "
                numbers[-1] += 1
            frames[-1][1].append(mark + inner.replace("\n", "\n" + " " * len(mark)))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            kind, items = frames.pop()
            if kind == "ordered_list_open":
                numbers.pop()
            frames[-1][1].append("\n".join(items))
    return [block for block in frames[0][1] if block]
