"""The lock: the words are frozen, then the readers, and their number is held against the usual one."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import failpoints
from newsletter.checks import Audience, CheckedVariant
from newsletter.delivery.plan import VariantRule, freeze
from newsletter.editions import approvals, counting, findings, store
from newsletter.editions.models import Edition, EditionEvent, Variant
from newsletter.editions.states import LOCKABLE, State, move
from newsletter.errors import Refused
from newsletter.press import times
from newsletter.press.approval import Seen, changed_since, digest_of, seen
from newsletter.press.approve import refuse_blocking
from newsletter.press.audience import usual
from newsletter.press.clicks import links_of
from newsletter.press.render import variants
from newsletter.press.site import Site
from newsletter.press.spared import spared

_log = logging.getLogger(__name__)

_TOLD = 3
"""How many differences an error names; the desk has all."""


def lock(site: Site, key: str, *, now: bool = False, by: str = "") -> None:
    """Freezes an edition: what every segment gets, then who gets it.

    With ``now`` its waves are due at once; ``by`` is who wants it. Goes on where an earlier call stopped. An edition
    whose number of readers is far from the usual one is held. Raises `Refused` when it must not go out: a blocking
    finding, no approval where the briefing wants one, something changed since.
    """
    with site.database.reading() as session:
        edition = store.find(session, key)
    if edition.state in LOCKABLE:
        _refuse_unapproved(site, edition)  # before anything is rendered: the clock asks every few seconds
        _freeze_words(site, key, edition.version, now=now, by=by)
    if failpoints.armed:
        failpoints.reach("lock.after_words")
    _freeze_readers(site, key)


def _refuse_unapproved(site: Site, edition: Edition) -> None:
    if site.briefing(edition.briefing).approval == "required" and edition.state != State.APPROVED:
        raise Refused(f"{edition.key} waits for an approval: newsletter edition approve {edition.key} --by NAME")


def _freeze_words(site: Site, key: str, version: int, *, now: bool, by: str) -> None:
    rendered = variants(site, key)
    found = refuse_blocking(site, key, rendered)
    # What would fail at the first message fails before anything is frozen.
    site.signing_keys(key.partition("/")[0])
    for segment in rendered:
        for name in site.segment(segment).backends:
            site.backend(name)
    with site.database.writing() as session:
        edition = store.find(session, key)
        if edition.state not in LOCKABLE:
            return  # another process was faster; the readers are frozen by whoever comes first
        if edition.version != version:
            raise Refused(f"{key} was changed while it was being locked: try again")
        _refuse_unapproved(site, edition)
        if edition.state == State.APPROVED:
            _refuse_another(session, edition, seen(site, session, edition, rendered))
        instant = site.clock.now()
        move(session, edition.id, State.LOCKED, leaving=LOCKABLE, clock=site.clock, by=by, locked_at=instant)
        overridden = {finding.fingerprint for finding in found if finding.override}
        findings.use(session, edition, overridden, site.clock)
        for no, (segment, variant) in enumerate(rendered.items()):
            due = times.due(site.settings, edition.briefing, edition.edition_date, segment)
            session.add(_variant(site, session, edition, no, segment, variant, min(due, instant) if now else due))
        if site.counts_clicks(edition.briefing):
            counting.register(session, edition.id, links_of(rendered))
    _log.info("locked", extra={"action": "lock", "edition": key, "variants": len(rendered)})


def _refuse_another(session: Session, edition: Edition, now: Seen) -> None:
    """Raises `Refused` when what would be locked is not what was approved, and says how it differs."""
    if digest_of(now) == edition.approved_digest:
        return
    given = approvals.latest(session, edition)
    how = "; ".join(one.words for one in changed_since(given.seen, now)[:_TOLD]) if given else ""
    raise Refused(
        f"{edition.key} is not what was approved any more{f' ({how})' if how else ''}: look at it and approve it again"
    )


def _variant(
    site: Site, session: Session, edition: Edition, no: int, segment: str, variant: CheckedVariant, due: datetime
) -> Variant:
    rendered = variant.rendered
    placed = store.variant_slots(session, edition, site.briefing(edition.briefing), segment)
    return Variant(
        edition_id=edition.id,
        segment=segment,
        no=no,
        backends=list(site.segment(segment).backends),
        due_at=due,
        subject=rendered.subject,
        preheader=rendered.preheader,
        html=rendered.html,
        text=rendered.text,
        slots=[asdict(slot) for slot in rendered.slots],
        nonce=rendered.nonce,
        digest=rendered.digest,
        stories=[story.version.id for section in placed for story in section.stories],
        frozen_at=site.clock.now(),
    )


def _freeze_readers(site: Site, key: str) -> None:
    with site.database.reading() as session:
        edition = store.find(session, key)
        if edition.state != State.LOCKED:
            return
        rows = session.scalars(select(Variant).where(Variant.edition_id == edition.id).order_by(Variant.no)).all()
        rules = [VariantRule(row.id, site.segment(row.segment).clause(), row.due_at) for row in rows]
    left_out = spared(site, edition.briefing, edition.edition_date)
    recipients = freeze(site.database, edition.id, rules, left_out, site.clock)
    with site.database.writing() as session:
        edition = store.find(session, key)
        if edition.state == State.LOCKED and (why := _fence(site, session, edition, recipients)):
            move(session, edition.id, State.HELD, leaving=State.LOCKED, clock=site.clock, reason=why)
            _log.warning("held", extra={"action": "fence", "edition": key, "recipients": recipients})


def _fence(site: Site, session: Session, edition: Edition, recipients: int) -> str:
    """Why this number of readers wants a person to look at it; empty when it does not."""
    if recipients == 0:
        return "no reader fits any of its segments"
    audience = Audience({"": recipients}, usual(site, session, edition), site.briefing(edition.briefing).audience_fence)
    if not audience.is_unusual or _confirmed(session, edition, audience) or _released(session, edition):
        return ""
    return f"{recipients} readers, where {audience.usual:.0f} are usual: look at the segments, then release it"


def _confirmed(session: Session, edition: Edition, audience: Audience) -> bool:
    """Whether a person wrote about this number of readers when they approved the edition."""
    given = approvals.latest(session, edition)
    return (
        given is not None
        and given.digest == edition.approved_digest
        and given.confirmed
        and not replace(audience, usual=given.readers).is_unusual
    )


def _released(session: Session, edition: Edition) -> bool:
    released = session.scalar(
        select(EditionEvent.id)
        .where(EditionEvent.edition_id == edition.id, EditionEvent.from_state == State.HELD.value)
        .where(EditionEvent.to_state == State.LOCKED.value)
        .limit(1)
    )
    return released is not None
