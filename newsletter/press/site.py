"""A site that is open: its settings, its database, its audience rules and templates, and the clock it goes by."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from newsletter.audience.segments import Segment, load_segments
from newsletter.audience.sitevalues import LINK_SECRET, find_secret, make_secret
from newsletter.audience.tokens import Links, Tokens
from newsletter.backends.base import Backend
from newsletter.backends.registry import build
from newsletter.clock import Clock, SystemClock
from newsletter.config import Briefing, Dkim, Sender, Settings, load_settings
from newsletter.database import Database
from newsletter.database.schema import require_current
from newsletter.errors import ConfigError, NotFound
from newsletter.press.sample import sample_folder
from newsletter.rendering.model import EditionView, PublicationView, Rendered
from newsletter.rendering.page import SERVICE, TemplateSet

if TYPE_CHECKING:
    from newsletter.rendering.dkim import SigningKey

_log = logging.getLogger(__name__)

_KEY_AT_MOST = 65_536
"""Bytes of a key file that are read."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The readers of a briefing at one moment (monotonic seconds), a reader whom several segments fit in the first."""

    at: float
    segments: dict[str, int]
    name_characters: int
    """Of the longest first name."""
    name_octets: int
    """Of the first name that is longest in UTF-8."""


class Site:
    """What every step of a briefing's way is given. Open it once for each process; it may be used from threads."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, config: Path | None = None) -> None:
        """``config`` is the file of the settings; without it there are no worker processes."""
        self.settings, self.database, self.clock, self.config = settings, database, clock, config

    @classmethod
    def open(cls, config: Path, *, clock: Clock | None = None, schema: bool = True) -> Self:
        """Opens the site whose configuration is ``config``.

        Raises `ConfigError` with file and line, and, unless ``schema`` is false, `SchemaBehind`.
        """
        settings = load_settings(config)
        database = Database(settings.database, root=settings.root)
        if schema:
            require_current(database)
        return cls(settings, database, clock or SystemClock(), config.resolve())

    def worker_command(self, *arguments: str) -> list[str]:
        """The command of a worker process of this one. Only for a site that was opened from its file."""
        assert self.config is not None
        return [
            sys.executable, "-m", "newsletter", "--config", str(self.config), "worker", "--with-parent", *arguments,
        ]  # fmt: skip

    def close(self) -> None:
        """Lets go of the database."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def root(self) -> Path:
        """The site's folder."""
        return self.settings.root

    @cached_property
    def segments(self) -> dict[str, Segment]:
        """The segments of ``subscribers/segments.yaml``, in their order. Raises `SegmentError`."""
        return load_segments(self.settings.segments_file)

    @cached_property
    def tokens(self) -> Tokens:
        """Signs and reads readers' links. Without a ``secret_key`` (never in production) the database keeps a secret;
        what that one signed still works when there is a key."""
        older = [key.get_secret_value().encode() for key in self.settings.old_secret_keys]
        if (key := self.settings.secret_key) is not None:
            with self.database.reading() as session:
                kept = find_secret(session, LINK_SECRET)
            return Tokens.from_secrets(key.get_secret_value().encode(), *older, *([kept] if kept else []))
        with self.database.writing() as session:
            return Tokens.from_secrets(make_secret(session, LINK_SECRET), *older)

    @cached_property
    def links(self) -> Links:
        """Makes readers' links."""
        return Links(self.settings.publication.base_url, self.tokens)

    def signing_keys(self, briefing: str) -> tuple[SigningKey, ...]:
        """The keys that sign a briefing's messages, read once; none where none is configured.

        Raises `ConfigError` for a key that cannot be read or is none. One that is weak is warned of.
        """
        return self._loaded(self.settings.dkim(briefing))

    def service_keys(self) -> tuple[SigningKey, ...]:
        """The same of those that sign service mails."""
        return self._loaded(self.settings.keys_of(self.service_sender))

    def _loaded(self, all_wanted: tuple[Dkim, ...]) -> tuple[SigningKey, ...]:
        keys = []
        for wanted in all_wanted:
            if (key := self._keys.get(wanted)) is None:
                from newsletter.rendering.dkim import load  # 9 MB, for who signs

                key = self._keys[wanted] = load(_pem(wanted, self.root), domain=wanted.domain, selector=wanted.selector)
                if key.remark:
                    _log.warning("weak key", extra={"action": "sign", "reason": key.remark})
            keys.append(key)
        return tuple(keys)

    @cached_property
    def _keys(self) -> dict[Dkim, SigningKey]:
        return {}

    @cached_property
    def counted(self) -> dict[tuple[str, frozenset[str]], Counted]:
        """By briefing, and the frequencies of it that leave a day out, its readers as they were last counted."""
        return {}

    @cached_property
    def rendered(self) -> dict[tuple[Path, str, EditionView], Rendered]:
        """The last variants that were rendered, by template (folder, version) and what it saw."""
        return {}

    @property
    def publication(self) -> PublicationView:
        """The newsroom, as templates and checks see it."""
        publication = self.settings.publication
        return PublicationView(
            name=publication.name,
            postal_address=publication.postal_address,
            base_url=publication.base_url,
            accent=publication.accent,
            accent_dark=publication.accent_dark,
            contact=publication.contact or "",
        )

    def briefing(self, key: str) -> Briefing:
        """A briefing of the configuration. Raises `NotFound` with the names there are."""
        try:
            return self.settings.briefings[key]
        except KeyError:
            known = ", ".join(self.settings.briefings)
            raise NotFound(f"there is no briefing {key!r} in config.yaml: there is {known}") from None

    def counts_clicks(self, briefing: str) -> bool:
        """Whether clicks on the links of a briefing's mails are counted, from the next lock on."""
        own = self.briefing(briefing).count_clicks
        return self.settings.publication.count_clicks if own is None else own

    def segment(self, key: str) -> Segment:
        """A segment. Raises `ConfigError` with the names there are."""
        try:
            return self.segments[key]
        except KeyError:
            known = ", ".join(self.segments)
            raise ConfigError(
                f"there is no segment {key!r}: there is {known}", path=self.settings.segments_file
            ) from None

    def template(self, briefing: str) -> TemplateSet:
        """The template set of a briefing, compiled once a version. Raises `TemplateError` with file and line."""
        return TemplateSet.load(self.settings.templates / self.briefing(briefing).template)

    def service_template(self) -> TemplateSet:
        """The template set of service mails: the site's own, or the one that came with the program. Raises
        `TemplateError` with file and line."""
        name = self.settings.readers.template
        folder = self.settings.templates / name
        if name == "service" and not folder.is_dir():
            folder = sample_folder() / "templates" / "email" / name
        return TemplateSet.load(folder, SERVICE)

    @property
    def service_sender(self) -> Sender:
        """From whom service mails come. Raises `ConfigError` where nobody is configured."""
        sender = self.settings.readers.sender or next((one.sender for one in self.settings.briefings.values()), None)
        if sender is None:
            raise ConfigError("there is nobody to send service mails: write readers.sender, or a briefing")
        return sender

    @property
    def service_backend(self) -> Backend:
        """The backend that takes service mails, newly built. Raises `ConfigError`."""
        return self.backend(self.settings.readers.backend or next(iter(self.settings.backends), "outbox"))

    def backend(self, name: str) -> Backend:
        """A backend of the configuration, newly built. Raises `ConfigError`."""
        settings = self.settings.backends.get(name)
        if settings is None:
            known = ", ".join(self.settings.backends)
            raise ConfigError(f"there is no backend {name!r} in config.yaml: there is {known}")
        return build(name, settings, environment=self.settings.environment, root=self.root)


def _pem(wanted: Dkim, root: Path) -> bytes:
    if wanted.key is not None:
        # An environment that cannot hold line breaks holds them as \n.
        return wanted.key.get_secret_value().replace("\\n", "\n").encode()
    assert wanted.key_file is not None
    path = root / wanted.key_file
    try:
        with path.open("rb") as file:
            return file.read(_KEY_AT_MOST)
    except OSError as error:
        raise ConfigError(
            f"the DKIM key {wanted.selector} of {wanted.domain} cannot be read ({error.strerror}): look at key_file",
            path=path,
        ) from None
