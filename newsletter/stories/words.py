"""Words that an editor writes in place of a story's own: held to what an imported story is held to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from newsletter.errors import Refused
from newsletter.stories.draft import BulletDraft, bullet_problems, line_problem
from newsletter.text import clean, one_line

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|<!--|<[!?]")
_BULLET = re.compile(r"(?P<label>[^:]+):\s+(?P<text>.+?)(?:\s+\|\s+(?P<link>\S+))?")


def plain_line(name: str, words: str, *, like: str = "") -> str:
    """One cleaned line of plain words, as ``name`` (headline, dek …) may have it.

    ``like`` is the field of a story whose limit counts where ``name`` is none. Raises `Refused` with what is wrong.
    """
    line = one_line(words)
    if message := line_problem(like or name, line):
        raise Refused(f"the {name} {message}")
    if found := _TAG.search(line):
        raise Refused(f"the {name} has markup ({found[0][:40]}), and it is plain words: take it out")
    return line


def read_bullets(words: str) -> list[dict[str, Any]]:
    """Labelled bullets out of lines that read ``Label: sentence``, or ``Label: sentence | https://…`` with a link.

    The sentence is Markdown. Blank lines are left out. Raises `Refused` with the line and what to write instead.
    """
    bullets = []
    for number, line in enumerate(clean(words).split("\n"), start=1):
        if not line.strip():
            continue
        match = _BULLET.fullmatch(one_line(line))
        if match is None:
            raise Refused(f"line {number} of the bullets is none: write Label: sentence")
        bullets.append(BulletDraft(match["label"], match["text"], match["link"] or ""))
        if found := _TAG.search(bullets[-1].label):
            raise Refused(f"bullet {len(bullets)} has markup in its label ({found[0][:40]}): take it out")
    for message in bullet_problems(bullets):
        raise Refused(f"the bullets cannot stand so: {message}")
    return [asdict(bullet) for bullet in bullets]


def write_bullets(bullets: Iterable[Mapping[str, Any]]) -> str:
    """Bullets as the lines that `read_bullets` reads."""
    return "\n".join(
        f"{one['label']}: {one['text']}" + (f" | {one['link']}" if one.get("link") else "") for one in bullets
    )
