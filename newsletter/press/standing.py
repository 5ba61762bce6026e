"""Where an edition stands: its state, its clock, what comes next, and what keeps it from going out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import select

from newsletter.checks import CheckedVariant, Finding, blocks
from newsletter.editions import store
from newsletter.editions.models import Edition, Variant
from newsletter.editions.states import LOCKABLE, OUT, State
from newsletter.errors import NewsletterError
from newsletter.press import times
from newsletter.press.approval import digest_of, seen
from newsletter.press.assemble import edition_of
from newsletter.press.check import check
from newsletter.press.readers import readers
from newsletter.press.render import variants
from newsletter.press.site import Site

PLANNED = "planned"
"""The state of an edition that the calendar has and the database has not yet."""
_AHEAD = 15
"""Days in which the next edition is looked for: a weekly briefing has one in them."""

Next = Literal["assemble", "approve", "mend", "lock", "send", "deliver", "resume", "release", "nothing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """An edition at this moment. Instants are in UTC; ``zone`` is the one in which the briefing's times are meant."""

    key: str
    briefing: str
    name: str
    """What the briefing is called."""
    date: date
    state: str
    reason: str
    zone: str
    assemble_at: datetime | None
    """None, like ``lock_at``, where the briefing has no schedule."""
    lock_at: datetime | None
    due_at: datetime | None
    """When the first wave leaves, None where somebody has to send it."""
    finished_at: datetime | None
    readers: int
    assembled: bool
    locked: bool
    """Whether the words are frozen."""
    frozen: bool
    """Whether the number of readers is the one that was frozen, and not today's."""
    approval: str
    """``required`` or ``none``"""
    approved_by: str
    changed: bool
    """Whether it was approved, and is not what was approved any more; only known where the checks were asked."""
    next: Next
    findings: tuple[Finding, ...] | None
    """What the checks say, None where they were not asked, or have nothing to say any more."""
    trouble: str
    """Why it cannot even be rendered, empty where it can."""
    gone: bool = False
    """Whether its briefing was taken out of the configuration: it can be read as it was sent, and nothing else."""

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that keep it from going out."""
        return tuple(one for one in self.findings or () if one.blocks)


@dataclass(frozen=True, slots=True)
class Desk:
    """A briefing's editions as its editor thinks of them."""

    briefing: str
    name: str
    zone: str
    today: Standing | None
    """None where there is no edition today."""
    following: Standing | None
    earlier: tuple[Standing, ...]
    """Editions of days before that nobody has seen to: held, paused, locked or still sending."""


def desks(site: Site) -> list[Desk]:
    """Every briefing with its edition of today, in its own zone, and its next one."""
    return [_desk(site, key) for key in site.settings.briefings]


def standing(
    site: Site, key: str, *, checked: bool = True, rendered: Mapping[str, CheckedVariant] | None = None
) -> Standing:
    """Where one edition stands. Not ``checked``, nothing is rendered for it: then what comes next is what would come
    if nothing blocked. ``rendered`` saves rendering again what the caller has. Raises `NotFound` where there is none in
    the database.
    """
    key = edition_of(site, key)
    with site.database.reading() as session:
        edition = store.find(session, key)
    return _standing(site, edition.briefing, edition.edition_date, edition, checked=checked, rendered=rendered)


def _desk(site: Site, briefing: str) -> Desk:
    today = times.today(site.settings, briefing, site.clock.now())
    following = next(
        (
            day
            for day in (today + timedelta(days=number) for number in range(1, _AHEAD))
            if times.is_published_on(site.settings, briefing, day)
        ),
        None,
    )
    waiting = [state.value for state in (State.HELD, State.PAUSED, State.LOCKED, State.SENDING)]
    with site.database.reading() as session:
        this = select(Edition).where(Edition.briefing == briefing)
        editions = {one.edition_date: one for one in session.scalars(
            this.where(Edition.edition_date.in_([day for day in (today, following) if day is not None]))
        )}  # fmt: skip
        earlier = session.scalars(
            this.where(Edition.edition_date < today, Edition.state.in_(waiting))
            .order_by(Edition.edition_date.desc())
            .limit(5)
        ).all()
    is_today = today in editions or times.is_published_on(site.settings, briefing, today)
    return Desk(
        briefing=briefing,
        name=site.briefing(briefing).name,
        zone=site.settings.zone(briefing),
        today=_standing(site, briefing, today, editions.get(today)) if is_today else None,
        following=None if following is None else _standing(site, briefing, following, editions.get(following)),
        earlier=tuple(_standing(site, briefing, one.edition_date, one) for one in earlier),
    )


def _standing(
    site: Site,
    briefing: str,
    day: date,
    edition: Edition | None,
    *,
    checked: bool = True,
    rendered: Mapping[str, CheckedVariant] | None = None,
) -> Standing:
    if edition is not None and briefing not in site.settings.briefings:
        return _gone(site, edition)
    rules = site.briefing(briefing)
    state = State(edition.state) if edition is not None else None
    looked = _look(site, edition, rendered) if edition is not None and checked else _Look()
    findings, trouble = looked.findings, looked.trouble
    first = times.first_due(site.settings, briefing, day) if rules.schedule else None
    if edition is not None and state in OUT:
        first = _left(site, edition)  # "now" may have been said
    frozen = edition is not None and edition.snapshot_done
    return Standing(
        key=f"{briefing}/{day.isoformat()}",
        briefing=briefing,
        name=rules.name,
        date=day,
        state=state.value if state is not None else PLANNED,
        reason=edition.reason if edition is not None else "",
        zone=site.settings.zone(briefing),
        assemble_at=first - rules.schedule.assemble if first and rules.schedule else None,
        lock_at=first - rules.schedule.lock if first and rules.schedule else None,
        due_at=first,
        finished_at=edition.finished_at if edition is not None else None,
        readers=edition.recipients if edition is not None and frozen else readers(site, briefing, day),
        assembled=edition is not None and edition.assembled_at is not None,
        locked=edition is not None and edition.locked_at is not None,
        frozen=frozen,
        approval=rules.approval,
        approved_by=(edition.approved_by or "") if edition is not None else "",
        changed=looked.changed,
        next=_next(
            state,
            wants_approval=rules.approval == "required",
            broken=bool(trouble) or blocks(findings or ()),
            changed=looked.changed,
        ),
        findings=findings,
        trouble=trouble,
    )


def _left(site: Site, edition: Edition) -> datetime | None:
    """When the first wave of an edition that is out was due."""
    with site.database.reading() as session:
        return session.scalar(
            select(Variant.due_at).where(Variant.edition_id == edition.id).order_by(Variant.due_at).limit(1)
        )


def _gone(site: Site, edition: Edition) -> Standing:
    """An edition of a briefing that has no rules any more."""
    return Standing(
        key=edition.key,
        briefing=edition.briefing,
        name=edition.briefing,
        date=edition.edition_date,
        state=edition.state,
        reason=edition.reason,
        zone=site.settings.zone(edition.briefing),
        assemble_at=None,
        lock_at=None,
        due_at=_left(site, edition),
        finished_at=edition.finished_at,
        readers=edition.recipients,
        assembled=edition.assembled_at is not None,
        locked=edition.locked_at is not None,
        frozen=True,
        approval="none",
        approved_by=edition.approved_by or "",
        changed=False,
        next="nothing",
        findings=None,
        trouble="",
        gone=True,
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """What is seen when an edition is rendered; nothing, where it was not."""

    findings: tuple[Finding, ...] | None = None
    trouble: str = ""
    changed: bool = False


def _look(site: Site, edition: Edition, rendered: Mapping[str, CheckedVariant] | None) -> _Look:
    """What the checks say of an edition that can still be mended; of others nothing is left to say."""
    held_before_lock = edition.state == State.HELD and edition.locked_at is None and edition.assembled_at is not None
    if State(edition.state) not in LOCKABLE and not held_before_lock:
        return _Look()
    try:
        rendered = rendered if rendered is not None else variants(site, edition.key)
        findings = tuple(check(site, edition.key, rendered))
        if edition.state != State.APPROVED:
            return _Look(findings)
        with site.database.reading() as session:
            digest = digest_of(seen(site, session, edition, rendered))
        return _Look(findings, changed=digest != edition.approved_digest)
    except NewsletterError as error:
        return _Look(trouble=str(error))


def _next(state: State | None, *, wants_approval: bool, broken: bool, changed: bool) -> Next:
    """What has to happen for it to go on."""
    match state:
        case None | State.DRAFT:
            return "assemble"
        case State.READY | State.APPROVED if broken:
            return "mend"
        case State.READY if wants_approval:
            return "approve"
        case State.APPROVED if changed:
            return "approve"
        case State.READY | State.APPROVED:
            return "lock"
        case State.LOCKED:
            return "send"
        case State.SENDING:
            return "deliver"
        case State.PAUSED:
            return "resume"
        case State.HELD:
            return "release"
        case _:
            return "nothing"
