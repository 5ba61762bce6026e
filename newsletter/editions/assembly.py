"""Which stories stand where in an edition, and why. Pure: the same candidates, rules and decisions, the same slots.

The order among stories is total: priority (1 first), then the newer publication (none known: last), then the slug.
Sections are filled in the order in which the briefing names them. What an editor pinned or moved is placed before any
rule looks at the stories, so that no earlier section takes it.

A section whose rules differ for a segment has slots of its own for it; everyone else gets the section's common slots.
No reader meets a story twice: a version of a section leaves out what any of its readers has elsewhere. Two segments may
have the same story, each in its own version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from newsletter.config.models import Briefing, Section, Select
from newsletter.editions.reasons import Reasons, takes

COMMON = "*"
"""In place of a segment: the version of a section for all who have none of their own. No segment is called so."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story version that could stand in the edition, as far as assembly looks at it."""

    story_id: int
    version_id: int
    slug: str
    section: str = ""
    tags: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    only_to: tuple[str, ...] = ()
    """The segments that alone get it, where there are any."""
    never_to: tuple[str, ...] = ()
    priority: int = 5
    published_at: datetime | None = None
    unusable: str = ""
    """Why it may not go out, in words (``killed``, ``embargoed until …``); empty when it may."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an editor decided about one story: ``kind`` is pin, exclude or move.

    ``segment`` empty means every version of the section, `COMMON` its common one alone. A moved story stands in its
    place as long as it is usable and new; a pinned one even if an earlier edition carried it. Without ``position`` (1
    is the first) it stands before what the rules find. Where a story is pinned and moved, the move says where. What is
    excluded with a ``section`` may stand in another one.
    """

    kind: str
    story_id: int
    segment: str = ""
    section: str = ""
    position: int | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """A story that an earlier edition had: the last such edition's date, and whether it changed materially since."""

    on: date
    changed: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """One slot. ``segment`` is empty where the section is the same for everyone who has no version of their own."""

    section: str
    section_no: int
    segment: str
    position: int
    story_id: int
    version_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Assembly:
    """The slots; ``skip`` says in words why they are too little to send, empty when they are enough.

    ``notes`` are decisions of editors that could not be followed, each with the reason.
    """

    slots: tuple[Placed, ...]
    skip: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Version:
    """A section as a group of segments gets it: ``segment`` is empty for its common version."""

    no: int
    section: Section
    segment: str
    readers: frozenset[str]

    @property
    def where(self) -> str:
        return f"section “{self.section.title or self.section.key}”"

    @property
    def words(self) -> str:
        return self.where + (f" for {self.segment}" if self.segment else "")


def rank(story: Candidate) -> tuple[int, bool, timedelta, str]:
    """The place of a story in the total order: less is earlier."""
    published = story.published_at
    return story.priority, published is None, _EPOCH - (published or _EPOCH), story.slug


def assemble(
    briefing: Briefing,
    stories: Iterable[Candidate],
    *,
    at: datetime,
    decisions: Iterable[Decision] = (),
    carried: Mapping[int, Carried] | None = None,
    zone: str = "UTC",
) -> Assembly:
    """Fills the sections of ``briefing`` for the edition that is due at the instant ``at``.

    ``carried`` says which stories earlier editions of the briefing had, by story id; ``zone`` is the IANA zone of the
    times written into reasons. An edition that lacks a required section, or in which the readers of some segment get
    fewer than ``min_stories``, has a ``skip`` reason (and the slots that were found, so that an editor can go on).
    """
    return _Run(briefing, stories, at, decisions, carried or {}, zone).result()


class _Run:
    """One assembly, with what has been given to whom so far."""

    def __init__(
        self,
        briefing: Briefing,
        stories: Iterable[Candidate],
        at: datetime,
        decisions: Iterable[Decision],
        carried: Mapping[int, Carried],
        zone: str,
    ) -> None:
        self.briefing, self.at, self.carried = briefing, at, carried
        self.reasons = Reasons(at, zone, self.carried)
        self.stories = {story.story_id: story for story in sorted(stories, key=rank)}
        self.notes: list[str] = []
        self.given: dict[int, frozenset[str]] = {}
        self.excluded: dict[tuple[int, str], frozenset[str]] = {}
        everyone = frozenset(briefing.segments)
        self.versions = [
            version for no, section in enumerate(briefing.sections) for version in _versions(no, section, briefing)
        ]
        ordered = sorted(decisions, key=lambda d: (d.kind, d.story_id, d.segment))
        for decision in ordered:
            if decision.kind == "exclude":
                for_whom = frozenset({decision.segment}) if decision.segment else everyone
                what = decision.story_id, decision.section
                self.excluded[what] = self.excluded.get(what, frozenset()) | for_whom
        self.fenced = {
            story.story_id: frozenset(
                one for one in everyone if one in story.never_to or (story.only_to and one not in story.only_to)
            )
            for story in self.stories.values()
            if story.only_to or story.never_to
        }
        self.places = self._places([d for d in ordered if d.kind in ("pin", "move")])

    def result(self) -> Assembly:
        slots: list[Placed] = []
        missing: list[str] = []
        for version in self.versions:
            found = self._fill(version)
            placed = len(self.places[version])
            if version.section.required and len(found) < max(1, version.section.min):
                missing.append(f"{version.words} is required and has {_of(len(found), max(1, version.section.min))}")
            # An editor's own choice is not left out because the rules found nothing to put beside it.
            if len(found) < version.section.min and not placed:
                continue
            for position, (story, reason) in enumerate(found, start=1):
                self._give(story.story_id, version.readers)
                slots.append(
                    Placed(
                        section=version.section.key,
                        section_no=version.no,
                        segment=version.segment,
                        position=position,
                        story_id=story.story_id,
                        version_id=story.version_id,
                        reason=reason,
                    )
                )
        return Assembly(tuple(slots), self._skip(slots, missing), tuple(self.notes))

    def _skip(self, slots: Sequence[Placed], missing: list[str]) -> str:
        for segment in self.briefing.segments:
            count = sum(
                slot.segment == segment_of(self.briefing, slot.section, segment)
                and segment not in self._excluded(slot.story_id, slot.section)
                for slot in slots
            )
            if count < self.briefing.min_stories:
                missing.append(f"{segment} would get {_of(count, self.briefing.min_stories)}")
        return "; ".join(missing)

    def _places(self, decisions: Sequence[Decision]) -> dict[_Version, list[tuple[Candidate, Decision]]]:
        """What editors placed by hand, for every version of a section, in order, never more than its ``max``."""
        places: dict[_Version, list[tuple[Candidate, Decision]]] = {version: [] for version in self.versions}
        by_story: dict[tuple[int, str], dict[str, Decision]] = {}
        for decision in decisions:
            by_story.setdefault((decision.story_id, decision.segment), {})[decision.kind] = decision
        # Where a story is both pinned and moved, the move says where, and the pin that it may be an old one.
        wanted = [kinds.get("move") or kinds["pin"] for kinds in by_story.values() if self._allowed(kinds)]

        def order(decision: Decision) -> tuple[object, ...]:
            # What is meant for one segment is the more particular wish, and goes first.
            return not decision.segment, decision.position or 0, rank(self.stories[decision.story_id])

        for decision in sorted(wanted, key=order):
            story = self.stories[decision.story_id]
            targets = [
                version
                for version in self.versions
                if version.section.key == decision.section
                and (decision.segment in ("", version.segment) or (decision.segment == COMMON and not version.segment))
            ]
            if not targets:
                self._note(decision, f"section {decision.section!r} has no version for {decision.segment or 'anyone'}")
            for version in targets:
                if has := version.readers & self.given.get(story.story_id, frozenset()):
                    self._note(decision, f"{', '.join(sorted(has))} has it in another section")
                elif version.readers <= self.fenced.get(story.story_id, frozenset()):
                    self._note(decision, f"the story says that {', '.join(sorted(version.readers))} never gets it")
                elif version.readers <= self._excluded(story.story_id, version.section.key):
                    self._note(decision, f"it is excluded from {version.words}")
                elif len(places[version]) >= version.section.max:
                    self._note(decision, f"{version.words} is full with {version.section.max}")
                else:
                    self._give(story.story_id, version.readers)
                    places[version].append((story, decision))
        return places

    def _allowed(self, kinds: Mapping[str, Decision]) -> bool:
        decision = next(iter(kinds.values()))
        story = self.stories.get(decision.story_id)
        if story is None or story.unusable:
            self._note(decision, (story.unusable if story else "") or "it may not go out")
        elif "pin" not in kinds and self._old(story):
            self._note(decision, f"the edition of {self.carried[story.story_id].on.isoformat()} had it: pin it instead")
        else:
            return True
        return False

    def _fill(self, version: _Version) -> list[tuple[Candidate, str]]:
        section = version.section
        chosen = [
            (story, self.reasons.because(version.where, section.select, story, f"rank {no} of {total}"))
            for story, no, total in self._matching(version, section.select, section.max - len(self.places[version]))
        ]
        if section.backfill:
            target = min(section.max, section.backfill.up_to or section.min)
            have = {story.story_id for story, _ in chosen}
            more = target - len(chosen) - len(self.places[version])
            chosen += [
                (story, self.reasons.because(version.where, section.backfill, story, f"rank {no} of {total}"))
                for story, no, total in self._matching(version, section.backfill, more, without=have)
            ]
        return self._arranged(version, chosen)

    def _arranged(self, version: _Version, chosen: list[tuple[Candidate, str]]) -> list[tuple[Candidate, str]]:
        by_hand = [
            (story, f"{version.where}: {'pinned' if d.kind == 'pin' else 'moved'} by {d.by or 'an editor'}", d.position)
            for story, d in self.places[version]
        ]
        arranged = [(story, reason) for story, reason, position in by_hand if position is None] + chosen
        last = 0
        for story, reason, position in sorted(((s, r, p) for s, r, p in by_hand if p), key=lambda item: item[2]):
            last = max(last + 1, position)
            arranged.insert(last - 1, (story, reason))
        return arranged

    def _matching(
        self, version: _Version, select: Select, limit: int, *, without: Iterable[int] = ()
    ) -> Iterator[tuple[Candidate, int, int]]:
        """The first ``limit`` stories that ``select`` takes and that are free for this version, with their rank."""
        if limit <= 0:
            return
        free = [
            story
            for story in self.stories.values()
            if story.story_id not in without and self._free(story, version) and takes(select, story, self.at)
        ]
        for no, story in enumerate(free[:limit], start=1):
            yield story, no, len(free)

    def _free(self, story: Candidate, version: _Version) -> bool:
        return not (
            story.unusable
            or self._old(story)
            or version.readers & self.given.get(story.story_id, frozenset())
            or version.readers <= self._excluded(story.story_id, version.section.key)
        )

    def _excluded(self, story_id: int, section: str) -> frozenset[str]:
        """Whose readers do not get a story in a section: because an editor says so, or the story itself."""
        none: frozenset[str] = frozenset()
        decided = self.excluded.get((story_id, ""), none) | self.excluded.get((story_id, section), none)
        return decided | self.fenced.get(story_id, none)

    def _old(self, story: Candidate) -> bool:
        before = self.carried.get(story.story_id)
        return before is not None and not before.changed

    def _give(self, story_id: int, readers: frozenset[str]) -> None:
        self.given[story_id] = self.given.get(story_id, frozenset()) | readers

    def _note(self, decision: Decision, why: str) -> None:
        story = self.stories.get(decision.story_id)
        who = f" by {decision.by}" if decision.by else ""
        name = story.slug if story else f"story {decision.story_id}"
        self.notes.append(f"{decision.kind} of {name}{who} cannot be followed: {why}")


def segment_of(briefing: Briefing, section: str, segment: str) -> str:
    """Whose slots of a section the readers of ``segment`` get: their own (its key), or the common ones (empty)."""
    rule = next(rule for rule in briefing.sections if rule.key == section)
    return segment if rule.differs_for(segment) else ""


def _versions(no: int, section: Section, briefing: Briefing) -> Iterator[_Version]:
    common = frozenset(segment for segment in briefing.segments if not section.differs_for(segment))
    if common:
        yield _Version(no, section, "", common)
    for segment in briefing.segments:
        if section.differs_for(segment) and (own := section.for_segment(segment)) is not None:
            yield _Version(no, own, segment, frozenset({segment}))


def _of(count: int, least: int) -> str:
    return f"{count} of at least {least} {'story' if least == 1 else 'stories'}"
