"""MJML compiled once per template version, before Jinja fills it, so that no story's text ever passes through mrml."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from mjml import mjml2html

from newsletter.rendering.grammar import Grammar
from newsletter.rendering.guard import Guarded, guard
from newsletter.rendering.markup import Tag, tokens
from newsletter.rendering.shield import Masked, Span
from newsletter.rendering.source import Source

# Another package on PyPI installs a module of the same name, and overwrites this one without a word.
if not {"fonts", "include_loader"} <= set(inspect.signature(mjml2html).parameters):
    raise ImportError("The module mjml is not that of mjml-python: uninstall the package mjml, reinstall mjml-python")

_POSITION = re.compile(r" (?:in root template )?at position (\d+):(\d+)$")
_FRACTION = re.compile(r'(\swidth="\d+)\.\d+(?=(?:px)?")')
_MERGED = re.compile(r"<!\[endif\]-->\s*<!--\[if mso \| IE\]>")


@dataclass(frozen=True)
class Artefact:
    """Compiled HTML with the template's Jinja in it, and for each of its lines the file and line that it comes from."""

    html: str
    origins: tuple[tuple[str, int], ...]

    def where(self, line: int) -> tuple[str, int]:
        """File and line in the template set of a line (from 1) of the HTML."""
        return self.origins[min(line, len(self.origins)) - 1]


def compiled(source: Source, masked: Masked) -> Artefact:
    """Checks and compiles an expanded page. Raises `TemplateError` with file and line."""
    found = list(tokens(source, masked))
    Grammar(source, masked).check(found)
    begin = next((i for i, token in enumerate(found) if isinstance(token, Tag)), 0)
    guarded = guard(source, masked, found[begin:])
    try:
        html = mjml2html(guarded.text, fonts={}, disable_comments=False, include_loader=None)
    except BaseException as error:
        # A panic of the compiler is no Exception, so that it ends programs which are not prepared for it.
        if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
            raise
        position = _POSITION.search(str(error))
        offset = guarded.origin(int(position[1])) if position else found[begin].start
        raise source.error(
            f"MJML cannot be read: {_POSITION.sub('', str(error))}; write it as MJML has it", offset
        ) from None
    html = html.replace(' height="auto"', "").replace(' vertical-align="middle"', "")
    html = _MERGED.sub("", _FRACTION.sub(r"\1", html))
    there = {int(index) for index in guarded.words.findall(html)}
    for index, (span, _) in enumerate(guarded.hidden):
        if index not in there:
            raise source.error(
                f"MJML drops {_short(span)}, as nothing uses it there: take it out, or move it into <mj-raw>",
                span.start,
            )
    before = [span for span in masked.spans if span.start < found[begin].start and span.kind != "{#"]
    artefact = _restored(source, guarded, before, html)
    assert not guarded.words.search(artefact.html)
    return artefact


def _restored(source: Source, guarded: Guarded, before: list[Span], html: str) -> Artefact:
    """The words turned into Jinja again, each on a line of its own (by a comment), so that errors find their place."""
    pieces: list[str] = []
    origins: list[tuple[str, int]] = []
    here = source.where(0)

    def literal(text: str) -> None:
        origins.extend([here] * text.count("\n"))
        pieces.append(text)

    def jinja(span: Span, attribute: bool) -> None:
        nonlocal here
        if span.kind not in ("{{", "{%"):
            literal(span.text)
            return
        literal("{#-\n#}" if span.text[2] == "-" else "{#\n#}")
        name, line = source.where(span.start)
        written = as_attribute(span) if attribute else span.text
        origins.extend((name, line + number) for number in range(written.count("\n")))
        here = name, line + written.count("\n")
        pieces.append(written)

    for span in before:
        jinja(span, False)
    done = 0
    for word in guarded.words.finditer(html):
        literal(html[done : word.start()])
        jinja(*guarded.hidden[int(word[1])])
        done = word.end()
    literal(html[done:])
    return Artefact("".join(pieces), (*origins, here))


def attributes_shielded(source: Source, masked: Masked) -> str:
    """A file of HTML whose expressions in attributes cannot end the attribute, even where they print safe HTML.

    Line numbers stay. Raises `TemplateError` where the HTML is wrong.
    """
    found = list(tokens(source, masked))
    Grammar(source, masked, mjml=False).check(found)
    pieces, done = [], 0
    for token in found:
        if not isinstance(token, Tag):
            continue
        for attribute in token.attributes:
            for span in masked.within(attribute.start, attribute.end):
                pieces += [source.text[done : span.start], as_attribute(span)]
                done = span.end
    return "".join((*pieces, source.text[done:]))


def as_attribute(span: Span) -> str:
    """An expression that is escaped for an attribute; anything else as it is."""
    if span.kind != "{{":
        return span.text
    parts = re.fullmatch(r"(\{\{[-+]?)(.*?)([-+]?\}\})", span.text, re.S)
    assert parts is not None
    return f"{parts[1]} ({parts[2]})|attribute {parts[3]}"


def _short(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 40 else text[:39] + "…"
