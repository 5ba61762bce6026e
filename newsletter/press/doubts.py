"""Readers in doubt: a server may or may not have their mail, and a person decides whether it is sent again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.subscribers import show
from newsletter.delivery.figures import Name
from newsletter.delivery.models import Status, delivery
from newsletter.delivery.resend import put_back
from newsletter.editions import store
from newsletter.editions.models import Edition
from newsletter.editions.states import RESENDABLE, State, move, note, wrong_state
from newsletter.errors import NotFound, Refused, Stale
from newsletter.press.report import deliveries
from newsletter.press.site import Site


def doubts(site: Site, key: str) -> Iterator[Name]:
    """The readers of an edition who are in doubt, by number. Raises `NotFound`."""
    return deliveries(site, key, Status.IN_DOUBT)


def resend(
    site: Site, key: str, by: str, reason: str = "", *, to: Sequence[str] | None = None, seen: int | None = None
) -> int:
    """Puts readers in doubt back to be sent: those of the addresses ``to``, all unless given. Returns how many.

    ``seen`` is how many whoever decides was told that it is about; raises `Stale` where it is another number by now.

    They get the same message, with the same Message-ID. An edition that has been sent is sending again, and its
    deadline counts from now. Nothing is sent by this call. Raises `Refused` when there is nobody in doubt, or when one
    of ``to`` is not, and then changes nothing; `WrongState` for an edition that is not out.
    """
    with site.database.writing() as session:
        edition = store.find(session, key)
        # The lock comes first: whoever finds an edition finished looks at its batches under the same one.
        state = session.scalar(select(Edition.state).where(Edition.id == edition.id).with_for_update())
        if state not in RESENDABLE:
            raise wrong_state(edition, "sent again to readers in doubt")
        only = None if to is None else [_in_doubt(session, edition, email) for email in to]
        back = put_back(session, edition.id, site.clock, by=by, reason=reason, only=only)
        if not back:
            raise Refused(f"nobody is in doubt in {key}")
        if seen not in (None, len(back)):
            raise Stale(f"you were told of {seen} in doubt, and now it is {len(back)}: nothing was done, look again")
        told = f"{len(back)} in doubt put back to be sent" + (f": {reason}" if reason else "")
        if state == State.SENT:
            move(
                session,
                edition.id,
                State.SENDING,
                leaving=State.SENT,
                clock=site.clock,
                by=by,
                reason=told,
                finished_at=None,
            )
        else:
            note(session, edition, clock=site.clock, by=by, reason=told)
    return len(back)


def _in_doubt(session: Session, edition: Edition, email: str) -> int:
    try:
        reader = show(session, email).subscriber
    except NotFound:
        reader = None
    if reader is None:
        raise Refused(f"there is no reader {email}: `newsletter edition doubts {edition.key}` lists who is in doubt")
    status = session.scalar(
        select(delivery.c.status).where(delivery.c.edition_id == edition.id, delivery.c.subscriber_id == reader.id)
    )
    if status != Status.IN_DOUBT:
        now = "none of its readers" if status is None else Status(status).name.lower()
        raise Refused(f"{email} is not in doubt in {edition.key} but {now}: nothing was changed")
    return reader.id
