"""A person's yes, bound to exactly what they looked at; and the ways to stop an edition and to let it go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from newsletter.checks import CheckedVariant, Finding, blocks
from newsletter.delivery.closing import on_the_wire, withdraw
from newsletter.editions import store
from newsletter.editions.models import Edition
from newsletter.editions.states import ABORTABLE, TRANSITIONS, State, move
from newsletter.errors import Refused, WrongState
from newsletter.press import times
from newsletter.press.check import check
from newsletter.press.render import variants
from newsletter.press.site import Site


def approval_digest(site: Site, edition: Edition, rendered: Mapping[str, CheckedVariant]) -> str:
    """SHA-256, hex, of what an approval is for: every variant, who gets it by which rule, and when."""
    told = [
        [
            segment,
            variant.rendered.digest,
            repr(site.segment(segment).rule),
            list(site.segment(segment).backends),
            times.due(site.settings, edition.briefing, edition.edition_date, segment).isoformat(),
        ]
        for segment, variant in rendered.items()
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def approve(site: Site, key: str, by: str) -> str:
    """Approves an edition as it stands now, and returns the digest of it.

    ``by`` names the person. Raises `Refused` for a blocking finding, `WrongState` when it is not ready.
    """
    if not by.strip():
        raise Refused("an approval needs a name: write --by NAME")
    with site.database.reading() as session:
        version = store.find(session, key).version
    rendered = variants(site, key)
    refuse_blocking(site, key, rendered)
    with site.database.writing() as session:
        edition = store.find(session, key)
        if edition.version != version:
            raise Refused(f"{key} was changed while you approved it: look at it again")
        digest = approval_digest(site, edition, rendered)
        fields: dict[str, Any] = {"approved_at": site.clock.now(), "approved_by": by, "approved_digest": digest}
        move(session, edition.id, State.APPROVED, leaving=State.READY, clock=site.clock, by=by, **fields)
    return digest


def refuse_blocking(site: Site, key: str, rendered: Mapping[str, CheckedVariant]) -> list[Finding]:
    """All findings, if none of them blocks, or each that does is overridden. Else raises `Refused` with them."""
    findings = check(site, key, rendered)
    if blocks(findings):
        worst = [f"{one.code}: {one.message} ({one.where}; {one.mend})" for one in findings if one.blocks]
        more = f" — and {len(worst) - 1} more, see `newsletter edition check {key}`" if len(worst) > 1 else ""
        raise Refused(f"{key} cannot go out like this: {worst[0]}{more}")
    return findings


def hold(site: Site, key: str, by: str, reason: str) -> None:
    """Stops an edition until somebody releases it; what is on the wire is settled, nothing else leaves."""
    holdable = frozenset(state for state in State if State.HELD in TRANSITIONS[state])
    with site.database.writing() as session:
        edition = store.find(session, key)
        move(session, edition.id, State.HELD, leaving=holdable, clock=site.clock, by=by, reason=reason)


def release(site: Site, key: str, by: str) -> State:
    """Lets a held edition go on where it was stopped, and returns the state that it is in again."""
    with site.database.writing() as session:
        edition = store.find(session, key)
        frozen = State.LOCKED if edition.dated_at is None else State.SENDING
        to = State.READY if edition.locked_at is None else frozen
        if edition.assembled_at is None and to == State.READY:
            raise WrongState(f"{key} was held before it was assembled: abort it, or assemble the next one")
        move(session, edition.id, to, leaving=State.HELD, clock=site.clock, by=by)
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
