"""Mails outside any edition, from being asked for to being settled: a queue that is a table, so that no page waits for
a mail server, no restart loses one, and no address gets more of them than it should.

None of them is in the ledger. What is sent again after a crash is the same message, with the same Message-ID.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from newsletter.audience.addresses import address_hash, normalise
from newsletter.audience.allowance import forget, spend
from newsletter.audience.models import ServiceMail
from newsletter.audience.sitevalues import ADDRESS_SALT, make_secret
from newsletter.backends.base import Outcome, Result
from newsletter.clock import Clock
from newsletter.delivery.retry import STEPS
from newsletter.rendering.service import Attachment

__all__ = [
    "Attachment", "Claimed", "Kind", "State", "admit", "ask", "become", "claim", "clear", "listing", "post", "settle",
    "waiting", "withhold",
]  # fmt: skip


class Kind(StrEnum):
    """What a mail is about. Its words stand in the catalogues under ``mail.KIND``."""

    JOIN = "join"
    """Confirm a sign-up."""
    HAVE = "have"
    """Somebody signed up for what they have already."""
    LINK = "link"
    """The way to one's own page."""
    ADDRESS = "address"
    """Confirm a new address, at that address."""
    EXPORT = "export"
    ERASE = "erase"
    """Confirm an erasure."""
    MOVED = "moved"
    """The address is not a reader's any more: said there."""


class State(StrEnum):
    """What has become of a mail."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    """Refused by the server, or not taken for as long as it is tried."""
    IN_DOUBT = "in_doubt"
    """The server may have it. It is not sent again: whoever asked can ask again."""
    WITHHELD = "withheld"
    """The address had one of that kind within the hour, or there was nothing to say to it."""


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LEASE = timedelta(minutes=10)
"""How long one attempt may take before another process may make the next."""
MOST_ATTEMPTS = 8
KEPT = timedelta(days=30)
"""How long what became of a mail can be looked at, without its address."""
A_DAY = 5
"""How many mails a day that anybody can ask for an address gets at most."""
_AT_ONCE = 50
_ANYBODY = (Kind.JOIN, Kind.HAVE, Kind.LINK)
"""What anybody can have sent to anybody: an address gets one an hour of all of them together."""
_ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail in hand."""

    id: int
    attempt: int
    kind: Kind
    email: str
    content: Mapping[str, Any]
    attachment: Attachment | None
    created_at: datetime

    @property
    def asked(self) -> Mapping[str, Any] | None:
        """What somebody asked for, of a mail of which nobody knows yet what it says (see `ask`)."""
        found: Mapping[str, Any] | None = self.content.get(_ASKED)
        return found


def post(
    session: Session,
    kind: Kind,
    email: str,
    clock: Clock,
    *,
    language: str = "",
    url: str = "",
    values: Mapping[str, str] | None = None,
    items: Sequence[str] = (),
    attachment: Attachment | None = None,
) -> None:
    """Has a mail sent, in the caller's write transaction: soon after it is committed, the clock does it.

    ``language`` is a BCP 47 tag, the publication's unless given; ``url`` where the button leads, absolute https;
    ``values`` fill the braces of its words, ``items`` are listed below them. An address gets one mail an hour of each
    kind, and one of those together that anybody can ask for; what is more is withheld, which nobody is told. Raises
    `AddressRefused`.
    """
    content = _content(language, url, values, items)
    if attachment is not None:
        content["file"] = attachment.name
    _add(session, kind, email, content, attachment, clock)


def ask(session: Session, kind: Kind, email: str, clock: Clock, asked: Mapping[str, Any]) -> None:
    """As `post`, for what a stranger asks for: what the mail says, and whether there is one, is decided when it is its
    turn, by whoever sends it. So it takes the stranger's request as long, whoever has that address."""
    _add(session, kind, email, {_ASKED: dict(asked)}, None, clock)


def _content(language: str, url: str, values: Mapping[str, str] | None, items: Sequence[str]) -> dict[str, Any]:
    return {"language": language, "url": url, "values": dict(values or {}), "items": list(items)}


def _add(
    session: Session,
    kind: Kind,
    email: str,
    content: dict[str, Any],
    attachment: Attachment | None,
    clock: Clock,
) -> None:
    address = normalise(email)
    session.add(
        ServiceMail(
            kind=kind.value,
            email=address.email,
            address_hash=address_hash(make_secret(session, ADDRESS_SALT), address.email_norm),
            content=content,
            attachment=attachment.text if attachment else None,
            state=State.WAITING.value,
            attempts=0,
            created_at=clock.now(),
            due_at=clock.now(),
            settled_at=None,
            reply="",
        )
    )
    session.flush()


def waiting(session: Session, now: datetime) -> bool:
    """Whether there is a mail to send now."""
    due = ServiceMail.state == State.WAITING.value, ServiceMail.due_at <= now
    return session.scalar(select(ServiceMail.id).where(*due).limit(1)) is not None


def claim(session: Session, now: datetime) -> list[Claimed]:
    """Takes some of the mails that are due, the oldest first; nobody else gets them within `LEASE`. Empty where nothing
    is due."""
    due = ServiceMail.state == State.WAITING.value, ServiceMail.due_at <= now
    ids = session.scalars(select(ServiceMail.id).where(*due).order_by(ServiceMail.id).limit(_AT_ONCE)).all()
    taken = []
    for number in ids:
        row = session.execute(
            update(ServiceMail)
            .where(ServiceMail.id == number, *due)
            .values(due_at=now + LEASE, attempts=ServiceMail.attempts + 1)
            .returning(ServiceMail)
            .execution_options(populate_existing=True)
        ).scalar_one_or_none()
        if row is None:
            continue  # another process was faster
        mail = Claimed(
            row.id,
            row.attempts,
            Kind(row.kind),
            row.email,
            row.content,
            None if row.attachment is None else Attachment(row.content["file"], row.attachment),
            row.created_at,
        )
        if row.attempts > MOST_ATTEMPTS:
            _settle(session, mail, State.FAILED, now, "it was begun too often")
        else:
            taken.append(mail)
    return taken


def become(
    session: Session,
    mail: Claimed,
    kind: Kind,
    *,
    language: str = "",
    url: str = "",
    values: Mapping[str, str] | None = None,
    items: Sequence[str] = (),
) -> Claimed:
    """What a mail in hand says that was asked for by `ask`, from now on; the arguments are those of `post`."""
    content = _content(language, url, values, items)
    mine = ServiceMail.id == mail.id, ServiceMail.attempts == mail.attempt
    session.execute(update(ServiceMail).where(*mine).values(kind=kind.value, content=content))
    return replace(mail, kind=kind, content=content)


def admit(session: Session, mail: Claimed, now: datetime) -> bool:
    """Whether the address of a mail in hand may have it, which counts; if not, the mail is settled. Asked once for each
    mail, before its first attempt, in the transaction that claims it."""
    who = normalise(mail.email).email_norm
    what = "mail" if mail.kind in _ANYBODY else f"mail {mail.kind}"
    if not spend(session, what, who, most=1, window=HOUR, now=now):
        withhold(session, mail, "it had one within the hour", now)
        return False
    if mail.kind in _ANYBODY and not spend(session, "mails a day", who, most=A_DAY, window=DAY, now=now):
        withhold(session, mail, "it had enough today", now)
        return False
    return True


def withhold(session: Session, mail: Claimed, why: str, now: datetime) -> None:
    """Settles a mail in hand that nobody gets."""
    _settle(session, mail, State.WITHHELD, now, why)


def settle(session: Session, mail: Claimed, outcome: Outcome, now: datetime) -> State:
    """Writes down what became of a mail in hand. One that the server did not take for now, or for a reason that is
    ours, waits for its next attempt, up to `MOST_ATTEMPTS`."""
    again = outcome.result == Result.DEFERRED or (outcome.result == Result.REJECTED and outcome.backend_fault)
    said = " ".join(part for part in (outcome.enhanced, outcome.reply) if part)
    reply = re.sub(re.escape(mail.email), "…", said, flags=re.IGNORECASE)[:500]  # servers repeat the address
    if again and mail.attempt < MOST_ATTEMPTS:
        step = STEPS[min(mail.attempt, len(STEPS)) - 1]
        session.execute(
            update(ServiceMail).where(ServiceMail.id == mail.id, ServiceMail.attempts == mail.attempt)
            .where(ServiceMail.state == State.WAITING.value)
            .values(due_at=now + step, reply=reply)
        )  # fmt: skip
        return State.WAITING
    state = {Result.ACCEPTED: State.SENT, Result.IN_DOUBT: State.IN_DOUBT}.get(outcome.result, State.FAILED)
    _settle(session, mail, state, now, reply)
    return state


def _settle(session: Session, mail: Claimed, state: State, now: datetime, reply: str) -> None:
    session.execute(
        update(ServiceMail)
        .where(ServiceMail.id == mail.id, ServiceMail.attempts == mail.attempt)
        .where(ServiceMail.state == State.WAITING.value)
        .values(state=state.value, settled_at=now, reply=reply, email="", content={}, attachment=None)
    )


def clear(session: Session, now: datetime) -> None:
    """Deletes what was settled long ago, and counts that are over."""
    session.execute(delete(ServiceMail).where(ServiceMail.settled_at <= now - KEPT))
    forget(session, now)


def drop(session: Session, hashes: Collection[bytes]) -> None:
    """Deletes what waits for addresses, by their hashes, and what servers said of them."""
    theirs = ServiceMail.address_hash.in_(hashes)
    session.execute(delete(ServiceMail).where(theirs, ServiceMail.state == State.WAITING.value))
    session.execute(update(ServiceMail).where(theirs).values(reply=""))


def listing(session: Session, limit: int = 100) -> tuple[list[ServiceMail], dict[str, int]]:
    """The latest mails, the newest first, and how many there are in each state."""
    rows = session.scalars(select(ServiceMail).order_by(ServiceMail.id.desc()).limit(limit)).all()
    numbers = session.execute(select(ServiceMail.state, func.count()).group_by(ServiceMail.state)).all()
    return list(rows), {row.state: row[1] for row in numbers}
