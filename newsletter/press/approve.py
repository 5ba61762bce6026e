"""A person's yes, bound to exactly what they looked at; and the ways to stop an edition and to let it go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from newsletter.checks import Audience, CheckedVariant, Finding, blocks
from newsletter.delivery.closing import on_the_wire, withdraw
from newsletter.editions import store
from newsletter.editions.models import Approval
from newsletter.editions.states import ABORTABLE, TRANSITIONS, State, move
from newsletter.errors import Refused, WrongState
from newsletter.press.approval import digest_of, seen
from newsletter.press.audience import audience
from newsletter.press.check import check
from newsletter.press.render import variants
from newsletter.press.site import Site

_NEAR = 0.01
"""How far, as a share, the number that somebody writes may be from the number now: readers come and go meanwhile."""


class Unusual(Refused):
    """The number of readers is far from the usual one, and nobody wrote it."""

    def __init__(self, message: str, readers: int) -> None:
        super().__init__(message)
        self.readers = readers


def approve(site: Site, key: str, by: str, *, readers: int | None = None, looked_at: str | None = None) -> str:
    """Approves an edition as it stands now, and returns the digest of it.

    ``by`` names the person. ``looked_at`` is the digest of what they had before them, if that is known. ``readers`` is
    the number of readers as they wrote it, which a number far from the usual one needs. Raises `Refused` for a blocking
    finding or for something else than what was looked at, `Unusual` without that number, and
    `WrongState` when it is not ready.
    """
    if not by.strip():
        raise Refused("an approval needs a name: write --by NAME")
    with site.database.reading() as session:
        version = store.find(session, key).version
    rendered = variants(site, key)
    refuse_blocking(site, key, rendered)
    with site.database.writing() as session:
        edition = store.find(session, key)
        what = seen(site, session, edition, rendered)
        digest = digest_of(what)
        if edition.version != version or looked_at not in (None, digest):
            raise Refused(f"{key} was changed while you looked at it: look again, and approve what stands there now")
        who = audience(site, session, edition)
        _refuse_unconfirmed(key, who, readers)
        if edition.state == State.APPROVED and edition.approved_digest != digest:
            why = "it was not what had been approved any more"
            move(session, edition.id, State.READY, leaving=State.APPROVED, clock=site.clock, by=by, reason=why)
        at = site.clock.now()
        fields: dict[str, Any] = {"approved_at": at, "approved_by": by, "approved_digest": digest}
        move(session, edition.id, State.APPROVED, leaving=State.READY, clock=site.clock, by=by, **fields)
        session.add(
            Approval(
                edition_id=edition.id,
                at=at,
                by=by,
                digest=digest,
                seen=what,
                readers=who.total,
                confirmed=who.is_unusual,
            )
        )
    return digest


def _refuse_unconfirmed(key: str, who: Audience, readers: int | None) -> None:
    """Raises `Refused` when a number of readers that is far from the usual one was not written, or another one was."""
    if not who.is_unusual or (readers is not None and abs(readers - who.total) <= who.total * _NEAR):
        return
    wrong = "" if readers is None else f", not {readers:,}"
    raise Unusual(
        f"{key} would go to {who.total:,} readers{wrong}, where {who.usual:,.0f} are usual: look at the segments, and "
        "if that is right write the number",
        who.total,
    )


def withdraw_approval(site: Site, key: str, by: str) -> None:
    """Takes an approval back: somebody has to say yes again. Raises `WrongState` when the edition is not approved."""
    with site.database.writing() as session:
        edition = store.find(session, key)
        move(
            session,
            edition.id,
            State.READY,
            leaving=State.APPROVED,
            clock=site.clock,
            by=by,
            reason="the approval was withdrawn",
            **store.UNAPPROVED,
        )


def refuse_blocking(site: Site, key: str, rendered: Mapping[str, CheckedVariant]) -> list[Finding]:
    """All findings, if none of them blocks, or each that does is overridden. Else raises `Refused` with them."""
    findings = check(site, key, rendered)
    if blocks(findings):
        worst = [f"{one.code}: {one.message} ({one.where}; {one.mend})" for one in findings if one.blocks]
        more = f" — and {len(worst) - 1} more, see `newsletter edition check {key}`" if len(worst) > 1 else ""
        raise Refused(f"{key} cannot go out like this: {worst[0]}{more}")
    return findings


def hold(site: Site, key: str, by: str, reason: str) -> int:
    """Stops an edition until somebody releases it; returns how many messages are on the wire.

    Those are settled, nothing else leaves. An approval is void by it.
    """
    holdable = frozenset(state for state in State if State.HELD in TRANSITIONS[state])
    with site.database.writing() as session:
        edition = store.find(session, key)
        move(session, edition.id, State.HELD, leaving=holdable, clock=site.clock, by=by, reason=reason)
    return on_the_wire(site.database, edition.id)


def release(site: Site, key: str, by: str) -> State:
    """Lets a held edition go on where it was stopped, and returns the state that it is in again."""
    with site.database.writing() as session:
        edition = store.find(session, key)
        frozen = State.LOCKED if edition.dated_at is None else State.SENDING
        to = State.READY if edition.locked_at is None else frozen
        if edition.assembled_at is None and to == State.READY:
            raise WrongState(f"{key} was held before it was assembled: abort it, or assemble the next one")
        fields = store.UNAPPROVED if to == State.READY else {}
        move(session, edition.id, to, leaving=State.HELD, clock=site.clock, by=by, **fields)
    return to


def pause(site: Site, key: str, by: str, reason: str) -> int:
    """Stops a send between two messages, in whatever process it runs; returns how many messages are on the wire.

    After the return nothing goes out but those. The deadline counts on; `resume` lets it go on.
    """
    with site.database.writing() as session:
        edition = store.find(session, key)
        move(session, edition.id, State.PAUSED, leaving=State.SENDING, clock=site.clock, by=by, reason=reason)
    return on_the_wire(site.database, edition.id)


def resume(site: Site, key: str, by: str) -> None:
    """Lets a paused send go on where it was stopped, by the clock, by a worker or by `send`."""
    with site.database.writing() as session:
        edition = store.find(session, key)
        move(session, edition.id, State.SENDING, leaving=State.PAUSED, clock=site.clock, by=by)


def abort(site: Site, key: str, by: str, reason: str) -> int:
    """Stops an edition for good. Returns how many readers it was withdrawn from."""
    with site.database.writing() as session:
        edition = store.find(session, key)
        move(session, edition.id, State.ABORTED, leaving=ABORTABLE, clock=site.clock, by=by, reason=reason)
    return withdraw(site.database, edition.id, site.clock)
