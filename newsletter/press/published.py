"""What everybody may read of past editions: which, how much of each, and what was corrected or taken out since.

Nothing here is of a reader: a page of the archive is the same for whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, joinedload

from newsletter.config import Briefing
from newsletter.editions import corrections
from newsletter.editions.candidates import latest_of, why_unusable
from newsletter.editions.models import Correction, Edition, Override, Slot, Variant
from newsletter.editions.states import State
from newsletter.errors import NotFound
from newsletter.press.messages import frozen
from newsletter.press.site import Site
from newsletter.rendering.neutral import Neutral, neutral
from newsletter.stories import markup
from newsletter.stories.models import StoryVersion

PAGE = 30
"""Editions on one page of a list."""
FEED = 20
"""Editions in a feed."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction that stands. ``words`` are plain text, ``at`` is in UTC. Who made it is the newsroom's matter."""

    kind: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Piece:
    """A story of a past edition."""

    headline: str
    dek: str
    url: str
    html: str
    """Its text, where the mail had it; clean HTML."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A past edition. Instants are in UTC."""

    briefing: str
    name: str
    """What readers call the briefing."""
    language: str
    date: date
    zone: str
    """The IANA zone in which its days are meant."""
    title: str
    description: str
    published_at: datetime
    updated_at: datetime
    """When it was last corrected, or something was taken out of it; else when it was published."""
    corrected: tuple[Corrected, ...]
    pieces: tuple[Piece, ...]
    """What may be read of it, in the order of the mail; with ``first`` the first one only."""
    whole: bool
    """Whether everybody may read all of it."""
    withdrawn: bool
    """Whether something was taken out: its mail as it was sent is shown to nobody then."""
    variant: int
    """Whose mail it is."""

    @property
    def path(self) -> str:
        """Behind the archive's own address: ``morning/2026-11-23``."""
        return f"{self.briefing}/{self.date.isoformat()}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of past editions, the newest first."""

    listed: tuple[Issue, ...]
    more: bool
    """Whether there are older ones."""


def open_briefings(site: Site) -> dict[str, Briefing]:
    """The briefings of whose past editions everybody may read something."""
    return {key: one for key, one in site.settings.briefings.items() if one.archive.show != "none"}


def shelf(site: Site, briefing: str = "", *, page: int = 0, size: int = PAGE) -> Shelf:
    """The past editions of a briefing, or of all, from the newest on. ``page`` counts from 0.

    Raises `NotFound` for a briefing of which nothing may be read.
    """
    wanted = _published(site, briefing).order_by(Edition.edition_date.desc(), Edition.briefing)
    with site.database.reading() as session:
        rows = session.scalars(wanted.offset(page * size).limit(size + 1)).all()
        return Shelf(tuple(_issues(site, session, rows[:size])), more=len(rows) > size)


def latest(site: Site, briefing: str) -> Issue:
    """The newest edition of a briefing that may be read. Raises `NotFound`."""
    return _one(site, _published(site, briefing).order_by(Edition.edition_date.desc()))


def issue(site: Site, briefing: str, day: date) -> Issue:
    """One past edition. Raises `NotFound`, the same whether there is none or it may not be read."""
    return _one(site, _published(site, briefing).where(Edition.edition_date == day))


def beside(site: Site, one: Issue) -> tuple[date | None, date | None]:
    """The dates of the editions before and after one that may be read."""
    every, day = _published(site, one.briefing), Edition.edition_date
    with site.database.reading() as session:
        return (
            session.scalar(every.with_only_columns(func.max(day)).where(day < one.date)),
            session.scalar(every.with_only_columns(func.min(day)).where(day > one.date)),
        )


def mail(site: Site, one: Issue, home: str) -> Neutral:
    """The mail of an edition of which everybody may read the whole, addressed to nobody; ``home`` as for `neutral`.

    Raises `NotFound` where something was taken out of it, or not all of it is open.
    """
    if not one.whole or one.withdrawn:
        raise NotFound("this mail is not to be read here")
    with site.database.reading() as session:
        row = session.get(Variant, one.variant)
        if row is None:
            raise NotFound("this edition is gone")
        return _neutral(frozen(row), home)


_neutral = lru_cache(16)(neutral)
"""The last mails that were looked at: what is frozen stays as it is."""


def _published(site: Site, briefing: str) -> Select[Edition]:
    """Editions of open briefings that have gone out to everyone, the last wave too.

    One that is stopped is not shown while it is: somebody had a reason.
    """
    open_ = open_briefings(site)
    if briefing and briefing not in open_:
        raise NotFound("there is nothing to read of this briefing")
    later = exists().where(Variant.edition_id == Edition.id, Variant.due_at > site.clock.now())
    return select(Edition).where(
        Edition.briefing.in_([briefing] if briefing else list(open_)),
        Edition.state.in_([State.SENDING.value, State.SENT.value]),
        Edition.dated_at.is_not(None),
        ~later,
    )


def _one(site: Site, wanted: Select[Edition]) -> Issue:
    with site.database.reading() as session:
        rows = session.scalars(wanted.limit(1)).all()
        for found in _issues(site, session, rows):
            return found
    raise NotFound("there is no such edition to read")


def _issues(site: Site, session: Session, editions: Sequence[Edition]) -> Iterator[Issue]:
    """Editions with what may be read of each; one of which nothing is left is left out."""
    variants = _variants(site, session, editions)
    facts = _facts(site, session, variants)
    for edition in editions:
        variant = variants.get(edition.id)
        if variant is not None and (found := _issue(site, edition, variant, facts)) is not None:
            yield found


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The variant of an edition that everybody may read, without its documents, which are large."""

    id: int
    segment: str
    due_at: datetime
    subject: str
    preheader: str
    stories: list[int]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of the stories of some editions, asked for together. Numbers are of editions, versions, stories."""

    versions: dict[int, StoryVersion]
    hidden: frozenset[int]
    """The versions that must not be read any more, or not yet."""
    words: dict[tuple[int, str, int], str]
    """An editor's own, by edition, kind and story."""
    sections: dict[tuple[int, int], str]
    """By edition and version."""
    corrections: dict[int, list[Correction]]


def _variants(site: Site, session: Session, editions: Sequence[Edition]) -> dict[int, _Chosen]:
    """By edition the variant of the briefing's segment for the archive; of the last one that there is, without it."""
    names = "id", "segment", "due_at", "subject", "preheader", "stories"
    columns = [Variant.edition_id, *(getattr(Variant, name) for name in names)]
    numbers = [edition.id for edition in editions]
    found: dict[int, list[_Chosen]] = {}
    for number, *values in session.execute(
        select(*columns).where(Variant.edition_id.in_(numbers)).order_by(Variant.no)
    ):
        found.setdefault(number, []).append(_Chosen(*values))
    wanted = {edition.id: site.briefing(edition.briefing).archive.segment for edition in editions}
    return {
        number: next((one for one in every if one.segment == wanted[number]), every[-1])
        for number, every in found.items()
    }


def _facts(site: Site, session: Session, variants: Mapping[int, _Chosen]) -> _Facts:
    ids = {story for variant in variants.values() for story in variant.stories}
    rows = select(StoryVersion).where(StoryVersion.id.in_(ids)).options(joinedload(StoryVersion.story))
    versions = {version.id: version for version in session.scalars(rows)}
    newest = {version.story_id: version for version in latest_of(session, {v.story_id for v in versions.values()})}
    now = site.clock.now()

    def hidden(version: StoryVersion) -> bool:
        # As the checks have it: a source that moves an embargo means the story, not its newest words alone. That a
        # story has expired says that it is no news any more, and so is everything here.
        embargoes = [one.embargo_until for one in (version, newest[version.story_id]) if one.embargo_until]
        return bool(why_unusable(version.story.status, max(embargoes, default=None), None, now))

    edited = session.execute(
        select(Override.edition_id, Override.kind, Override.story_id, Override.segment, Override.text)
        .where(Override.edition_id.in_(variants), Override.kind.in_(["headline", "dek"]))
        .order_by(Override.segment)
    )
    slots = select(Slot.edition_id, Slot.story_version_id, Slot.section).where(Slot.edition_id.in_(variants))
    return _Facts(
        versions,
        frozenset(number for number, version in versions.items() if hidden(version)),
        # What is the segment's own comes last, and so wins over what is everyone's.
        {(e, kind, story): text or "" for e, kind, story, of, text in edited if of in ("", variants[e].segment)},
        {(number, version): section for number, version, section in session.execute(slots)},
        corrections.of(session, variants),
    )


def _issue(site: Site, edition: Edition, variant: _Chosen, facts: _Facts) -> Issue | None:
    left = [facts.versions[one] for one in variant.stories if one in facts.versions and one not in facts.hidden]
    if not left:
        return None
    briefing = site.briefing(edition.briefing)
    whole, withdrawn = briefing.archive.show == "all", len(left) < len(variant.stories)
    with_text = {section.key for section in briefing.sections if section.layout in ("lead", "labelled")}
    said = facts.corrections.get(edition.id, [])
    began = max(variant.due_at, edition.dated_at or variant.due_at)
    changes = [one.taken_back_at or one.at for one in said]
    changes += [facts.versions[one].story.updated_at for one in variant.stories if one in facts.hidden]

    def piece(version: StoryVersion) -> Piece:
        words = {kind: facts.words.get((edition.id, kind, version.story_id)) for kind in ("headline", "dek")}
        mailed = facts.sections.get((edition.id, version.id)) in with_text
        return Piece(
            headline=words["headline"] or version.headline,
            dek=version.dek if words["dek"] is None else words["dek"],
            url=version.url,
            html=str(markup.block_html(version.body)) if mailed else "",
        )

    return Issue(
        briefing=edition.briefing,
        name=briefing.name,
        language=briefing.language or site.settings.publication.language,
        date=edition.edition_date,
        zone=site.settings.zone(edition.briefing),
        # What was taken out may have been in the subject.
        title=briefing.name if withdrawn else variant.subject,
        description="" if withdrawn else variant.preheader,
        published_at=began,
        updated_at=max([began, *changes]),
        corrected=tuple(Corrected(one.kind, one.words, one.at) for one in said if one.taken_back_at is None),
        pieces=tuple(piece(version) for version in (left if whole else left[:1])),
        whole=whole,
        withdrawn=withdrawn,
        variant=variant.id,
    )
