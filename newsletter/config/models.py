"""The shape of ``config.yaml``. Every model is frozen and knows no key that is not written here."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from newsletter.config.archive import ArchiveBlock, ArchiveSettings
from newsletter.config.backends import BackendSettings
from newsletter.config.base import Model
from newsletter.config.clients import SHARES, MailClient
from newsletter.config.kinds import (
    Address,
    BriefingKey,
    ChoiceField,
    Colour,
    Duration,
    Key,
    Line,
    TimeOfDay,
    WebAddress,
    Zone,
    domain_of,
)
from newsletter.config.readers import BounceSettings, ReaderChoice, ReaderSettings, WebSettings
from newsletter.config.senders import Dkim, DkimKeys, Sender, aligned

Layout = Literal["lead", "brief", "list", "labelled"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As `datetime.date.weekday` numbers them."""


class Publication(Model):
    """The newsroom."""

    name: Line
    postal_address: Line
    """Where the newsroom can be reached by letter; the law of most countries wants it in every mail."""
    base_url: WebAddress
    timezone: Zone = "UTC"
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")] = "en"
    direction: Literal["ltr", "rtl"] = "ltr"
    accent: Colour = "#a3161c"
    accent_dark: Colour = "#ff8a80"
    contact: Address | None = None
    dkim: DkimKeys = ()
    """The keys that sign every briefing whose sender names none. With two (RSA and Ed25519) each mail has both."""
    count_clicks: bool = False
    """Whether clicks on links in mails are counted, without telling readers apart. A briefing may say otherwise."""


class Schedule(Model):
    """When a briefing goes out. Durations count back from the send, but for the last two, which count on from it."""

    time: TimeOfDay
    timezone: Zone | None = None
    """Defaults to the publication's."""
    days: tuple[Day, ...] = DAYS
    timezones: dict[Key, Zone] = Field(default_factory=dict)
    """Segments that get the edition at the same wall time in a zone of their own."""
    assemble: Duration = timedelta(hours=2)
    lock: Duration = timedelta(minutes=15)
    send_within: Duration = timedelta(hours=2)
    """A send that could not start for longer than this is held, never made up for."""
    deadline: Duration = timedelta(hours=6)
    """How long deferred messages are tried again; then they have expired."""

    @model_validator(mode="after")
    def _ordered(self) -> Schedule:
        if self.lock >= self.assemble:
            raise ValueError("lock must come after assemble: write a shorter duration for lock")
        if not self.days:
            raise ValueError("days is empty: name at least one, or leave it out for every day")
        if (
            self.assemble > timedelta(days=2)
            or self.send_within > timedelta(days=2)
            or self.deadline > timedelta(days=5)
        ):
            raise ValueError("assemble and send_within are at most 2d, deadline at most 5d")
        return self


class Select(Model):
    """Which stories a section takes: those that match every line written here, and any of the words of a line."""

    sections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    priority: Annotated[int, Field(ge=1, le=9)] | None = None
    """This urgent or more (1 is the most urgent, 9 the least, as in IPTC's urgency)."""
    max_age: Duration | None = None
    """Published at most this long before the edition's send."""


class Backfill(Select):
    """What fills a section that found too little. ``up_to`` stories in all; the section's ``min`` unless given."""

    up_to: Annotated[int, Field(ge=1, le=100)] | None = None


class SectionForSegment(Model):
    """How a section differs for the readers of one segment. What is left out stays as it is for everyone."""

    title: str | None = None
    select: Select | None = None
    min: Annotated[int, Field(ge=0, le=100)] | None = None
    max: Annotated[int, Field(ge=1, le=100)] | None = None
    backfill: Backfill | None = None
    hide: bool = False


class Section(Model):
    """A rule: what, how many, in which layout."""

    key: Key
    title: str = ""
    layout: Layout
    select: Select = Field(default_factory=Select)
    min: Annotated[int, Field(ge=0, le=100)] = 0
    """Fewer than this, and the section is left out; if it is ``required``, the edition is skipped."""
    max: Annotated[int, Field(ge=1, le=100)] = 3
    required: bool = False
    backfill: Backfill | None = None
    segments: dict[Key, SectionForSegment] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _range(self) -> Section:
        for where, least, most in [("", self.min, self.max)] + [
            (f" of segment {key}", self.min if s.min is None else s.min, self.max if s.max is None else s.max)
            for key, s in self.segments.items()
        ]:
            if least > most:
                raise ValueError(f"min{where} is {least} and max only {most}")
        return self

    def for_segment(self, segment: str) -> Section | None:
        """This section as one segment's readers get it, or None where it is hidden from them."""
        own = self.segments.get(segment)
        if own is None:
            return self
        if own.hide:
            return None
        changes = {
            name: value
            for name in ("title", "select", "min", "max", "backfill")
            if (value := getattr(own, name)) is not None
        }
        return self.model_copy(update=changes)

    def differs_for(self, segment: str) -> bool:
        """Whether other stories are selected for this segment (a title of its own alone needs no slots of its own)."""
        own = self.segments.get(segment)
        return own is not None and (
            own.hide or any(getattr(own, name) is not None for name in ("select", "min", "max", "backfill"))
        )


class Frequency(Model):
    """A way of getting fewer of a briefing's editions, which readers may choose on their page."""

    title: Line
    """What readers call it: ``Saturdays only``."""
    days: Annotated[tuple[Day, ...], Field(min_length=1)]
    """The editions that they get, by the day of the edition's date."""


class Briefing(Model):
    """A recurring newsletter."""

    name: Line
    sender: Sender
    segments: Annotated[tuple[Key, ...], Field(min_length=1)]
    """Who gets it. A reader whom several rules fit gets the variant of the first segment in this list."""
    schedule: Schedule | None = None
    template: Key = "briefing"
    subject: Line = "{{ weekday }} Briefing: {{ lead.short_headline }}"
    preheader: Line = "{{ lead.preheader }}"
    greeting: str = "Good morning"
    introduction: str = ""
    sign_off: str = ""
    reason: str = ""
    """Why the reader gets this, in the footer."""
    sections: Annotated[tuple[Section, ...], Field(min_length=1)]
    min_stories: Annotated[int, Field(ge=1)] = 3
    approval: Literal["none", "required"] = "none"
    in_doubt: Literal["hold", "resend"] = "hold"
    audience_fence: Annotated[float, Field(gt=0, le=1)] = 0.2
    """How far the number of readers may be from the usual one (a share of it) before the edition holds."""
    language: str | None = None
    direction: Literal["ltr", "rtl"] | None = None
    list_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")] | None = None
    """RFC 2919. Made from the briefing's key and the publication's host unless given."""
    archive: ArchiveSettings = ArchiveBlock()
    count_clicks: bool | None = None
    """The publication's unless given."""
    frequencies: Annotated[dict[Key, Frequency], Field(max_length=20)] = Field(default_factory=dict)
    """What readers may choose in place of every edition."""

    @model_validator(mode="after")
    def _frequencies(self) -> Briefing:
        for key, one in self.frequencies.items():
            if self.schedule and not set(one.days) & set(self.schedule.days):
                raise ValueError(f"frequency {key!r} names no day on which the briefing goes out: see schedule.days")
        return self

    @model_validator(mode="after")
    def _sections(self) -> Briefing:
        keys = [section.key for section in self.sections]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise ValueError(f"two sections have the key {sorted(twice)[0]!r}: give each its own")
        for section in self.sections:
            if unknown := set(section.segments) - set(self.segments):
                raise ValueError(
                    f"section {section.key!r} names {sorted(unknown)[0]!r}, which is no segment of the briefing"
                )
        if self.schedule and (unknown := set(self.schedule.timezones) - set(self.segments)):
            raise ValueError(f"timezones names {sorted(unknown)[0]!r}, which is no segment of the briefing")
        if self.archive.segment not in (None, *self.segments):
            raise ValueError(f"archive names {self.archive.segment!r}, which is no segment of the briefing")
        return self


_ANSWERS = {
    "country": (r"[A-Z]{2}", "two capital letters, for example DE (ISO 3166)"),
    "region": (r"\S(.{0,62}\S)?", "up to 64 characters"),
    "frequency": (r"[^\sA-Z]([^A-Z]{0,30}[^\sA-Z])?", "up to 32 characters, small letters"),
}
_ANSWER = r"\S(.{0,98}\S)?", "up to 100 characters"


class Settings(Model):
    """The whole configuration of a site."""

    publication: Publication
    environment: Literal["development", "production"] = "development"
    database: str = "sqlite:///newsletter.db"
    """``sqlite:///FILE`` (relative to the site), or ``postgresql+psycopg://USER:PASSWORD@HOST/NAME``."""
    secret_key: SecretStr | None = None
    """Signs readers' links. Needed in production; at least 32 characters."""
    old_secret_keys: Annotated[tuple[SecretStr, ...], Field(max_length=16)] = ()
    """Those that it had before: links that they signed still work. Write the new key there and the old one here."""
    backends: dict[Key, BackendSettings] = Field(default_factory=lambda: {"outbox": BackendSettings(type="outbox")})
    briefings: dict[BriefingKey, Briefing]
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """How many processes `send` and `serve` deliver with on this machine; each opens its backends' connections."""
    web: WebSettings = WebSettings()
    readers: ReaderSettings = ReaderSettings()
    bounces: BounceSettings = BounceSettings()
    test_addresses: tuple[str, ...] = ()
    """Who may get test copies: addresses, or ``@domain`` for everyone there."""
    clients: dict[MailClient, Annotated[float, Field(ge=0, le=100)]] = Field(default_factory=lambda: dict(SHARES))
    """Percent of the readers who use a mail program; those that are not named count for nothing."""
    choices: Annotated[dict[ChoiceField, ReaderChoice], Field(max_length=20)] = Field(default_factory=dict)
    """By a field of segments: ``country``, ``region``, ``frequency`` or ``attributes.NAME``."""
    root: Path
    """The site's folder, absolute. Not written in the file: it is where the file stands."""

    @model_validator(mode="after")
    def _safe(self) -> Settings:
        if self.environment == "production" and not self.secret_key:
            raise ValueError("production needs secret_key: ${NEWSLETTER_SECRET_KEY}, and that variable set")
        if self.secret_key and len(self.secret_key.get_secret_value()) < 32:
            raise ValueError("secret_key is shorter than 32 characters: make one with `openssl rand -hex 32`")
        if any(len(key.get_secret_value()) < 32 for key in self.old_secret_keys):
            raise ValueError("one of old_secret_keys is shorter than 32 characters: it never signed a link")
        return self

    @model_validator(mode="after")
    def _answers(self) -> Settings:
        for field, choice in self.choices.items():
            pattern, words = _ANSWERS.get(field, _ANSWER)
            if wrong := [value for value in choice.values if not re.fullmatch(pattern, value)]:
                raise ValueError(f"choices.{field}: {wrong[0]!r} is no value of it: write {words}")
        return self

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if (whole := sum(self.clients.values())) > 100:
            raise ValueError(f"clients add up to {whole:g} percent: write shares of 100 at most")
        return self

    @model_validator(mode="after")
    def _signed(self) -> Settings:
        senders = {f"briefings.{name}": briefing.sender for name, briefing in self.briefings.items()}
        if self.readers.sender is not None:
            senders["readers"] = self.readers.sender
        for name, sender in senders.items():
            keys, domain = self.keys_of(sender), sender.address.rpartition("@")[2]
            for key in keys:
                # DMARC (RFC 9989) takes no other domain's signature for the sender's.
                if not aligned(key.domain, domain_of(domain)):
                    raise ValueError(
                        f"{name}: dkim signs for {key.domain}, and the sender is at {domain}: write a key of "
                        "the sender's domain, or one above or below it"
                    )
            names = [(key.domain, key.selector) for key in keys]
            if len(set(names)) < len(names):
                raise ValueError(f"{name}: two dkim keys have one selector: give each its own")
        return self

    @model_validator(mode="after")
    def _service(self) -> Settings:
        if self.readers.backend is not None and self.readers.backend not in self.backends:
            known = ", ".join(self.backends)
            raise ValueError(f"readers.backend names {self.readers.backend!r}, which is no backend: there is {known}")
        for key in (*(self.readers.join.briefings or ()), *self.readers.join.tags):
            if key not in self.briefings:
                known = ", ".join(self.briefings)
                raise ValueError(f"readers.join names {key!r}, which is no briefing: there is {known}")
        return self

    def dkim(self, briefing: str) -> tuple[Dkim, ...]:
        """The keys that sign a briefing, as they are configured."""
        return self.keys_of(self.briefings[briefing].sender)

    def keys_of(self, sender: Sender) -> tuple[Dkim, ...]:
        """The keys that sign what a sender sends, as they are configured."""
        return self.publication.dkim if sender.dkim is None else sender.dkim

    def zone(self, briefing: str, segment: str = "") -> str:
        """The IANA zone in which a briefing's times are meant, for one segment of it if given; the publication's for a
        briefing that was taken out."""
        known = self.briefings.get(briefing)
        if known is None or (schedule := known.schedule) is None:
            return self.publication.timezone
        return schedule.timezones.get(segment) or schedule.timezone or self.publication.timezone

    @property
    def templates(self) -> Path:
        return self.root / "templates" / "email"

    @property
    def segments_file(self) -> Path:
        return self.root / "subscribers" / "segments.yaml"
