"""The checks: what they look at, what they say, and the one function that runs them all.

A check is a function ``(subject: CheckInput) -> Iterable[Finding]`` in a file of its own, registered by its code. The
desk, the command line and the clock run the same ones over the same input.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

from newsletter.checks.built import Built
from newsletter.checks.page import Page
from newsletter.checks.styled import Styled
from newsletter.checks.words import Passage, told
from newsletter.config import SHARES, MailClient
from newsletter.rendering.model import EditionView, PublicationView, Rendered

log = logging.getLogger(__name__)


class Severity(StrEnum):
    """What a finding means for the send."""

    BLOCK = "block"
    """It does not go out like this."""
    WARN = "warn"
    """Somebody should look at it."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says. ``where`` names the slot, the link or the line; ``mend`` says what to do."""

    code: str
    severity: Severity
    where: str
    message: str
    mend: str
    segments: tuple[str, ...] = ()
    """Whose variants have it; empty where it is the edition's as a whole."""
    line: int = field(default=0, compare=False)
    """The line of the part that ``where`` names, in the first of the segments; 0 where that says nothing."""
    override: Overridden | None = field(default=None, compare=False)
    """Who said that it may go out all the same."""

    @property
    def blocks(self) -> bool:
        """Whether the edition must not go out because of it."""
        return self.severity == Severity.BLOCK and self.override is None

    @property
    def fingerprint(self) -> str:
        """SHA-256, hex, of what somebody sees who looks at it: an override holds for exactly this."""
        seen = [self.code, self.severity, self.where, self.message, *self.segments]
        return hashlib.sha256(json.dumps(seen, ensure_ascii=False).encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Overridden:
    """A person's word that a finding does not keep the edition. ``at`` is a UTC instant."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class CheckedVariant:
    """An edition as one segment gets it: what the template saw, and what came out."""

    view: EditionView
    rendered: Rendered

    @cached_property
    def page(self) -> Page:
        """The HTML part, read once for all checks."""
        return Page.read(self.rendered.html)

    @cached_property
    def styled(self) -> Styled:
        """The HTML part with its style sheets resolved, read once for all checks."""
        return Styled(self.rendered.html)

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """All its words, each with its place, gathered once for all checks."""
        return tuple(told(self.view, self.rendered, self.page))


@dataclass(frozen=True, slots=True)
class StoryFact:
    """A story in a slot, with what the store says of it now. ``segment`` is empty for a slot of everyone's."""

    slug: str
    headline: str
    section: str
    segment: str
    status: str
    embargo_until: datetime | None = None
    expires_at: datetime | None = None
    published_at: datetime | None = None
    fences: tuple[Mapping[str, Sequence[str]], ...] = ()
    """Whom the version that is told, and the newest, are kept from: ``{"only": [segment], "never": [segment]}``."""


@dataclass(frozen=True, slots=True)
class LastEdition:
    """What the briefing's last edition that went out told. Subjects and preheaders are those of all its variants."""

    date: date
    subjects: frozenset[str] = frozenset()
    preheaders: frozenset[str] = frozenset()
    stories: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The stories' slugs, by segment."""


@dataclass(frozen=True, slots=True)
class Audience:
    """How many readers each segment has today, a reader whom several fit in the first."""

    readers: Mapping[str, int]
    usual: float | None = None
    """The median of the last editions' readers; None where there was none."""
    fence: float = 0.2
    """How far from the usual the number may be, as a share of it."""

    @property
    def total(self) -> int:
        """Readers of all segments."""
        return sum(self.readers.values())

    @property
    def is_unusual(self) -> bool:
        """Whether the number wants a person to look at it; a handful more or less never does."""
        return self.usual is not None and abs(self.total - self.usual) > max(self.fence * self.usual, 5)


@dataclass(frozen=True, slots=True)
class CheckInput:
    """Everything that the checks look at. Two equal inputs have the same findings."""

    key: str
    """``morning/2026-11-23``"""
    date: date
    state: str
    at: datetime
    """The instant at which it is to leave; embargo and expiry are judged by it."""
    stories: tuple[StoryFact, ...]
    publication: PublicationView
    variants: Mapping[str, CheckedVariant]
    """By segment, in the briefing's order."""
    messages: Mapping[str, Built] = field(default_factory=dict)
    """By segment: what becomes of the variant as the message to its worst reader."""
    last: LastEdition | None = None
    """None where none has gone out yet."""
    audience: Audience | None = None
    """None where nobody counted."""
    clients: Mapping[MailClient, float] = field(default_factory=lambda: SHARES)
    """What share of the readers uses which mail program, in percent: ``clients`` of the config."""
    segments: frozenset[str] = frozenset()
    """Every segment that there is, of this briefing and of others."""
    unmet: tuple[str, ...] = ()
    """Pins and moves that could not be followed, in words."""


Check = Callable[[CheckInput], Iterable[Finding]]
CHECKS: dict[str, Check] = {}
"""Every check by its code, in the order in which they run and report."""
FINAL: dict[str, str] = {}
"""The checks whose findings nobody can override, with the reason and what to do instead."""
BROKEN_OFF = "the check itself"
"""Where a finding is that a check failed."""


def check(code: str, *, final: str = "") -> Callable[[Check], Check]:
    """Registers a check. Every finding of it carries the code.

    ``final`` says why a finding of it cannot be overridden; without it a named person may.
    """

    def register(function: Check) -> Check:
        if code in CHECKS:
            raise ValueError(f"there are two checks with the code {code!r}")
        CHECKS[code] = function
        if final:
            FINAL[code] = final
        return function

    return register


def run(subject: CheckInput) -> list[Finding]:
    """Every finding of every check: the blocking ones first, then in the order of the checks.

    What several variants have alike is one finding that names their segments. A check that fails itself is a blocking
    finding: what was not looked at is not known to be good.
    """
    found: dict[Finding, list[str]] = {}
    for code, function in CHECKS.items():
        try:
            for finding in list(function(subject)):
                assert finding.code == code, f"{code} reports {finding.code}"
                segments = found.setdefault(replace(finding, segments=()), [])
                segments += [segment for segment in finding.segments if segment not in segments]
        except Exception as error:
            log.exception("check failed", extra={"action": "check", "edition": subject.key, "code": code})
            found[
                Finding(
                    code,
                    Severity.BLOCK,
                    BROKEN_OFF,
                    f"it broke off: {type(error).__name__}: {error}",
                    "report this as a bug of the newsletter program",
                )
            ] = []
    findings = [replace(finding, segments=tuple(segments)) for finding, segments in found.items()]
    return sorted(findings, key=lambda finding: list(Severity).index(finding.severity))


def blocks(findings: Iterable[Finding]) -> bool:
    """Whether the edition must not go out like this."""
    return any(finding.blocks for finding in findings)


def why_final(finding: Finding) -> str:
    """Why a finding cannot be overridden, in words; empty where a named person may."""
    if finding.where == BROKEN_OFF:
        return "what was not looked at is not known to be good"
    return FINAL.get(finding.code, "")
