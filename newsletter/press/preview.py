"""What a reader of an edition would find in the inbox, byte for byte, for a real reader or for one of five personas.

Looking has no side effects: nothing is stored, sent or counted, and a persona's links name no reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from types import MappingProxyType

from sqlalchemy import exists, select

from newsletter.audience.models import Subscriber
from newsletter.audience.subscribers import show
from newsletter.delivery.ledger import Recipient
from newsletter.editions import store
from newsletter.editions.models import Variant
from newsletter.errors import NotFound
from newsletter.press.messages import NEUTRAL, compiled_as_now, html_of, reader_values, rendered_for
from newsletter.press.messages import recipient as reader_of
from newsletter.press.site import Site
from newsletter.press.spared import spared
from newsletter.rendering.mime import Size


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody who does not exist, whose values are as a template has to bear them."""

    label: str
    first_name: str
    email: str = "reader@example.org"


PERSONAS: Mapping[str, Persona] = MappingProxyType(
    {
        "typical": Persona("Typical", "Rita", "rita@example.org"),
        "longest": Persona(
            "Longest name", "Maximiliane-Alexandrine Konstantinopolitanska von und zu Hohenwart-Weyersberg " * 2,
            "r" * 64 + "@a-long-name-of-a-house." + "e" * 40 + ".example.org",
        ),
        "empty": Persona("Empty fields", ""),
        "right-to-left": Persona("Right to left", "ليلى"),
        "hostile": Persona("Hostile", "<script>alert('Rita')</script>\"><b>{{ 7*7 }} *|FNAME|* \u202eatiR"),
    }
)  # fmt: skip
"""By the names that addresses of pages have. ``typical`` is the first, and stands where nobody is named."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One reader's mail."""

    segment: str
    segments: tuple[str, ...]
    """All that the edition goes to."""
    message: bytes
    """What the backend would get: RFC 5322, in wire form."""
    html: str
    text: str
    subject: str
    preheader: str
    headers: tuple[tuple[str, str], ...]
    """Name and value as they stand in the message, unfolded, not decoded."""
    sender: str
    size: Size
    address: str
    """To whom it goes."""
    fits: tuple[str, ...] | None
    """The segments of the edition that a real reader fits, the first of which they would get. None for a persona."""
    suppressed: bool


def segments_of(site: Site, key: str) -> tuple[str, ...]:
    """The segments that an edition goes to: the frozen ones once it is locked. Raises `NotFound`."""
    with site.database.reading() as session:
        edition = store.find(session, key)
        frozen = session.scalars(select(Variant.segment).where(Variant.edition_id == edition.id).order_by(Variant.no))
        return tuple(frozen) or tuple(site.briefing(edition.briefing).segments)


def preview(site: Site, key: str, segment: str = "", *, persona: str = "typical", email: str = "") -> Preview:
    """The mail of a persona, or with ``email`` of that reader of the store. Without a ``segment`` it is the first that
    the reader fits, else the edition's first.

    Raises `NotFound` for what there is none of, `Refused`, `TemplateError`.
    """
    segment, segments, (fits, suppressed) = _which(site, key, segment, email)
    edition, compiled = compiled_as_now(site, key, segment)
    values = reader_values(site, edition, reader_of(site, email) if email else _somebody(persona))
    message = compiled.build(values)
    html, text = compiled.documents(values)
    return Preview(
        segment=segment,
        segments=segments,
        message=message,
        html=html,
        text=text,
        subject=compiled.rendered.subject,
        preheader=compiled.rendered.preheader,
        headers=tuple((name, " ".join(value.split())) for name, value in message_from_bytes(message).raw_items()),
        sender=site.briefing(edition.briefing).sender.name,
        size=compiled.size(values),
        address=values.address,
        fits=fits,
        suppressed=suppressed,
    )


def preview_html(site: Site, key: str, segment: str = "", *, persona: str = "typical", email: str = "") -> str:
    """The HTML part of the same mail, for a frame; as it was frozen also where the briefing was taken out of the
    configuration. Raises as `preview` does."""
    segment, _, _ = _which(site, key, segment, email)
    edition, rendered = rendered_for(site, key, segment)
    return html_of(site, edition, rendered, reader_of(site, email) if email else _somebody(persona))


def _which(
    site: Site, key: str, segment: str, email: str
) -> tuple[str, tuple[str, ...], tuple[tuple[str, ...] | None, bool]]:
    """The segment that is meant, all that there are, and the place of a real reader among them."""
    segments = segments_of(site, key)
    if segment and segment not in segments:
        raise NotFound(f"{key} does not go to {segment!r}: it goes to {', '.join(segments)}")
    place = _place(site, key, email, segments) if email else (None, False)
    return segment or next(iter(place[0] or segments)), segments, place


def _somebody(persona: str) -> Recipient:
    if (who := PERSONAS.get(persona)) is None:
        raise NotFound(f"there is no persona {persona!r}: there is {', '.join(PERSONAS)}")
    return Recipient(NEUTRAL, who.email, who.first_name, 0)


def _place(site: Site, key: str, email: str, segments: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Which segments a reader fits, and whether they get nothing at all."""
    briefing, day = store.parse_key(key)
    with site.database.reading() as session:
        person = show(session, email).subscriber
        if person is None:
            raise NotFound("that address is suppressed, and no reader's any more")
        this = Subscriber.id == person.id
        nothing = spared(site, briefing, day)
        suppressed = bool(session.scalar(select(exists(select(Subscriber.id).where(this, nothing)))))
        fits = tuple(
            name
            for name in segments
            if name in site.segments
            and session.scalar(select(exists(select(Subscriber.id).where(this, site.segments[name].clause()))))
        )
    return fits, suppressed
