"""All that is held about one person (GDPR, Art. 15 and 20), as plain values, for a file that they can read."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from newsletter.audience import frequencies
from newsletter.audience.allowance import spend
from newsletter.audience.columns import FIELDS
from newsletter.audience.consentlog import log_of
from newsletter.audience.models import Subscriber
from newsletter.audience.subscribers import bounce_score, show
from newsletter.delivery.reader import received
from newsletter.delivery.service import HOUR, Attachment, Kind, post
from newsletter.errors import NotFound
from newsletter.press import choices
from newsletter.press.site import Site


def held(site: Site, email: str) -> dict[str, Any]:
    """What is held about an address, by what it is; of one who was erased that is their suppression and their log.

    Raises `AddressRefused`, and `NotFound` for an unknown address.
    """
    with site.database.reading() as session:
        person = show(session, email)
        reader = person.subscriber
        told: dict[str, Any] = {"publication": site.settings.publication.name, "at": site.clock.now()}
        if reader is not None:
            told["reader"] = _fields(reader)
            told["frequencies"] = frequencies.chosen_by(session, reader.id)
        told["suppressions"] = [
            {"briefing": row.briefing, "reason": row.reason, "at": row.at, "note": row.note}
            for row in person.suppressions
        ]
        if (bounces := bounce_score(session, email)) is not None:
            told["bounces"] = {"score": bounces.score, "at": bounces.at}
        told["consents"] = [
            {"at": one.at, "decision": one.decision, "briefing": one.briefing, "until": one.until,
             "words": one.wording, "way": one.source}
            for one in log_of(session, email)
        ]  # fmt: skip
        told["deliveries"] = [asdict(one) for one in received(session, reader.id)] if reader is not None else []
    if reader is not None:
        chosen = choices.reader(site, reader.id).choices
        told["briefings"] = [{"briefing": one.key, "name": one.name, "gets": one.chosen} for one in chosen]
    return told


def ask_held(site: Site, number: int, briefing: str, language: str) -> None:
    """Has a reader mailed all that is held about them, once an hour at the most: the mail goes to them, whoever asked.
    ``briefing`` is that of the page where it was asked for, and ``language`` the page's, for who has none of their own.
    Raises `NotFound`."""
    with site.database.writing() as session:
        reader = session.get(Subscriber, number)
        if reader is None:
            raise NotFound("there is no such reader")
        if not spend(session, "ask held", str(number), most=1, window=HOUR, now=site.clock.now()):
            return
    # Read without the lock, since it may be years of editions.
    file = Attachment("my-data.json", held_as_json(site, reader.email))
    url = f"{site.settings.publication.base_url}/p/{site.tokens.sign('preferences', 0, number, briefing)}"
    with site.database.writing() as session:
        own = reader.language or language
        post(session, Kind.EXPORT, reader.email, site.clock, language=own, url=url, attachment=file)


def held_as_json(site: Site, email: str) -> str:
    """The same as the text of a JSON file; instants as ISO 8601. Raises as `held` does."""
    return json.dumps(held(site, email), ensure_ascii=False, indent=2, default=datetime.isoformat) + "\n"


def _fields(reader: Subscriber) -> dict[str, Any]:
    fields = {name: getattr(reader, name) for name in FIELDS}
    dates = {name: getattr(reader, name) for name in ("paused_until", "created_at", "updated_at")}
    return {"number": reader.id, "email": reader.email, **fields, "attributes": reader.attributes, **dates}
