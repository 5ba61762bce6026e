"""Links that show an edition before it goes out: signed, for a while, to look at and no more.

Whoever has such a link sees the edition as it stands at that moment. The mail that it shows is nobody's: where readers
have links of their own, it has the publication's address.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select, update

from newsletter.audience.tokens import BadToken
from newsletter.clock import format_duration
from newsletter.editions import store
from newsletter.editions.models import Edition, Share
from newsletter.editions.states import State, note, wrong_state
from newsletter.errors import NewsletterError, NotFound, Refused
from newsletter.press.messages import compiled_as_now, reader_values, recipient
from newsletter.press.preview import segments_of
from newsletter.press.site import Site

USUAL = timedelta(days=2)
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=14)
MOST = 20
"""Links of one edition that work at the same time."""
_PURPOSE = "share"
_SHAREABLE = frozenset({State.READY, State.APPROVED, State.HELD, State.LOCKED})
_DEAD = frozenset({State.DRAFT, State.SKIPPED, State.ABORTED})
"""In these states there is nothing to show, or nothing that anybody should wait for."""


class NoShare(NotFound):
    """This link shows nothing. It may have run out, or somebody has ended it: ask whoever gave it to you for a new
    one."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A link. ``no`` is its number; instants are in UTC."""

    no: int
    url: str
    by: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ended_by: str
    works: bool


@dataclass(frozen=True, slots=True)
class SharedMail:
    """What a link shows: one segment's mail, addressed to nobody."""

    name: str
    """What the briefing is called."""
    date: date
    state: str
    zone: str
    expires_at: datetime
    segment: str
    segments: tuple[str, ...]
    sender: str
    subject: str
    preheader: str
    html: str
    text: str


def share(site: Site, key: str, by: str = "", lasts: timedelta = USUAL) -> Shared:
    """Makes a link that works for ``lasts``. Raises `Refused` for what is no sensible time, or too many links, and
    `WrongState` for an edition that has nothing to show or has gone out."""
    if not SHORTEST <= lasts <= LONGEST:
        shortest, longest = format_duration(SHORTEST), format_duration(LONGEST)
        raise Refused(f"a link works for {shortest} at least and {longest} at most: write for example 2d")
    now = site.clock.now()
    expires = (now + lasts).replace(microsecond=0)
    with site.database.writing() as session:
        edition = store.find(session, key)
        if edition.state not in _SHAREABLE:
            raise wrong_state(edition, "shared")
        working = select(Share.id).where(
            Share.edition_id == edition.id, Share.ended_at.is_(None), Share.expires_at > now
        )
        if len(session.scalars(working.limit(MOST)).all()) == MOST:
            raise Refused(f"{key} has {MOST} links that work: end one that nobody needs any more")
        made = Share(edition_id=edition.id, by=by, created_at=now, expires_at=expires, ended_at=None, ended_by="")
        session.add(made)
        session.flush()
        note(
            session, edition, clock=site.clock, by=by, reason=f"link {made.id} shows it until {expires:%d %b %H:%M} UTC"
        )
    return _shared(site, made, now)


def unshare(site: Site, key: str, by: str = "", no: int | None = None) -> int:
    """Ends a link by its number, or all that work; returns how many. Raises `NotFound` where none does."""
    now = site.clock.now()
    with site.database.writing() as session:
        edition = store.find(session, key)
        statement = update(Share).where(
            Share.edition_id == edition.id, Share.ended_at.is_(None), Share.expires_at > now
        )
        if no is not None:
            statement = statement.where(Share.id == no)
        ended = session.scalars(statement.values(ended_at=now, ended_by=by).returning(Share.id)).all()
        if not ended:
            raise NotFound(f"{key} has no link {no} that works" if no is not None else f"{key} has no link that works")
        links = ", ".join(str(one) for one in sorted(ended))
        note(session, edition, clock=site.clock, by=by, reason=f"link {links} shows it no more")
    return len(ended)


def shares(site: Site, key: str) -> tuple[Shared, ...]:
    """The links of an edition, the newest first: those that work, and the last ones that do not."""
    now = site.clock.now()
    with site.database.reading() as session:
        edition = store.find(session, key)
        rows = session.scalars(
            select(Share).where(Share.edition_id == edition.id).order_by(Share.id.desc()).limit(2 * MOST)
        ).all()
    return tuple(_shared(site, row, now) for row in rows)


def _shared(site: Site, row: Share, now: datetime) -> Shared:
    token = site.tokens.seal(_PURPOSE, f"{row.id:x}.{int(row.expires_at.timestamp()):x}")
    return Shared(
        no=row.id,
        url=f"{site.settings.web.address}/share/{token}",
        by=row.by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        works=row.ended_at is None and row.expires_at > now,
    )


def shared_mail(site: Site, token: str, segment: str = "") -> SharedMail:
    """What the link with this token shows, of the edition's first segment unless one is named.

    Raises `NoShare`, with the same words for whatever is wrong: the link, its time, the edition, the segment.
    """
    number, expires = _read(site, token)
    with site.database.reading() as session:
        row = session.scalars(
            select(Share).where(Share.id == number, Share.expires_at == expires, Share.ended_at.is_(None))
        ).one_or_none()
        edition = None if row is None else session.get(Edition, row.edition_id)
    if edition is None or expires <= site.clock.now() or edition.state in _DEAD:
        raise NoShare
    try:
        return _mail(site, edition, segment, expires)
    except NewsletterError:
        raise NoShare from None


def _read(site: Site, token: str) -> tuple[int, datetime]:
    try:
        number, seconds = (int(part, 16) for part in site.tokens.unseal(_PURPOSE, token).split("."))
        return number, datetime.fromtimestamp(seconds, UTC)
    except (BadToken, ValueError, OverflowError, OSError):
        raise NoShare from None


def _mail(site: Site, edition: Edition, segment: str, expires: datetime) -> SharedMail:
    segments = segments_of(site, edition.key)
    segment = segment or segments[0]
    if segment not in segments:
        raise NoShare
    _, compiled = compiled_as_now(site, edition.key, segment)
    home = site.settings.publication.base_url
    nobody = replace(
        reader_values(site, edition, recipient(site, None)), unsubscribe_url=home, preferences_url=home, view_url=home
    )
    html, text = compiled.documents(nobody)
    briefing = site.briefing(edition.briefing)
    return SharedMail(
        name=briefing.name,
        date=edition.edition_date,
        state=edition.state,
        zone=site.settings.zone(edition.briefing),
        expires_at=expires,
        segment=segment,
        segments=segments,
        sender=briefing.sender.name,
        subject=compiled.rendered.subject,
        preheader=compiled.rendered.preheader,
        html=html,
        text=text,
    )
