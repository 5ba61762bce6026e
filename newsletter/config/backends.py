"""How mails leave: the backends of ``config.yaml``, and how fast they may be."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from newsletter.config.base import Model
from newsletter.config.kinds import Duration, Rate, bare_pace


class PaceSettings(Model):
    """How fast. A text such as ``5/s`` alone is its rate."""

    rate: Rate | None = None
    """At most, by all workers together."""
    burst: Annotated[int, Field(ge=1)] | None = None
    """How many may go at once after a pause; a second's worth unless given, and one at least."""
    connections: Annotated[int, Field(ge=1)] | None = None
    """Messages on the wire at once, of each worker."""


class ReplyRule(Model):
    """What a reply of a certain wording means."""

    text: Annotated[tuple[Annotated[str, Field(min_length=3, max_length=200)], ...], Field(min_length=1)]
    """Phrases, any of which is enough, in any case; ``*`` stands for up to 60 characters."""
    reason: Annotated[str, Field(alias="class")]
    code: Annotated[str, Field(pattern=r"^[45]\d{0,2}$")] = ""
    """What the reply code begins with."""
    scope: Literal["domain", "backend"] = "domain"
    """Who slows down: the reader's domain with all of its provider's, or the whole backend."""
    pause: Duration | None = None
    rate: Rate | None = None
    """No faster than this, for ``hold``."""
    hold: Duration | None = None
    example: str = ""
    """A reply that this rule is for; the tests try those of the built-in rules."""


class LimitSettings(Model):
    """How fast a backend may be."""

    rate: Rate | None = None
    burst: Annotated[int, Field(ge=1)] | None = None
    published: bool = False
    """Whether the numbers that mailbox providers publish hold: for a backend that connects to them itself."""
    per_domain: dict[str, Annotated[PaceSettings, BeforeValidator(bare_pace)]] = Field(default_factory=dict)
    """By a domain, a provider's name, or ``every`` for each domain that is not named."""
    replies: tuple[ReplyRule, ...] = ()
    """Rules that are looked at before the built-in ones."""


class BackendSettings(Model):
    """A backend: its type (an entry point of ``newsletter.backends``), and whatever that type wants to know."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    limits: LimitSettings = LimitSettings()

    @property
    def options(self) -> dict[str, Any]:
        """What else stands in the block. Texts that came from the environment are SecretStr."""
        return dict(self.model_extra or {})
