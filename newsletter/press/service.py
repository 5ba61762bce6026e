"""Service mails, made and sent: what waits is rendered in its reader's language and handed to a backend."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.audience import moving, signups
from newsletter.backends.base import Answer, Counter, Message, Outcome, Result
from newsletter.catalogues import words_for
from newsletter.delivery import service
from newsletter.delivery.service import Claimed, Kind, State
from newsletter.errors import NewsletterError
from newsletter.press import asking
from newsletter.press.site import Site
from newsletter.rendering.headers import addr_spec, recipient
from newsletter.rendering.model import Rendered, ServiceView
from newsletter.rendering.service import ServiceHeaders, message

_log = logging.getLogger(__name__)

_MOST_ROUNDS = 200
"""Claims of one run: the next run goes on."""


def view(site: Site, kind: Kind, content: Mapping[str, Any]) -> ServiceView:
    """What the template sees of a mail: its words in the reader's language, or else in the publication's."""
    publication = site.publication
    say = words_for(content["language"], "", site.settings.publication.language)
    values = {"publication": publication.name, **content["values"]}

    def words(part: str) -> str:
        return say(f"mail.{kind}.{part}", **values)

    return ServiceView(
        kind=kind.value,
        subject=words("subject"),
        title=words("title"),
        paragraphs=tuple(words("words").split("\n\n")),
        publication=publication,
        items=tuple(content["items"]),
        button=words("button") if content["url"] else "",
        url=content["url"],
        copy=say("mail.copy"),
        notes=tuple(words("note").split("\n\n")),
        contact=say("contact", address=publication.contact) if publication.contact else "",
        language=say.language,
        direction=say.direction,
    )


def render(site: Site, kind: Kind, content: Mapping[str, Any]) -> Rendered:
    """A mail as it would go out. Raises `TemplateError`."""
    return site.service_template().render(view(site, kind, content))


def built(site: Site, mail: Claimed) -> Message:
    """The message of a mail: the same bytes for each attempt. Raises `TemplateError`, `ConfigError`, `Refused`."""
    sender = site.service_sender
    domain = addr_spec(sender.address).rpartition("@")[2]
    head = ServiceHeaders(
        sender_name=sender.name,
        sender_address=sender.address,
        to=mail.email,
        date=mail.created_at,
        message_id=f"service.{mail.kind}.{mail.id:x}.{int(mail.created_at.timestamp() * 1000):x}@{domain}",
        reply_to=sender.reply_to or "",
    )
    data = message(render(site, mail.kind, mail.content), head, mail.attachment, site.service_keys())
    return Message(0, addr_spec(sender.envelope or sender.address), recipient(mail.email), data)


class _Few(Counter):
    """A counter over mails in hand, which no ledger knows of. Settling is one short transaction."""

    def __init__(self, site: Site, mails: list[tuple[Claimed, Message]], done: dict[State, int]) -> None:
        self.site, self.done = site, done
        self.left: deque[Message] = deque()
        for mail, made in mails:
            made.ticket = mail
            self.left.append(made)

    def next(self, lane: int) -> Message | None:
        return self.left.popleft() if self.left else None

    async def more(self, lane: int) -> bool:
        return bool(self.left)

    def announce(self, lane: int, message: Message, then: Answer) -> None:
        asyncio.get_running_loop().call_soon(then, None)

    def settle(self, lane: int, message: Message, outcome: Outcome) -> None:
        _written(self.site, message.ticket, outcome, self.done)

    def give_back(self, lane: int, message: Message) -> None:
        self.left.appendleft(message)


def _written(site: Site, mail: Claimed, outcome: Outcome, done: dict[State, int]) -> None:
    with site.database.writing() as session:
        state = service.settle(session, mail, outcome, site.clock.now())
    done[state] = done.get(state, 0) + 1
    level = logging.INFO if state is State.SENT else logging.WARNING
    # Neither the address nor the server's words, which repeat it.
    extra = {"action": "service", "kind": mail.kind, "mail": mail.id, "state": state, "code": outcome.code}
    _log.log(level, "service mail", extra=extra)


async def send_waiting(site: Site, stop: asyncio.Event | None = None) -> dict[State, int]:
    """Sends what waits and is due, until nothing does or ``stop`` is set; how many came to which state.

    A mail that cannot be made waits for its next attempt: a template can be mended.
    """
    done: dict[State, int] = {}
    for _ in range(_MOST_ROUNDS):
        if stop is not None and stop.is_set():
            break
        mails = await asyncio.to_thread(_claim, site, site.clock.now())
        if mails is None:
            break
        ready = await asyncio.to_thread(_made, site, mails, done)
        if not ready:
            continue
        counter = _Few(site, ready, done)
        backend = site.service_backend
        try:
            await backend.deliver(counter)
        finally:
            await backend.close()
        for made in counter.left:  # its server does not serve
            _written(site, made.ticket, Outcome(Result.DEFERRED, reply="the backend took no more"), done)
    return done


def _claim(site: Site, now: datetime) -> list[Claimed] | None:
    """None when nothing is due, which most looks find, without writing."""
    with site.database.reading() as session:
        if not service.waiting(session, now):
            return None
    with site.database.writing() as session:
        found = (_decided(site, session, mail, now) for mail in service.claim(session, now))
        return [mail for mail in found if mail is not None]


def _decided(site: Site, session: Session, mail: Claimed, now: datetime) -> Claimed | None:
    """A mail in hand, once it is known what it says and that its address may have it; else None, and it is settled."""
    if mail.attempt > 1:
        return mail
    if mail.asked is not None and (mail := asking.answered(site, session, mail) or mail).asked is not None:
        service.withhold(session, mail, "there is nothing to say to it", now)
        return None
    return mail if service.admit(session, mail, now) else None


def _made(site: Site, mails: list[Claimed], done: dict[State, int]) -> list[tuple[Claimed, Message]]:
    ready = []
    for mail in mails:
        try:
            ready.append((mail, built(site, mail)))
        except (NewsletterError, ValueError, KeyError) as error:
            said = Outcome(Result.DEFERRED, reply=f"it cannot be made: {type(error).__name__}")
            _log.exception("a service mail cannot be made", extra={"action": "service", "kind": mail.kind})
            _written(site, mail, said, done)
    return ready


def clear(site: Site) -> None:
    """Deletes what was settled a month ago, and sign-ups and new addresses that nobody confirmed in time."""
    with site.database.writing() as session:
        moving.clear(session, site.clock.now())
        service.clear(session, site.clock.now())
        signups.clear(session, site.clock.now())
