"""The bare briefing note: what a desk files by mail or chat, without any marks but those of its order.

    Port Maren votes on its harbour.                                      the summary, for the inbox row
    ![Tuesday Briefing The old harbour at dawn.](https://…/harbour.jpg)   the picture, if there is one
    Voters back the harbour plan                                          the headline
    The council said that …                                               paragraphs
    Costs: The plan is now put at 640 million.                            labelled bullets, at the end

A line is a part, and blank lines may stand between them; but where blank lines stand between the paragraphs and no line
is longer than `WRAPPED` characters, the lines between two blank ones are one paragraph that was wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newsletter.stories import markup
from newsletter.stories.draft import BulletDraft, ImageDraft, Problem
from newsletter.stories.importers.document import Document
from newsletter.stories.importers.reading import Item, Reading, drafted
from newsletter.text import clean, one_line

WRAPPED = 100

IMAGE_LINE = re.compile(r"!\[(?P<alt>.*)\]\(\s*(?P<url><[^<>]*>|\S+?)\s*(?:\"(?P<title>[^\"]*)\")?\s*\)")

_KINDS = ("Briefing", "Edition")
_TIMES = frozenset(
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "Morning", "Midday", "Afternoon"]
) | {"Evening", "Weekend", "Night", "Daily", "Weekly"}
_COMPOUNDS = ("Room", "Rooms", "Paper", "Papers", "Book", "Books", "Pack", "Packs", "Note", "Notes")
_SEPARATORS = ":|–—-,."

# Up to four words, none of which ends a sentence or opens a quotation, then a colon and white space: a time (10:30) or
# a URL has none after its colon.
_LABEL = re.compile(
    r"(?P<label>(?=[^\Wa-z_])[^\s:.!?;\"“”«»()\[\]]+(?:\s+[^\s:.!?;\"“”«»()\[\]]+){0,3}):\s+(?P<text>\S.*)"
)
# "She said: “…”" attributes a quotation; "What they said: …" is a label.
_ATTRIBUTION = re.compile(r"(?!What\b|Who\b|How\b)\S.*\b(?:said|says|asked|added|wrote|told \w+)")


_MARKED = re.compile(r"#{1,6}\s|[<{]|---")


@dataclass(frozen=True, slots=True)
class _Part:
    line: int
    text: str


def read(document: Document, reading: Reading) -> Iterator[Item]:
    """The story in a note, or every problem that it has. Raises `ImportRefused` where it is no note."""
    parts = [_Part(number, line.strip()) for number, line in enumerate(clean(document.text()).split("\n"), 1)]
    summary, picture, headline = _head(document, [part for part in parts if part.text])
    after = max(part.line for part in (picture, headline) if part)
    body = _paragraphs([part for part in parts if part.line > after])
    if not body:
        raise document.refuse("ends after its headline: write its paragraphs below, each on a line of its own", after)
    paragraphs, bullets = _bullets(body)
    lines = {"headline": headline.line, "bullets": body[len(paragraphs)].line if bullets else after}
    lines |= {"summary": summary.line if summary else 1, "image": picture.line if picture else 1}

    def describe(problem: Problem) -> tuple[str, int | None]:
        if problem.field == "body" and paragraphs:
            # Two lines of the body for each paragraph: itself and the blank one after it.
            at = min(max(problem.line - 1, 0) // 2, len(paragraphs) - 1)
            return "the text:", paragraphs[at].line
        if problem.field in ("summary", "headline"):
            return f"the line taken for the {problem.field}", lines[problem.field]
        return f"the {problem.field}", lines.get(problem.field)

    yield from drafted(
        document,
        describe,
        external_id=document.key,
        source="note",
        summary=summary.text if summary else "",
        headline=headline.text,
        image=_image(document, picture, reading.edition_names) if picture else None,
        body="\n\n".join(markup.escape_start(paragraph.text) for paragraph in paragraphs),
        bullets=tuple(bullets),
    )


def _head(document: Document, parts: Sequence[_Part]) -> tuple[_Part | None, _Part | None, _Part]:
    """The lines of the summary, if there is one, of the picture, if there is one, and of the headline."""
    at = next((at for at, part in enumerate(parts[:3]) if part.text.startswith("![")), None)
    picture = None if at is None else parts[at]
    words = [part for part in parts[:3] if part is not picture][: 1 if at == 0 else 2]
    if len(words) < (1 if at == 0 else 2):
        line = parts[-1].line if parts else None
        raise document.refuse(
            "is no story: write a summary, a picture, a headline and paragraphs, each on a line", line
        )
    if marked := next((part for part in words if _MARKED.match(part.text)), None):
        raise document.refuse(
            "is no note, which has no marks; above Markdown write front matter: ---, title: …, ---", marked.line
        )
    return (words[0] if len(words) == 2 else None), picture, words[-1]


def _image(document: Document, part: _Part, edition_names: Sequence[str]) -> ImageDraft:
    match = IMAGE_LINE.fullmatch(part.text)
    if match is None:
        raise document.refuse("has a picture that cannot be read: write ![what it shows](https://…)", part.line)
    alt = without_edition_name(match["alt"], edition_names)
    if not alt or alt.rstrip(_SEPARATORS).endswith(_KINDS):
        raise document.refuse("has a picture without words for it: write in ![…] what it shows", part.line)
    url = match["url"].removeprefix("<").removesuffix(">")
    return ImageDraft(url=url, alt=alt, caption=match["title"] or "")


def without_edition_name(alt: str, edition_names: Sequence[str] = ()) -> str:
    """A picture's text without the name of an edition before it. ``edition_names`` are names that are known."""
    alt = one_line(re.sub(r"\\([\[\]()!*_\\])", r"\1", alt))
    for name in sorted(edition_names, key=len, reverse=True):
        rest = alt[len(name) :]
        if name and alt.startswith(name) and rest.lstrip(_SEPARATORS + " ") and not rest[0].isalnum():
            alt = rest.lstrip(_SEPARATORS + " ")
            break
    words = alt.split(" ")
    for _ in range(2):  # "Morning Briefing: Europe Edition" are two
        words = words[_name_length(words) :]
    return " ".join(words)


def _name_length(words: Sequence[str]) -> int:
    """How many words at the beginning name an edition: up to four that begin with capitals, and Briefing or Edition.

    They are a name only if a new sentence follows, which a capital or a digit shows ("Press Briefing at the town hall"
    keeps its words), or if the first of them is a day or a time of day, and not before "Room" and the like.
    """
    at = next((at for at, word in enumerate(words[1:5], 1) if word.rstrip(_SEPARATORS) in _KINDS), None)
    if at is None or not all(word[0].isupper() for word in words[:at]):
        return 0
    end = at + 2 if words[at + 1 : at + 2] and not words[at + 1].strip(_SEPARATORS) else at + 1
    if end >= len(words) or words[end].rstrip(_SEPARATORS) in _COMPOUNDS:
        return 0
    first = next((char for char in words[end] if char.isalnum()), "")
    return end if words[0] in _TIMES or (first and first.upper() == first) else 0


def _paragraphs(parts: Sequence[_Part]) -> list[_Part]:
    blocks: list[list[_Part]] = [[]]
    for part in parts:
        if part.text:
            blocks[-1].append(part)
        elif blocks[-1]:
            blocks.append([])
    blocks = [block for block in blocks if block]
    wrapped = len(blocks) > 1 and all(len(part.text) <= WRAPPED for part in parts)
    if not wrapped:
        return [part for block in blocks for part in block]
    found: list[_Part] = []
    for block in blocks:
        ended = True
        for part in block:
            # Bullets may stand line by line even so: one begins where the line before it ended a sentence.
            if part is block[0] or (ended and _LABEL.fullmatch(part.text)):
                found.append(part)
            else:
                found[-1] = _Part(found[-1].line, f"{found[-1].text} {part.text}")
            ended = part.text.endswith((".", "!", "?", "”", '"', "’", ")"))
    return found


def _bullets(parts: Sequence[_Part]) -> tuple[list[_Part], list[BulletDraft]]:
    """The paragraphs, and the bullets at the end."""
    bullets: list[BulletDraft] = []
    left = list(parts)
    while left and (match := _LABEL.fullmatch(left[-1].text)):
        if match["text"].startswith(("“", '"', "«", "„", "‘")) and _ATTRIBUTION.fullmatch(match["label"]):
            break
        left.pop()
        bullets.append(BulletDraft(match["label"], match["text"]))
    return left, bullets[::-1]
