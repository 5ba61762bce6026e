"""What a template sees: an edition as one segment gets it, as plain frozen values.

Nothing here knows the database. `press` builds these from the stored edition; templates (HTML and text) are filled
from them and from nothing else. Every ``Markup`` field is safe HTML; every ``str`` is plain text, escaped by Jinja.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class ImageView:
    """A picture. ``alt`` is empty only where ``decorative`` says so. Sizes are pixels of the file, 0 when unknown."""

    url: str
    alt: str
    caption: str = ""
    credit: str = ""
    width: int = 0
    height: int = 0
    decorative: bool = False


@dataclass(frozen=True, slots=True)
class BulletView:
    """A labelled bullet, ``Label: sentence``. ``html`` is safe inline HTML; ``text`` the same as plain text."""

    label: str
    html: Markup
    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class StoryView:
    """A story with the editor's overrides applied. ``body_text`` is plain text, paragraphs parted by a blank line."""

    key: str
    """The slug, unique in the store."""
    headline: str
    kicker: str = ""
    short_headline: str = ""
    dek: str = ""
    preheader: str = ""
    """What the story would say in the inbox row: its summary line, else its dek."""
    body_html: Markup = field(default_factory=Markup)
    body_text: str = ""
    bullets: tuple[BulletView, ...] = ()
    byline: str = ""
    image: ImageView | None = None
    url: str = ""
    """Where the whole story stands, http(s), empty where it stands nowhere."""


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section with its stories. ``layout`` is one of lead, brief, list, labelled. ``title`` may be empty."""

    key: str
    title: str
    layout: str
    stories: tuple[StoryView, ...]


@dataclass(frozen=True, slots=True)
class PublicationView:
    """The newsroom."""

    name: str
    postal_address: str
    base_url: str
    accent: str = "#a3161c"
    accent_dark: str = "#ff8a80"
    contact: str = ""
    """An address for corrections and answers, empty where there is none."""


@dataclass(frozen=True, slots=True)
class EditionView:
    """An edition as one segment gets it."""

    key: str
    """``morning/2026-11-23``"""
    briefing: str
    """The briefing's name as readers know it."""
    date: date
    weekday: str
    """The weekday of the edition date, in the edition's language."""
    long_date: str
    """The edition date in words, in the edition's language: ``Monday, 23 November 2026``."""
    publication: PublicationView
    segment: str
    sections: tuple[SectionView, ...]
    subject: str = ""
    preheader: str = ""
    greeting: str = ""
    """A salutation without the name and without a comma: ``Good morning``."""
    introduction: str = ""
    sign_off: str = ""
    reason: str = ""
    """Why the reader gets this, for the footer."""
    language: str = "en"
    """BCP 47."""
    direction: str = "ltr"

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it from every other view of its kind."""
        return self.key, self.segment

    @property
    def stories(self) -> tuple[StoryView, ...]:
        """All stories in the order in which the reader meets them."""
        return tuple(story for section in self.sections for story in section.stories)

    @property
    def lead(self) -> StoryView | None:
        """The first story of the first section that has one."""
        return next(iter(self.stories), None)

    @property
    def minutes(self) -> int:
        """Reading time in whole minutes at 220 words a minute, at least 1."""
        words = sum(
            len(f"{s.headline} {s.dek} {s.body_text} {' '.join(b.text for b in s.bullets)}".split())
            for s in self.stories
        )
        return max(1, round(words / 220))


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A mail to one person outside any edition, such as one that asks to confirm a sign-up. Every word of it is there:
    a template says where it stands, and what it looks like."""

    kind: str
    """``join``, ``have``, ``link``, ``address``, ``export``, ``erase``"""
    subject: str
    title: str
    paragraphs: tuple[str, ...]
    publication: PublicationView
    items: tuple[str, ...] = ()
    """Names to list below the paragraphs, such as those of briefings; often none."""
    button: str = ""
    """What the link says, empty where the mail has none."""
    url: str = ""
    """Where the link leads, https."""
    copy: str = ""
    """What stands above the address in words, for programs that show no links."""
    notes: tuple[str, ...] = ()
    """Below everything else: who asked for this, and what to do if it was somebody else."""
    contact: str = ""
    """A sentence that names whom to write to, empty where there is nobody."""
    language: str = "en"
    """BCP 47."""
    direction: str = "ltr"

    @property
    def preheader(self) -> str:
        """What stands beside the subject in a list of mails."""
        return self.paragraphs[0] if self.paragraphs else ""

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it from every other view of its kind."""
        return self.kind, self.language


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that differs by reader: ``before + value + after``, or ``fallback`` when the value is empty.

    In the frozen HTML and text it stands as the word ``mbq<nonce>x<index>z`` (index: two digits or more, its place in
    `Rendered.slots`); a URL slot as ``https://slot.invalid/mbq<nonce>x<index>z``, so that parsers see a URL.
    """

    name: str
    before: str = ""
    after: str = ""
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A variant, frozen: what every reader of a segment gets, with slot words where readers differ."""

    subject: str
    preheader: str
    html: str
    text: str
    slots: tuple[Slot, ...]
    nonce: str
    """12 hex digits that the slot words of this variant carry."""
    digest: str
    """SHA-256, hex, over subject, preheader, html, text and slots."""


SLOTS = ("first_name", "unsubscribe_url", "preferences_url", "view_url")
"""The reader slots that a template may fill."""


@dataclass(slots=True)
class ReaderValues:
    """What differs between two readers of a variant. URLs are absolute https; ``first_name`` may be empty.

    Not frozen, as everything else here is: one is made for every reader, and a frozen one takes twice the time.
    """

    address: str
    first_name: str
    unsubscribe_url: str
    preferences_url: str
    view_url: str
    message_id: str
    """Without angle brackets."""
    unsubscribe_mailto: str = ""
    """An address (with an optional ``?subject=``) for the mailto form of List-Unsubscribe, empty for none."""


class ReaderColumns(NamedTuple):
    """What differs between many readers: a list for each field of `ReaderValues`, all of one length."""

    address: Sequence[str]
    first_name: Sequence[str]
    unsubscribe_url: Sequence[str]
    preferences_url: Sequence[str]
    view_url: Sequence[str]
    message_id: Sequence[str]
    unsubscribe_mailto: Sequence[str]

    @classmethod
    def of(cls, readers: Sequence[ReaderValues]) -> ReaderColumns:
        """Those of some readers."""
        return cls(*([getattr(reader, name) for reader in readers] for name in cls._fields))

    def readers(self) -> list[ReaderValues]:
        """The same, reader by reader."""
        return [ReaderValues(*row) for row in zip(*self, strict=True)]
