"""What a report says: how many readers have come to what, why, and who they are. No rule and no SQL."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from newsletter.editions.counting import Followed
from newsletter.editions.findings import Used


@dataclass(frozen=True, slots=True)
class Counts:
    """How many readers have come to what."""

    accepted: int = 0
    rejected: int = 0
    suppressed: int = 0
    """Suppressed after the freeze."""
    expired: int = 0
    withdrawn: int = 0
    """The edition was aborted before their turn."""
    in_doubt: int = 0
    deferred: int = 0
    """Still to go: to be tried again."""
    pending: int = 0
    """Still to go: their turn has not come."""

    @property
    def to_go(self) -> int:
        """Still to go."""
        return self.deferred + self.pending

    @property
    def total(self) -> int:
        """Everyone."""
        return sum(getattr(self, one.name) for one in fields(self))


@dataclass(frozen=True, slots=True)
class Line:
    """One segment by one backend. ``backend`` is empty for readers whom none has been tried for."""

    segment: str
    backend: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Reason:
    """Why readers are what they are. ``status`` is a field of `Counts`; ``reply`` is one of the servers' answers."""

    status: str
    segment: str
    backend: str
    reason: str
    """``550 5.1.1``: the server's code and enhanced code; or words of ours where no server spoke."""
    blame: str
    """Whose failure it was, by ``reply``: reader, message or backend; empty where no server spoke."""
    meaning: str
    """What ``reply`` means, by the rules for replies that come with us: a `newsletter.delivery.reasons.Reason`."""
    count: int
    reply: str


@dataclass(frozen=True, slots=True)
class Name:
    """One reader behind a number. ``email`` is empty for an erased one; ``at`` None where nothing has happened yet."""

    subscriber: int
    email: str
    status: str
    segment: str
    backend: str
    reason: str
    reply: str
    attempts: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """frozen = accepted + rejected + suppressed + expired + withdrawn + in doubt + still to go."""

    edition: str
    state: str
    frozen: int
    """How many were counted while they were frozen."""
    freezing: bool
    """Whether the freeze is still under way."""
    counts: Counts
    """What the ledger's rows say now."""
    on_the_wire: int
    """Of those still to go: messages that are with a server at this moment."""
    next_due: datetime | None
    lines: tuple[Line, ...]
    reasons: tuple[Reason, ...]
    problems: tuple[str, ...]
    """Why it does not add up, in words."""
    overridden: tuple[Used, ...] = ()
    """The findings of the checks with which it was locked all the same."""
    links: tuple[Followed, ...] = ()
    """How often its links were followed; none where clicks are not counted."""

    @property
    def adds_up(self) -> bool:
        """Whether everyone who was frozen is in exactly one place."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """For JSON: instants as ISO 8601."""
        shape = asdict(self)
        shape["next_due"] = None if self.next_due is None else self.next_due.isoformat()
        shape["counts"]["to_go"] = self.counts.to_go
        for line, one in zip(shape["lines"], self.lines, strict=True):
            line["counts"]["to_go"] = one.counts.to_go
        for row in shape["overridden"]:
            row["at"] = row["at"].isoformat()
        shape["adds_up"] = self.adds_up
        return shape
