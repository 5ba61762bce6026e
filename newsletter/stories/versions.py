"""Versions of a story: when two are the same, and when they differ enough to be told again."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from newsletter.stories import markup
from newsletter.stories.draft import StoryDraft
from newsletter.stories.models import StoryVersion

MATERIAL_SHARE = 0.2
"""The share of words that must have come or gone before a story with the same headline counts as changed."""

_NO_CONTENT = {"external_id", "slug", "source", "status"}
_FENCE = ("only_to", "never_to")
_INVISIBLE = dict.fromkeys(map(ord, "'’‘ʼ\u00ad\u200b\u200c\u200d\u2060"))
# Chinese, Japanese and Korean are written without blanks: each character counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


def digest(draft: StoryDraft) -> str:
    """SHA-256, hex, over a draft's content. Where it came from, its status, its slug, and the order of tags, regions
    and segments are no content."""
    content = {name: value for name, value in asdict(draft).items() if name not in _NO_CONTENT}
    content["tags"], content["regions"] = sorted(draft.tags), sorted(draft.regions)
    for name in _FENCE:
        content[name] = sorted(content[name])
        if not content[name]:  # as it was before a story could say so: no version is made for that alone
            del content[name]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: Any) -> str:
    assert isinstance(value, datetime)
    return value.astimezone(UTC).isoformat(timespec="milliseconds")  # as precise as the database keeps it


def materially_changed(old: StoryVersion, new: StoryVersion) -> bool:
    """Whether ``new`` tells readers of ``old`` something else.

    The rule: the words of the headline are not the same in the same order; or, of the words of headline, dek, body and
    bullets taken together, more than `MATERIAL_SHARE` came or went. Words are compared without case, punctuation, kinds
    of quotes and dashes, white space, emphasis and the addresses of links; where in the text they stand does not
    matter.
    Tags, priority, picture, times, rights and notes never make a change material. The rule is symmetric.
    """
    if _words(old.headline) != _words(new.headline):
        return True
    before, after = Counter(_all_words(old)), Counter(_all_words(new))
    moved = max((before - after).total(), (after - before).total())
    return moved > MATERIAL_SHARE * max(before.total(), after.total())


def _words(words: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", words).casefold().translate(_INVISIBLE))


def _all_words(version: StoryVersion) -> list[str]:
    parts = [version.headline, version.dek, markup.plain(version.body, links=False)]
    for bullet in version.bullets:
        parts += [bullet["label"], markup.plain_inline(bullet["text"], links=False)]
    return _words("\n".join(parts))
