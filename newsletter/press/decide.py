"""What editors decide of an edition: each decision and what follows of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from newsletter.config.models import Briefing
from newsletter.editions import journal, overrides, slots, store
from newsletter.editions.models import Edition
from newsletter.editions.states import EDITABLE, State, wrong_state
from newsletter.errors import Refused
from newsletter.press.site import Site

_Deed = Callable[[Session, Edition, Briefing], Mapping[int, int] | None]


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision."""

    void: bool
    """Whether an approval was given, and is void now."""
    skipped: str
    """Why the edition is too little to send now, empty where it is not."""
    what: str = ""
    """What was undone, in words."""


@dataclass(frozen=True, slots=True)
class Editor:
    """Who decides, and the version of the edition that they looked at (None: they did not look)."""

    by: str = ""
    seen: int | None = None


def _decided(site: Site, key: str, who: Editor, deed: _Deed) -> Decided:
    with site.database.writing() as session:
        edition = store.find(session, key)
        session.refresh(edition, with_for_update=True)  # what is read of its slots is so until the end
        if edition.state not in EDITABLE:
            raise wrong_state(edition, "changed")
        store.refuse_stale(session, edition, who.seen)
        briefing, zone = site.briefing(edition.briefing), site.settings.zone(edition.briefing)
        _known = store.placed(session, edition)  # held until the end, so that nobody asks for them one by one
        before = edition.state
        told = deed(session, edition, briefing)
        at = max(edition.due_at, site.clock.now())
        store.settle(session, edition, briefing, site.clock, zone=zone, at=at, told=told)
        session.refresh(edition)
        return Decided(
            void=before == State.APPROVED and edition.state != before,
            skipped=edition.reason if edition.state == State.SKIPPED else "",
        )


def decide(
    site: Site,
    key: str,
    kind: str,
    story: str,
    who: Editor,
    *,
    segment: str = "",
    section: str = "",
    position: int | None = None,
    text: str = "",
) -> Decided:
    """Pins, moves, excludes or rewords a story (its slug), as `overrides.set_override` says; the slots follow."""

    def deed(session: Session, edition: Edition, briefing: Briefing) -> None:
        overrides.set_override(session, edition, briefing, kind, story, clock=site.clock, by=who.by, seen=who.seen,
                               segment=segment, section=section, position=position, text=text)  # fmt: skip

    return _decided(site, key, who, deed)


def clear(site: Site, key: str, kind: str, story: str, who: Editor, *, segment: str = "") -> Decided:
    """Takes a decision about a story back; the slots follow. Raises `NotFound` when there is none."""

    def deed(session: Session, edition: Edition, _briefing: Briefing) -> None:
        overrides.clear_override(session, edition, kind, story, clock=site.clock, by=who.by, seen=who.seen,
                                 segment=segment)  # fmt: skip

    return _decided(site, key, who, deed)


def set_lines(site: Site, key: str, who: Editor, **lines: str | None) -> Decided:
    """Gives an edition a ``subject`` and a ``preheader`` of its own, as far as they are given; empty: the usual."""

    def deed(session: Session, edition: Edition, _briefing: Briefing) -> None:
        overrides.set_lines(session, edition, lines, clock=site.clock, by=who.by, seen=who.seen)

    return _decided(site, key, who, deed)


def move_slot(site: Site, key: str, slot: str, who: Editor, *, steps: int, segment: str = "") -> Decided:
    """Moves a slot (``briefs/2``, of the version that ``segment`` gets) up (-1) or down (1) in its section."""

    def deed(session: Session, edition: Edition, briefing: Briefing) -> None:
        at = slots.slot_at(edition, briefing, slot, segment)
        slots.shift(session, edition, briefing, at, steps, clock=site.clock, by=who.by, seen=who.seen)

    return _decided(site, key, who, deed)


def pin_slot(site: Site, key: str, slot: str, who: Editor, *, segment: str = "") -> Decided:
    """Pins the story of a slot where it stands."""

    def deed(session: Session, edition: Edition, briefing: Briefing) -> None:
        at = slots.slot_at(edition, briefing, slot, segment)
        slots.pin_here(session, edition, briefing, at, clock=site.clock, by=who.by, seen=who.seen)

    return _decided(site, key, who, deed)


def unpin_slot(site: Site, key: str, slot: str, who: Editor, *, segment: str = "") -> Decided:
    """Gives the story of a slot back to the rules."""

    def deed(session: Session, edition: Edition, briefing: Briefing) -> None:
        at = slots.slot_at(edition, briefing, slot, segment)
        slots.unpin(session, edition, briefing, at, clock=site.clock, by=who.by, seen=who.seen)

    return _decided(site, key, who, deed)


def leave_out(site: Site, key: str, slot: str, who: Editor, *, segment: str = "", only: str = "") -> Decided:
    """Leaves the story of a slot out of the edition, for everyone, or ``only`` for the readers of one segment."""

    def deed(session: Session, edition: Edition, briefing: Briefing) -> None:
        at = slots.slot_at(edition, briefing, slot, segment)
        slots.leave_out(session, edition, briefing, at, clock=site.clock, by=who.by, only=only, seen=who.seen)

    return _decided(site, key, who, deed)


def swap_slot(site: Site, key: str, slot: str, story: str, who: Editor, *, segment: str = "") -> Decided:
    """Gives a slot another story (its slug); the one that stood there may stand in another section."""

    def deed(session: Session, edition: Edition, briefing: Briefing) -> None:
        at = slots.slot_at(edition, briefing, slot, segment)
        slots.swap(session, edition, briefing, at, story, clock=site.clock, by=who.by, seen=who.seen)

    return _decided(site, key, who, deed)


def add_story(site: Site, key: str, section: str, story: str, who: Editor, *, segment: str = "") -> Decided:
    """Pins a story (its slug) into a section, of the version that ``segment`` gets, behind what stands there."""

    def deed(session: Session, edition: Edition, briefing: Briefing) -> None:
        slots.add(session, edition, briefing, section, segment, story, clock=site.clock, by=who.by, seen=who.seen)

    return _decided(site, key, who, deed)


def edit_slot(
    site: Site, key: str, slot: str, words: Mapping[str, str], who: Editor, *, segment: str = "", only: str = ""
) -> Decided:
    """Gives the story of a slot other words in this edition: headline, dek and bullets, as far as they are given.

    ``only`` is the segment whose readers alone get them; empty, everyone.
    """
    if not words:
        raise Refused("nothing was given that could be changed: write a headline, a dek or bullets")

    def deed(session: Session, edition: Edition, briefing: Briefing) -> None:
        at = slots.slot_at(edition, briefing, slot, segment)
        slots.edit(session, edition, briefing, at, words, clock=site.clock, by=who.by, seen=who.seen, segment=only)

    return _decided(site, key, who, deed)


def accept(site: Site, key: str, story: str, who: Editor) -> Decided:
    """Lets an edition tell the newest version of a story, and keeps to it."""
    return _tell(site, key, story, who, newest=True)


def keep(site: Site, key: str, story: str, who: Editor) -> Decided:
    """Lets an edition tell the version of a story that it tells, though there is a newer one."""
    return _tell(site, key, story, who, newest=False)


def _tell(site: Site, key: str, story: str, who: Editor, *, newest: bool) -> Decided:
    def deed(session: Session, edition: Edition, briefing: Briefing) -> None:
        slots.tell(session, edition, briefing, story, newest=newest, clock=site.clock, by=who.by, seen=who.seen)

    return _decided(site, key, who, deed)


def undo(site: Site, key: str, who: Editor) -> Decided:
    """Takes the last decision back; again, and it is the one before. Raises `Refused` when there is none."""
    what = ""

    def deed(session: Session, edition: Edition, _briefing: Briefing) -> Mapping[int, int]:
        nonlocal what
        undone = journal.undo(session, edition, clock=site.clock, by=who.by, seen=who.seen)
        what = undone.what
        return {int(story): number for story, number in undone.change["told"].items()}

    done = _decided(site, key, who, deed)
    return Decided(done.void, done.skipped, what)
