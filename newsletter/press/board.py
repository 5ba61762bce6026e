"""The board of an edition: its sections and slots as an editor decides about them. Looking changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from newsletter.config.models import Section
from newsletter.editions import journal, slots, store
from newsletter.editions.candidates import candidate, carried, latest_of, shut_out, why_unusable
from newsletter.editions.models import Edition, EditionDecision, Override, Slot
from newsletter.editions.overrides import WORDS, for_whom, unmet
from newsletter.editions.ranking import ranked
from newsletter.editions.states import EDITABLE
from newsletter.errors import NewsletterError, NotFound, Refused
from newsletter.press.render import view
from newsletter.press.site import Site
from newsletter.stories.comparison import FieldChange, changes
from newsletter.stories.models import Story, StoryStatus, StoryVersion
from newsletter.stories.store import usable_versions
from newsletter.stories.words import write_bullets

_OFFERS = 40
_DECISIONS = 6


@dataclass(frozen=True, slots=True)
class Update:
    """A newer version of a story than the edition tells, that nobody has decided about. ``at`` is when it came in."""

    no: int
    at: datetime
    changes: tuple[FieldChange, ...]
    edited: tuple[str, ...]
    """What changed in the story and has words of an editor's here, which stay."""


@dataclass(frozen=True, slots=True)
class BoardSlot:
    """A slot. ``name`` reads ``briefs/2``; ``segment`` is empty for the common version of its section."""

    name: str
    segment: str
    position: int
    last: bool
    story: str
    """The story's slug."""
    kicker: str
    words: dict[str, str]
    """Headline, dek and bullets as everyone in question gets them."""
    own: dict[str, str]
    """The same as the story itself has them."""
    edits: tuple[tuple[str, str, str], ...]
    """``(what, segment, by)`` of every edit of its words."""
    only: dict[str, dict[str, str]]
    """By segment, the words that its readers alone get."""
    reason: str
    by_hand: str
    """``pin``, ``move``, or empty where the rules brought it here."""
    unusable: str
    left_out_for: tuple[str, ...]
    """Segments that get the version but not this story."""
    update: Update | None

    @property
    def where(self) -> str:
        """What tells it from the other slots of the board: ``briefs-2``, ``near-1-europe``."""
        return "-".join([self.name.replace("/", "-"), *([self.segment] if self.segment else [])])


@dataclass(frozen=True, slots=True)
class BoardVersion:
    """A section as some segments get it. ``readers`` is empty where everyone does."""

    segment: str
    readers: tuple[str, ...]
    section: Section
    slots: tuple[BoardSlot, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A story that somebody left out, for everyone or for one segment; with a ``section``, out of that one alone."""

    story: str
    headline: str
    segment: str
    section: str
    by: str


@dataclass(frozen=True, slots=True)
class Board:
    """An edition as an editor decides about it."""

    key: str
    version: int
    """Counts every change: what a form says that was looked at."""
    editable: bool
    assembled_at: datetime | None
    lines: dict[str, str]
    """The subject and preheader that an editor gave it; empty where the briefing's own count."""
    inbox: dict[str, tuple[str, str]]
    """By segment, subject and preheader as its readers would see them."""
    trouble: str
    """Why ``inbox`` is empty."""
    sections: tuple[tuple[BoardVersion, ...], ...]
    left_out: tuple[LeftOut, ...]
    unmet: tuple[str, ...]
    came_in: int
    """How many usable stories came in since it was assembled."""
    undoable: EditionDecision | None
    decisions: tuple[EditionDecision, ...]
    """The last ones, the newest first."""

    def slot(self, name: str, segment: str) -> BoardSlot:
        """The slot ``briefs/2``. Raises `NotFound`."""
        for one in self.slots:
            if (one.name, one.segment) == (name, segment):
                return one
        raise NotFound("there is no such slot any more: look at the board again")

    def place(self, section: str, segment: str) -> BoardVersion:
        """A version of a section. Raises `NotFound`."""
        for versions in self.sections:
            for one in versions:
                if (one.section.key, one.segment) == (section, segment):
                    return one
        raise NotFound("there is no such section: look at the board again")

    @property
    def slots(self) -> Iterator[BoardSlot]:
        """All of them."""
        return (slot for versions in self.sections for one in versions for slot in one.slots)


def board(site: Site, key: str) -> Board:
    """The board of an edition. Raises `NotFound`, and `Refused` where it was assembled by other sections."""
    with site.database.reading() as session:
        edition = store.find(session, key)
        version = edition.version
        maker = _Maker(site, session, edition)
        inbox, trouble = _inbox(site, session, edition)
        return Board(
            key=edition.key,
            version=version,
            editable=edition.state in EDITABLE,
            assembled_at=edition.assembled_at,
            lines={"subject": edition.subject or "", "preheader": edition.preheader or ""},
            inbox=inbox,
            trouble=trouble,
            sections=tuple(maker.versions(rule) for rule in maker.briefing.sections),
            left_out=tuple(maker.left_out()),
            unmet=unmet(session, edition),
            came_in=_came_in(session, edition),
            undoable=journal.last_of(session, edition),
            decisions=tuple(journal.latest(session, edition, _DECISIONS)),
        )


def _inbox(site: Site, session: Session, edition: Edition) -> tuple[dict[str, tuple[str, str]], str]:
    try:
        seen = {one: view(site, session, edition, one) for one in site.briefing(edition.briefing).segments}
    except NewsletterError as error:
        return {}, str(error) if edition.assembled_at else ""
    return {segment: (one.subject, one.preheader) for segment, one in seen.items()}, ""


def _came_in(session: Session, edition: Edition) -> int:
    if edition.assembled_at is None:
        return 0
    here = select(StoryVersion.story_id).join(Slot).where(Slot.edition_id == edition.id)
    return session.scalar(
        select(func.count()).select_from(Story).where(
            Story.status == StoryStatus.USABLE.value, Story.created_at > edition.assembled_at, Story.id.not_in(here)
        )
    ) or 0  # fmt: skip


class _Maker:
    """One look at an edition, with what is asked of the database once."""

    def __init__(self, site: Site, session: Session, edition: Edition) -> None:
        self.site, self.session, self.edition = site, session, edition
        self.briefing = site.briefing(edition.briefing)
        self.slots = store.placed(session, edition)
        self.overrides = session.scalars(
            select(Override)
            .where(Override.edition_id == edition.id)
            .order_by(Override.id)
            .options(joinedload(Override.story))
        ).all()
        stories = {slot.story_version.story_id for slot in self.slots} | {o.story_id for o in self.overrides}
        self.latest = {version.story_id: version for version in latest_of(session, stories)}

    def versions(self, rule: Section) -> tuple[BoardVersion, ...]:
        """A section as everyone gets it, then as those do for whom it differs."""
        whom = [segment for segment in self.briefing.segments if not rule.differs_for(segment)]
        differ = [segment for segment in self.briefing.segments if rule.differs_for(segment)]
        found = [self._version(rule, rule, "", tuple(whom) if differ else ())] if whom else []
        found += [
            self._version(rule, own, segment, (segment,))
            for segment in differ
            if (own := rule.for_segment(segment)) is not None
        ]
        return tuple(found)

    def _version(self, rule: Section, own: Section, segment: str, readers: tuple[str, ...]) -> BoardVersion:
        here = [slot for slot in self.slots if (slot.section, slot.segment) == (rule.key, segment)]
        made = tuple(self._slot(slot, segment, readers, last=slot is here[-1]) for slot in here)
        return BoardVersion(segment, readers, own, made)

    def _slot(self, slot: Slot, segment: str, readers: tuple[str, ...], *, last: bool) -> BoardSlot:
        told = slot.story_version
        newest = self.latest[told.story_id]
        about = [o for o in self.overrides if o.story_id == told.story_id]
        own = {"headline": told.headline, "dek": told.dek, "bullets": write_bullets(told.bullets)}
        only = {one: slots.edited(self.edition, told.story_id, one) for one in self.briefing.segments}
        whom = slots.scope(self.briefing, slot.section, segment)
        placing = {o.kind for o in about if o.section == slot.section and o.segment in ("", whom)} & {"pin", "move"}
        words = own | slots.edited(self.edition, told.story_id, "") | (only.get(segment) or {})
        return BoardSlot(
            name=f"{slot.section}/{slot.position}",
            segment=segment,
            position=slot.position,
            last=last,
            story=told.story.slug,
            kicker=told.kicker,
            words=words,
            own=own,
            edits=tuple((o.kind, o.segment, o.by) for o in about if o.kind in WORDS),
            only={one: given for one, given in only.items() if given},
            reason=slot.reason,
            by_hand="pin" if "pin" in placing else "move" if placing else "",
            unusable=self._unusable(told, newest),
            left_out_for=tuple(
                one for one in readers or self.briefing.segments
                if shut_out(told.fence, one)
                or any(o.kind == "exclude" and o.segment == one and o.section in (None, slot.section) for o in about)
            ),
            update=self._update(told, newest, about),
        )  # fmt: skip

    def _unusable(self, told: StoryVersion, newest: StoryVersion) -> str:
        at = max(self.edition.due_at, self.site.clock.now())
        whys = (why_unusable(told.story.status, one.embargo_until, one.expires_at, at) for one in (told, newest))
        return next((why for why in whys if why), "")

    def _update(self, told: StoryVersion, newest: StoryVersion, about: list[Override]) -> Update | None:
        seen = max((o.seen_no or 0 for o in about if o.kind == "version"), default=0)
        if newest.no <= max(told.no, seen):
            return None
        changed = changes(told, newest)
        names = {one.name for one in changed}
        edited = tuple(name for name in WORDS if name in names and any(o.kind == name for o in about))
        return Update(newest.no, newest.created_at, changed, edited) if changed else None

    def left_out(self) -> Iterator[LeftOut]:
        """What was left out, in the order in which it was."""
        for o in self.overrides:
            if o.kind == "exclude":
                yield LeftOut(o.story.slug, self.latest[o.story_id].headline, o.segment, o.section or "", o.by)


@dataclass(frozen=True, slots=True)
class Offer:
    """A story that could stand in a place, and why."""

    story: str
    """Its slug."""
    headline: str
    dek: str
    reason: str
    fits: bool
    """Whether the section's own rules would take it."""
    stands: str
    """Where it stands in this edition already, in words; empty where it does not."""
    left_out: bool
    new: bool
    """Whether it came in after the edition was assembled."""


def offers(site: Site, key: str, section: str, segment: str, words: str = "") -> tuple[list[Offer], int]:
    """What could stand in a version of a section, the likeliest first, and how many more there are.

    ``words`` is looked for in headline and slug. Raises `NotFound` where there is no such edition, `Refused` where it
    has no such section.
    """
    briefing = site.briefing(store.parse_key(key)[0])
    rule = next((rule for rule in briefing.sections if rule.key == section), None)
    own = rule.for_segment(segment) if rule is not None and (not segment or segment in briefing.segments) else None
    if own is None:
        raise Refused("there is no such section: look at the board again")
    with site.database.reading() as session:
        edition = store.find(session, key)
        at = max(edition.due_at, site.clock.now())
        versions = {version.story_id: version for version in usable_versions(session, at)}
        found = ranked(
            own,
            [candidate(version, at) for version in versions.values()],
            at=at,
            carried=carried(session, edition, versions),
            zone=site.settings.zone(edition.briefing),
        )
        stands: dict[int, list[str]] = {}
        for slot in store.placed(session, edition):
            where = f"{slot.section}/{slot.position}{for_whom(slot.segment)}"
            stands.setdefault(slot.story_version.story_id, []).append(where)
        gone = {o.story_id for o in edition.overrides if o.kind == "exclude"}
        made = [
            Offer(
                story=one.story.slug,
                headline=versions[one.story.story_id].headline,
                dek=versions[one.story.story_id].dek,
                reason=one.reason,
                fits=one.fits,
                stands=", ".join(stands.get(one.story.story_id, ())),
                left_out=one.story.story_id in gone,
                new=edition.assembled_at is not None
                and versions[one.story.story_id].story.created_at > edition.assembled_at,
            )
            for one in found
        ]
    sought = words.casefold().split()
    matching = [one for one in made if all(word in f"{one.headline} {one.story}".casefold() for word in sought)]
    return matching[:_OFFERS], max(0, len(matching) - _OFFERS)
