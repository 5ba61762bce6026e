"""From a template folder to a frozen variant: HTML and text with slot words where readers differ.

The order is fixed: includes, checks, shield, MJML, unshield (all once per template version); then for each edition and
segment Jinja, premailer, squeezing, with what must hold asserted after each stage.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from newsletter.errors import NewsletterError, TemplateError
from newsletter.rendering.filters import cleaned, tidy
from newsletter.rendering.invariants import RenderingError, assert_filled, assert_inlined
from newsletter.rendering.jinja import EDITION_WORDS, SERVICE_WORDS, environment, examine, failed_at
from newsletter.rendering.mjml import Artefact, attributes_shielded, compiled
from newsletter.rendering.model import EditionView, Rendered, ServiceView, Slot
from newsletter.rendering.shield import mask
from newsletter.rendering.slots import check_slot_places, scan
from newsletter.rendering.source import Files, Source, expanded, whole
from newsletter.rendering.specimen import SERVICE_SPECIMENS, SPECIMENS
from newsletter.text import clean, one_line

PAGE, CSS, TEXT = "page.mjml", "content.css", "page.txt"
_MOST_KEPT = 32


@dataclass(frozen=True)
class Kind:
    """What templates are for: the variable that holds what they print, all their variables, and views to try them."""

    variable: str
    words: frozenset[str]
    specimens: tuple[EditionView | ServiceView, ...]


EDITION = Kind("edition", EDITION_WORDS, SPECIMENS)
SERVICE = Kind("mail", SERVICE_WORDS, SERVICE_SPECIMENS)


class SlotWords:
    """The slots of one variant in the order of their first use, and the words that stand for them."""

    def __init__(self, nonce: str) -> None:
        self.nonce = nonce
        self._indices: dict[Slot, int] = {}

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(self._indices)

    def text(self, name: str, before: str = "", after: str = "", fallback: str = "") -> Markup:
        """What a template calls as ``slot``."""
        return self._word(Slot(name, clean(str(before)), clean(str(after)), clean(str(fallback))))

    def url(self, name: str) -> Markup:
        """What a template calls as ``slot_url``."""
        return Markup("https://slot.invalid/") + self._word(Slot(name))

    def _word(self, slot: Slot) -> Markup:
        index = self._indices.setdefault(slot, len(self._indices))
        return Markup(f"mbq{self.nonce}x{index:02d}z")  # noqa: S704 - letters and digits alone


@dataclass(frozen=True)
class TemplateSet:
    """A template folder, read, checked and compiled. Immutable; may be used from several threads."""

    folder: Path
    kind: Kind
    version: str
    """SHA-256, hex, over the files of the set."""
    files: Files
    artefact: Artefact
    css: str
    _html: jinja2.Template
    _text: jinja2.Template

    @classmethod
    def load(cls, folder: Path, kind: Kind = EDITION) -> TemplateSet:
        """Reads a folder with ``page.mjml``, ``content.css`` and ``page.txt``; compiles it if this version is new.

        Raises `TemplateError` with file, line and what to write instead. Two specimens, one with everything and one
        with next to nothing, are rendered, so that what would fail on a morning fails now.
        """
        files = Files.read(folder)
        key = (folder, kind.variable, files.version)
        if (known := _kept.get(key)) is None:
            try:
                known = _load(cls, files, kind)
            except (RecursionError, SyntaxError, MemoryError) as error:
                # Jinja's parser and Python's compiler, on an expression of some thousand parts.
                raise TemplateError("A Jinja expression is too long: make several of it", path=folder) from error
            while len(_kept) >= _MOST_KEPT:
                _kept.pop(next(iter(_kept)), None)
            _kept[key] = known
        return known

    def render(self, view: EditionView | ServiceView) -> Rendered:
        """An edition as one segment gets it, frozen; or a service mail. Same inputs, same bytes.

        Raises `TemplateError` where the template fails on this view, `RenderingError` where no mail comes out.
        """
        # With premailer comes what takes 20 MB, and an edition that is locked is not rendered any more.
        from newsletter.rendering.inline import inline, squeezed

        words = SlotWords(self._nonce(view))
        filled = cleaned(self._fill(self._html, view, words)).lstrip()
        assert_filled(filled)
        inlined = inline(filled, self.css)
        assert_inlined(filled, inlined)
        html = squeezed(inlined)
        text = tidy(cleaned(self._fill(self._text, view, words)))
        subject, preheader = one_line(view.subject), one_line(view.preheader)
        return Rendered(
            subject=subject,
            preheader=preheader,
            html=html,
            text=text,
            slots=words.slots,
            nonce=words.nonce,
            digest=digest(subject, preheader, html, text, words.slots),
        )

    def _nonce(self, view: EditionView | ServiceView) -> str:
        """12 hex digits from edition, segment and template version that occur in neither stories nor template."""
        content = repr(view)
        number = 0
        while True:
            seed = json.dumps([*view.identity, self.version, number])
            nonce = hashlib.sha256(seed.encode()).hexdigest()[:12]
            if nonce not in content and not any(nonce in text for text in self.files.texts.values()):
                return nonce
            number += 1

    def _fill(self, template: jinja2.Template, view: EditionView | ServiceView, words: SlotWords) -> str:
        try:
            return template.render({self.kind.variable: view, "slot": words.text, "slot_url": words.url})
        except NewsletterError:
            raise
        except Exception as error:
            name, line = failed_at(error.__traceback__)
            if not name:
                raise
            if name == PAGE:
                name, line = self.artefact.where(line)
            message = "one template includes another without end" if isinstance(error, RecursionError) else str(error)
            raise self.files.error(
                f"{message.replace('newsletter.rendering.model.', '')}: correct the Jinja here", name, line
            ) from error


_kept: dict[tuple[Path, str, str], TemplateSet] = {}


def digest(subject: str, preheader: str, html: str, text: str, slots: tuple[Slot, ...]) -> str:
    """SHA-256, hex, over what a reader of the variant gets."""
    parts: list[Any] = [subject, preheader, html, text, [[s.name, s.before, s.after, s.fallback] for s in slots]]
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


def _load(cls: type[TemplateSet], files: Files, kind: Kind) -> TemplateSet:
    from newsletter.rendering.inline import check_css  # as in `TemplateSet.render`

    for name in (PAGE, CSS, TEXT):
        if name not in files.texts:
            raise TemplateError(f"There is no {name}: a template set needs {PAGE}, {CSS} and {TEXT}", path=files.folder)
    check_css(files, CSS)
    page = expanded(files, PAGE)
    _refuse_control_characters(page)
    masked = mask(page)
    html_texts, text_texts = {}, {}
    for name in files.texts:
        if name.endswith(".html"):
            source = whole(files, name)
            html_texts[name] = attributes_shielded(source, mask(source))
        elif name.endswith(".txt"):
            text_texts[name] = files.texts[name]
    _examine(files, page, html_texts, kind.words, html=True)
    _examine(files, whole(files, TEXT), text_texts, kind.words, html=False)
    for name, text in files.texts.items():
        if name.endswith((".mjml", ".html")):
            check_slot_places(text, files.folder / name)
    artefact = compiled(page, masked)
    html_texts[PAGE] = artefact.html
    template_set = cls(
        folder=files.folder,
        kind=kind,
        version=files.version,
        files=files,
        artefact=artefact,
        css=files.texts[CSS],
        _html=environment(html_texts, html=True).get_template(PAGE),
        _text=environment(text_texts, html=False).get_template(TEXT),
    )
    for view in kind.specimens:
        try:
            rendered = template_set.render(view)
            scan(rendered.html, rendered.text, rendered.slots, rendered.nonce)
        except RenderingError as error:
            raise TemplateError(f"A specimen cannot be rendered: {error}", path=files.folder / PAGE) from error
    return template_set


def _refuse_control_characters(page: Source) -> None:
    if found := re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|&#(?:1[2-5]\d|x[89][0-9a-fA-F]);", page.text):
        raise page.error(
            f"{found[0]!r} is a control character: write the character that was meant, such as ’", found.start()
        )


def _examine(files: Files, first: Source, texts: dict[str, str], words: frozenset[str], *, html: bool) -> None:
    """Reads a page and everything that it imports or includes by Jinja."""
    env = environment({}, html=html)
    done: set[tuple[str, bool]] = set()
    waiting: list[tuple[Source, bool]] = [(first, True)]
    while waiting:
        source, slots = waiting.pop()
        for reference in examine(env, source, mask(source), words, slots=slots):
            key = reference.name, slots and reference.included
            if reference.name not in texts:
                raise reference.missing
            if key not in done:
                done.add(key)
                waiting.append((whole(files, reference.name), key[1]))
