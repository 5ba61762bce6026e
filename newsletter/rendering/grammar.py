"""What is wrong with a template before mrml sees it.

mrml drops unknown attributes without a word, closes a ``<mj-section>`` with ``</mj-column>``, and ends the process when
elements are nested too deep. So each of these is found here, with its file and line, and mrml gets only what is sound.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from newsletter.errors import TemplateError
from newsletter.rendering.markup import VOID, Comment, Tag, Text, Token
from newsletter.rendering.mjmlrules import ATTRIBUTES, CHILDREN, complaint, types
from newsletter.rendering.shield import Masked, Span
from newsletter.rendering.source import Source

DEEPEST_ELEMENT = 60

UNSUPPORTED = {
    "mj-font": "a stylesheet from elsewhere is never loaded: name fonts of the system in font-family",
    "mj-html-attributes": "write the attributes on HTML elements in <mj-raw>",
    "mj-selector": "write the attributes on HTML elements in <mj-raw>",
    "mj-html-attribute": "write the attributes on HTML elements in <mj-raw>",
}
FORBIDDEN = {
    "script": "no mail client runs it: take it out",
    "iframe": "no mail client shows it: link to the page",
    "object": "no mail client shows it: use a picture and a link",
    "embed": "no mail client shows it: use a picture and a link",
    "link": "a stylesheet from elsewhere is never loaded: write the rules in content.css or <mj-style>",
    "base": "it would move every link: write whole URLs",
}
BLOCK = frozenset(
    re.findall(
        r"\w+",
        """address article aside blockquote center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6
        header hr li main nav ol p pre section table tbody td tfoot th thead tr ul""",
    )
)
_HOLDS_JINJA = {"mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"}
_WIDTH_MATTERS = _HOLDS_JINJA | {"mj-image", "mj-all", "mj-class"}
_EMPTY = {"mj-breakpoint", "mj-carousel-image", "mj-divider", "mj-image", "mj-spacer"}
_ONCE = {"mj-head", "mj-body", "mj-title", "mj-breakpoint"}


@dataclass
class Grammar:
    """Walks over the tokens of a page (``mjml`` is true) or of a file of HTML, and raises at the first wrong thing."""

    source: Source
    masked: Masked
    mjml: bool = True
    _stack: list[Tag] = field(default_factory=list)
    _blocks: list[tuple[Span, Tag | None]] = field(default_factory=list)
    _classes: dict[str, Tag] = field(default_factory=dict)
    _used: list[tuple[str, int]] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def check(self, tokens: Sequence[Token]) -> None:
        """Raises `TemplateError` where the template is wrong; else it is safe to give to mrml."""
        for token in tokens:
            if isinstance(token, Tag):
                self._close(token) if token.closing else self._open(token)
            elif isinstance(token, Comment):
                self._comment(token)
            else:
                self._text(token)
        if self._stack:
            tag = self._stack[-1]
            raise self._error(f"<{tag.name}> is never closed: write </{tag.name}>", tag.start)
        for name, offset in self._used:
            if name not in self._classes:
                raise self._error(
                    f'There is no mj-class "{name}"{_near(name, self._classes)}: define it in <mj-attributes>', offset
                )
        if self.mjml and "mj-body" not in self._seen:
            raise self._error("The page has no <mj-body>: write <mjml>, and <mj-body> in it", 0)

    def _error(self, message: str, offset: int) -> TemplateError:
        return self.source.error(message, offset)

    # Elements

    def _open(self, tag: Tag) -> None:
        parent = self._stack[-1] if self._stack else None
        if parent is not None and parent.name == "mj-attributes":
            self._default(tag)
        elif tag.name.startswith("mj"):
            self._component(tag, parent)
        else:
            self._html(tag, parent)
        self._jinja(tag.start, tag.end, inside=tag)
        if not tag.empty:
            if tag.name in _EMPTY or (parent is not None and parent.name == "mj-attributes"):
                raise self._error(f"<{tag.name}> holds nothing: write <{tag.name} … />", tag.start)
            if len(self._stack) >= DEEPEST_ELEMENT:
                raise self._error(
                    f"Elements are nested more than {DEEPEST_ELEMENT} deep: take some of them out", tag.start
                )
            self._stack.append(tag)

    def _close(self, tag: Tag) -> None:
        if tag.name in VOID:
            raise self._error(f"<{tag.name}> has no content and no end: take </{tag.name}> out", tag.start)
        if not self._stack:
            raise self._error(f"</{tag.name}> closes nothing: take it out", tag.start)
        opened = self._stack.pop()
        if opened.name != tag.name:
            name, line = self.source.where(opened.start)
            raise self._error(
                f"</{tag.name}> stands where </{opened.name}> must, for <{opened.name}> in {name}:{line}", tag.start
            )

    def _component(self, tag: Tag, parent: Tag | None) -> None:
        if tag.name in UNSUPPORTED:
            raise self._error(f"<{tag.name}> is not supported: {UNSUPPORTED[tag.name]}", tag.start)
        if tag.name not in ATTRIBUTES:
            raise self._error(
                f"Unknown element <{tag.name}>{_near(tag.name, ATTRIBUTES)}: write one that MJML has", tag.start
            )
        if not self.mjml:
            raise self._error(f"<{tag.name}> in a file of HTML is never compiled: move it to an .mjml file", tag.start)
        allowed = CHILDREN.get(parent.name, ()) if parent else ("mjml",)
        if tag.name not in allowed:
            homes = ["<" + name + ">" for name, children in CHILDREN.items() if tag.name in children]
            inside = f"in <{parent.name}>" if parent else "outside of <mjml>"
            raise self._error(
                f"<{tag.name}> cannot stand {inside}: put it into {' or '.join(homes) or 'the page once'}", tag.start
            )
        if tag.name in _ONCE and tag.name in self._seen:
            raise self._error(f"A second <{tag.name}>: write one", tag.start)
        self._seen.add(tag.name)
        self._attributes(tag, types(tag.name) | {"css-class": "string", "mj-class": "string"})
        if tag.name == "mjml" and not (tag.get("lang") and tag.get("dir")):
            raise self._error(
                "<mjml> does not say its language: "
                'write <mjml lang="{{ edition.language }}" dir="{{ edition.direction }}">',
                tag.start,
            )
        if tag.name == "mj-social-element":
            if tag.get("name"):
                raise self._error(
                    "name rewrites the link and loads an icon from elsewhere: write src, href and alt", tag.start
                )
            if not tag.get("src"):
                raise self._error("<mj-social-element> needs a src: write the URL of your own icon", tag.start)

    def _default(self, tag: Tag) -> None:
        """A child of ``<mj-attributes>``: defaults of a component, of all, or of an ``mj-class``."""
        if tag.name in ("mj-all", "mj-class"):
            allowed = {name: kind for element in ATTRIBUTES for name, kind in types(element).items()} | {
                "css-class": "string"
            }
            if tag.name == "mj-class":
                name = tag.get("name") or ""
                if not name or " " in name or "{" in name:
                    raise self._error('<mj-class> needs a name of one word: <mj-class name="note" …>', tag.start)
                if name in self._classes:
                    raise self._error(
                        f'A second mj-class "{name}": give it a name of its own, or join the two', tag.start
                    )
                self._classes[name] = tag
            # The same name has other types in other elements, so only names are checked.
            allowed = dict.fromkeys(allowed, "string")
        elif tag.name in ATTRIBUTES and tag.name not in ("mjml", "mj-head", "mj-attributes"):
            allowed = types(tag.name) | {"css-class": "string", "mj-class": "string"}
        else:
            raise self._error(
                f"<{tag.name}> cannot stand in <mj-attributes>{_near(tag.name, ATTRIBUTES)}: "
                "write <mj-all>, <mj-class> or a component",
                tag.start,
            )
        self._attributes(tag, allowed)

    def _attributes(self, tag: Tag, allowed: dict[str, str]) -> None:
        self._no_duplicates(tag)
        for attribute in tag.attributes:
            name, value = attribute.name, attribute.value
            if name not in allowed:
                raise self._error(
                    f'<{tag.name}> unknown attribute "{name}"{_near(name, allowed)}: '
                    "write one that MJML has, or CSS in a css-class",
                    attribute.at,
                )
            if value is None:
                raise self._error(f'<{tag.name}> {name} has no value: write {name}="…"', attribute.at)
            if name == "mj-class":
                if len(value.split()) != 1 or "{" in value:
                    raise self._error(
                        f'<{tag.name}> has several mj-class, "{value}": write one, in words', attribute.at
                    )
                self._used.append((value.strip(), attribute.at))
            if self.masked.within(attribute.start, attribute.end):
                if name == "width" or (tag.name in _WIDTH_MATTERS and name.startswith(("padding", "border", "inner-"))):
                    raise self._error(
                        f"<{tag.name}> {name} cannot be filled later, for widths are made from it: write the number",
                        attribute.at,
                    )
            elif wrong := complaint(allowed[name], " ".join(value.split())):
                raise self._error(f'<{tag.name}> {name}="{value}" will not do: write {wrong}', attribute.at)

    def _no_duplicates(self, tag: Tag) -> None:
        names: set[str] = set()
        for attribute in tag.attributes:
            if attribute.name in names:
                raise self._error(f'<{tag.name}> has "{attribute.name}" twice: write it once', attribute.at)
            names.add(attribute.name)

    def _html(self, tag: Tag, parent: Tag | None) -> None:
        if self.mjml and (parent is None or parent.name in CHILDREN):
            hint = _near(tag.name, [n.removeprefix("mj-") for n in ATTRIBUTES])
            raise self._error(f"<{tag.name}> is HTML{hint}: put it into <mj-raw> or <mj-text>", tag.start)
        if tag.name.lower() in FORBIDDEN:
            raise self._error(f"<{tag.name}> has no place in a mail: {FORBIDDEN[tag.name.lower()]}", tag.start)
        self._no_duplicates(tag)
        for attribute in tag.attributes:
            if attribute.name.lower().startswith("on"):
                raise self._error(
                    f'<{tag.name}> has "{attribute.name}", which no mail client runs: take it out', attribute.at
                )
            if not attribute.quoted and self.masked.within(attribute.start, attribute.end):
                raise self._error(
                    f'<{tag.name}> {attribute.name} is not quoted: write {attribute.name}="…"', attribute.at
                )
        if tag.name.lower() in BLOCK:
            for opened in reversed(self._stack):
                if opened.name in ("a", "p"):
                    raise self._error(
                        f"<{tag.name}> stands in <{opened.name}>, which parsers split: "
                        + (
                            "put a link around the words and one around the picture"
                            if opened.name == "a"
                            else "use <div> outside"
                        ),
                        tag.start,
                    )
                if opened.name in BLOCK or opened.name.startswith("mj"):
                    break

    # What stands between elements

    def _text(self, text: Text) -> None:
        parent = self._stack[-1] if self._stack else None
        self._jinja(text.start, text.end, inside=None)
        if text.inside and (at := self.masked.text.find("@import", text.start, text.end)) >= 0:
            raise self._error(
                "@import loads a stylesheet from elsewhere, which never happens: write its rules here", at
            )
        if not self.mjml:
            return
        if parent is None or parent.name in CHILDREN or parent.name == "mj-attributes":
            spans = self.masked.within(text.start, text.end)
            if (word := _first_word(self.masked.text, text, spans)) is not None:
                raise self._error(f"Words between elements{_of(parent)}: put them into <mj-text> or <mj-raw>", word)
            statements = [span for span in spans if span.kind != "{#"]
            if statements and (parent is None or parent.name not in _HOLDS_JINJA) and not self._before(parent):
                raise self._error(
                    f"Jinja cannot stand here{_of(parent)}: put it into <mj-body> or into <mj-raw>", statements[0].start
                )

    def _before(self, parent: Tag | None) -> bool:
        """True before ``<mjml>``, where imports and settings may stand."""
        return parent is None and "mjml" not in self._seen

    def _comment(self, comment: Comment) -> None:
        spans = [s for s in self.masked.within(comment.start, comment.end) if s.kind != "{#"]
        if not comment.conditional and spans:
            raise self._error("Jinja in an HTML comment: write {# … #} to take it out of use", spans[0].start)
        self._jinja(comment.start, comment.end, inside=None)

    def _jinja(self, start: int, end: int, *, inside: Tag | None) -> None:
        """Jinja blocks must end in the component, or in the tag, in which they began."""
        home = inside or next(
            (o for o in reversed(self._stack) if o.name.startswith("mj-") and o.name != "mj-raw"), None
        )
        for span in self.masked.within(start, end):
            if span.opens:
                self._blocks.append((span, home))
            elif span.keyword.startswith("end") or span.branches:
                if not self._blocks:
                    raise self._error(f"{{% {span.keyword} %}} ends nothing: take it out", span.start)
                opened, place = self._blocks[-1]
                if place is not home:
                    name, line = self.source.where(opened.start)
                    raise self._error(
                        f"{{% {span.keyword} %}} stands in another element than {{% {opened.keyword} %}} "
                        f"in {name}:{line}: put both into the same element",
                        span.start,
                    )
                if not span.branches:
                    self._blocks.pop()


def _first_word(masked: str, text: Text, spans: Iterable[Span]) -> int | None:
    """Where the first character that is neither blank nor Jinja stands, None where there is none."""
    at = text.start
    for start, end in [*((span.start, span.end) for span in spans), (text.end, text.end)]:
        if found := re.compile(r"\S").search(masked, at, start):
            return found.start()
        at = end
    return None


def _of(parent: Tag | None) -> str:
    return f" of <{parent.name}>" if parent else " outside of <mjml>"


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f" (did you mean {close[0]}?)" if close else ""
