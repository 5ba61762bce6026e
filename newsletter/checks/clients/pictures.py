"""Pictures, films, drawings, forms: what some programs do not show at all."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.clients.breaks import EVERYBODY, OUTLOOK, Break, Mail, lacking, quoted, rule
from newsletter.checks.clients.features import picture_format
from newsletter.checks.styled import Node, contrast

_SMALL = 48
"""CSS pixels up to which a picture without an alternative text is an ornament."""
_LEGIBLE = 3.0
_FORMATS = {
    "image-webp": "WebP", "image-avif": "AVIF", "image-svg": "SVG", "image-heif": "HEIF", "image-tiff": "TIFF",
    "image-bmp": "BMP", "image-ico": "ICO", "image-hdr": "HDR",
}  # fmt: skip
_JPEG = "give it as JPEG or PNG, or give Outlook one in <!--[if mso]> and the others theirs in <!--[if !mso]><!-->"


@rule
def formats(mail: Mail) -> Iterable[Break]:
    """Pictures in a format that is not shown. An <img> in a <picture> is the fallback, and is judged."""
    for number, node in enumerate(mail.pictures):
        source = node.attributes.get("src", "")
        slug = picture_format(source)
        if slug not in _FORMATS:
            continue
        spared = OUTLOOK if node.not_outlook and _told_outlook(node, "<img", "<v:image", "<v:fill") else frozenset()
        first = "the first picture" if number == 0 else "a picture"
        yield Break(
            lacking([slug], spared=spared),
            not _ornament(node),
            f"picture {source[:120]}",
            f"{first} is {_FORMATS[slug]} and will not show",
            _JPEG,
        )


def _ornament(node: Node) -> bool:
    width = node.attributes.get("width", "").removesuffix("px")
    return not node.attributes.get("alt", "").strip() and width.isdigit() and int(width) <= _SMALL


def _told_outlook(node: Node, *tags: str) -> bool:
    """Whether Outlook for Windows gets something of its own here: before the element, or around it."""
    for one in (node, *node.above()):
        if any(tag in one.outlook_before or tag in one.outlook_inside for tag in tags):
            return True
    return False


_MEDIA = {"video": ("html-video", "the film"), "audio": ("html-audio", "the sound")}


@rule
def media(mail: Mail) -> Iterable[Break]:
    """Films and sounds without a picture or a link in them, which those see that cannot play them."""
    for node in mail.shown:
        if node.tag in _MEDIA and not any(one.tag in ("img", "a") for one in node.walk()):
            slug, name = _MEDIA[node.tag]
            yield Break(
                lacking([slug]),
                True,
                f"<{node.tag}> {node.attributes.get('src', '')[:120]}".strip(),
                f"{name} is not shown, and nothing stands in for it",
                f"put a linked picture into the <{node.tag}>",
            )


@rule
def drawings(mail: Mail) -> Iterable[Break]:
    """Drawings in the page, and documents in it."""
    for node in mail.shown:
        if node.tag == "svg" and not any(one.tag == "svg" for one in node.above()):
            ornament = node.attributes.get("aria-hidden") == "true" and not node.text()
            yield Break(
                lacking(["html-svg"]),
                not ornament,
                f"<svg> {quoted(node) if node.text() else ''}".strip(),
                "a drawing is not shown",
                "make it a picture, PNG for example",
            )
        elif node.tag in ("iframe", "object", "embed", "canvas", "math") and not any(
            one.tag in ("img", "a") for one in node.walk()
        ):
            failing = lacking(["html-object"]) if node.tag in ("object", "embed") else EVERYBODY
            yield Break(
                failing, True, f"<{node.tag}>", "what is embedded is not shown", "link to it, or show a picture"
            )


@rule
def forms(mail: Mail) -> Iterable[Break]:
    """Questions that cannot be answered: fields without a link to the same on the web."""
    fields = [
        node for node in mail.shown
        if node.tag in ("select", "textarea") or (node.tag == "input" and node.attributes.get("type") != "hidden")
    ]  # fmt: skip
    if fields:
        around = next((one for one in fields[0].above() if one.tag == "form"), fields[0].parent)
        linked = around is not None and any(
            one.tag == "a" and one.attributes.get("href", "").startswith("http")
            for one in (around.parent or around).walk()
        )
        yield Break(
            lacking(["html-form", "html-input-text"]),
            not linked,
            "form",
            "the form cannot be filled in",
            "link to the same form on the web, right beside it",
        )


@rule
def words_on_pictures(mail: Mail) -> Iterable[Break]:
    """Words that only the picture behind them makes legible, and no colour of the background."""
    told: set[Node] = set()
    for run in mail.runs:
        if not run.picture or run.own_ground or contrast(run.text, run.ground) >= _LEGIBLE:
            continue
        behind = next(
            (one for one in (run.node, *run.node.above()) if mail.value(one, "background-image") not in ("", "none")),
            None,
        )
        if behind is None or behind in told:
            continue
        told.add(behind)
        gradient = "gradient" in mail.value(behind, "background-image")
        spared = OUTLOOK if _told_outlook(run.node, "<v:fill", "<v:rect", "<v:image", "<v:background") else frozenset()
        yield Break(
            lacking(["css-linear-gradient" if gradient else "css-background-image"], spared=spared),
            True,
            f"words on a picture, {quoted(run.node)}",
            "the background is not shown, and the words on it are not legible without it",
            "give the element a background-color as well, on which the words are legible: it also helps where pictures "
            "are not loaded",
        )
