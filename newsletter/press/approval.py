"""What an approval is of, its digest, and how two of them differ: in words, for the person who has to say yes again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter.checks import CheckedVariant
from newsletter.editions import store
from newsletter.editions.models import Edition
from newsletter.press import times
from newsletter.press.site import Site
from newsletter.press.spared import left_out_on

Seen = dict[str, Any]
"""Plain values as JSON has them, so that what is read back is what was written."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was approved."""

    words: str
    segments: tuple[str, ...]
    """Whose readers see it."""


def seen(site: Site, session: Session, edition: Edition, rendered: Mapping[str, CheckedVariant]) -> Seen:
    """What somebody who looks at an edition says yes to: every variant, from whom, to whom by which rule, and when.

    Two that are equal send the same bytes to readers of the same rules at the same instants.
    """
    sender = site.briefing(edition.briefing).sender
    what: Seen = {
        "sender": [sender.name, sender.address, sender.reply_to or ""],
        "segments": [_segment(site, session, edition, name, variant) for name, variant in rendered.items()],
    }
    if site.counts_clicks(edition.briefing):
        what["clicks"] = "counted"
    return what


def _segment(site: Site, session: Session, edition: Edition, name: str, variant: CheckedVariant) -> Seen:
    segment, left_out = site.segment(name), left_out_on(site, edition.briefing, edition.edition_date)
    return {
        "segment": name,
        "subject": variant.rendered.subject,
        "preheader": variant.rendered.preheader,
        "stories": [
            {
                "slug": story.version.story.slug,
                "version": story.version.no,
                "section": section.section.key,
                "headline": story.headline,
                "dek": story.dek,
            }
            for section in store.variant_slots(session, edition, site.briefing(edition.briefing), name)
            for story in section.stories
        ],
        "parts": variant.rendered.digest,
        "rule": f"{segment.rule!r} {sorted(left_out)}" if left_out else repr(segment.rule),
        "backends": list(segment.backends),
        "due_at": times.due(site.settings, edition.briefing, edition.edition_date, name).isoformat(),
        "zone": site.settings.zone(edition.briefing, name),
    }


def digest_of(what: Seen) -> str:
    """SHA-256, hex, of what is or was to be approved."""
    return hashlib.sha256(json.dumps(what, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def changed_since(before: Seen, now: Seen) -> list[Difference]:
    """What differs from what was approved, the same of several segments told once."""
    found: dict[str, list[str]] = {}
    then, today = ({one["segment"]: one for one in what["segments"]} for what in (before, now))
    if before["sender"] != now["sender"]:
        found[f"from {_sender(now)} instead of {_sender(before)}"] = list(today)
    if before.get("clicks") != now.get("clicks"):
        found[f"clicks on its links are {'' if 'clicks' in now else 'not '}counted"] = list(today)
    for name, new in today.items():
        words = _changes(then[name], new) if name in then else ["these readers get it now, and did not before"]
        for one in words:
            found.setdefault(one, []).append(name)
    for name in then:
        if name not in today:
            found.setdefault("these readers do not get it any more", []).append(name)
    return [Difference(words, tuple(segments)) for words, segments in found.items()]


def _sender(what: Seen) -> str:
    name, address, reply_to = what["sender"]
    return f"{name} <{address}>" + (f", answers to {reply_to}" if reply_to else "")


def _changes(old: Seen, new: Seen) -> Iterator[str]:
    """What differs for one segment."""
    told = False
    for name in ("subject", "preheader"):
        if old[name] != new[name]:
            yield f"the {name} is “{new[name]}”, and was “{old[name]}”"
            told = True
    for words in _stories(old["stories"], new["stories"]):
        yield words
        told = True
    if not told and old["parts"] != new["parts"]:
        yield "the page is another one: the template, or the briefing’s own words in config.yaml"
    if old["rule"] != new["rule"]:
        yield "the rule that says who these readers are is another one"
    if old["backends"] != new["backends"]:
        yield f"it goes through {', then '.join(new['backends'])}, and not {', then '.join(old['backends'])}"
    if old["due_at"] != new["due_at"]:
        yield f"it leaves {_when(new)}, and not {_when(old)}"


def _when(segment: Seen) -> str:
    local = datetime.fromisoformat(segment["due_at"]).astimezone(ZoneInfo(segment["zone"]))
    return f"{local:%a} {local.day} {local:%b} at {local:%H:%M} {local.tzname()}"


def _stories(old: list[Seen], new: list[Seen]) -> Iterator[str]:
    """What differs in the stories: gone, come, newer, reworded, moved."""
    then, today = ({story["slug"]: story for story in stories} for stories in (old, new))
    for slug, story in then.items():
        if slug not in today:
            yield f"“{story['headline']}” ({slug}) is not in it any more"
    for slug, story in today.items():
        if slug not in then:
            yield f"“{story['headline']}” ({slug}) came in, in {story['section']}"
            continue
        before = then[slug]
        if story["version"] != before["version"]:
            yield f"{slug} is version {story['version']}, and was version {before['version']}"
        if story["headline"] != before["headline"]:
            yield f"the headline of {slug} is “{story['headline']}”, and was “{before['headline']}”"
        if story["dek"] != before["dek"]:
            yield f"the dek of {slug} is “{story['dek']}”, and was “{before['dek']}”"
        if story["section"] != before["section"]:
            yield f"{slug} stands in {story['section']}, and not in {before['section']}"
    order, was = ([slug for slug in one if slug in then and slug in today] for one in (today, then))
    if order != was:
        yield f"the order is {', '.join(order)}, and was {', '.join(was)}"
