"""What ``config.yaml`` says of readers: how they join, what they may choose, when their address is
given up, and where their pages are."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from newsletter.config.base import Model
from newsletter.config.kinds import BriefingKey, DeskAddress, Duration, Key, Line, Network
from newsletter.config.senders import Sender


class BounceSettings(Model):
    """When an address whose mail keeps failing is given up. One that is said not to be there is at once."""

    limit: Annotated[float, Field(ge=1, le=1000)] = 5
    """Soft failures, a full mailbox for example, at most one a day."""
    half_life: Duration = timedelta(days=30)
    """After which one counts for half."""


class ReaderChoice(Model):
    """Something about themselves that readers may choose on their page, so that segments can go by it."""

    title: Line
    """What it is called: ``Your edition``."""
    values: Annotated[dict[str, Line], Field(min_length=1, max_length=300)]
    """What is stored, and what readers call it, in the order in which it is offered."""


class JoinSettings(Model):
    """What somebody whom we do not know can sign up for."""

    briefings: tuple[BriefingKey, ...] | None = None
    """Every briefing unless given; none where the list is empty: then there is no page to join."""
    tags: dict[BriefingKey, tuple[Line, ...]] = Field(default_factory=dict)
    """What somebody is tagged with who joins a briefing, for segments that go by tags."""
    confirm_within: Duration = timedelta(days=2)
    """How long the link works that confirms; then the sign-up is deleted."""

    @model_validator(mode="after")
    def _range(self) -> JoinSettings:
        if not timedelta(hours=1) <= self.confirm_within <= timedelta(days=30):
            raise ValueError("confirm_within is at least 1h and at most 30d")
        return self


class FormSettings(Model):
    """What stands before the forms that anybody can have a mail sent with."""

    per_network: Annotated[int, Field(ge=1, le=100_000)] = 30
    """Requests an hour from one network: an IPv4 /24, an IPv6 /48."""
    overall: Annotated[int, Field(ge=1, le=1_000_000)] = 2_000
    """Requests an hour from everywhere."""
    proof_of_work: Annotated[int, Field(ge=0, le=24)] = 0
    """Bits of work that a browser does before it may send one, by script; 0 for none. 18 are about two seconds."""


class ReaderSettings(Model):
    """What readers are sent outside any edition: mails that ask to confirm something, or that they asked for."""

    sender: Sender | None = None
    """From whom; the first briefing's sender unless given."""
    backend: Key | None = None
    """By which backend; the first of ``backends`` unless given."""
    template: Key = "service"
    """The folder in ``templates/email``. A site that has no ``service`` uses the one that came with the program."""
    join: JoinSettings = JoinSettings()
    forms: FormSettings = FormSettings()


class WebSettings(Model):
    """Where `serve` offers the editors' desk."""

    host: Line = "127.0.0.1"
    """The address to listen at; ``0.0.0.0`` for every one of the machine."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8025
    base_url: DeskAddress | None = None
    """Where browsers find it, ``http://HOST:PORT`` unless given. With https the cookies are for https alone."""
    proxies: tuple[Network, ...] = ()
    """Addresses or networks of reverse proxies, whose word for whom they ask for is taken (X-Forwarded-For)."""

    @property
    def address(self) -> str:
        """Where browsers find it, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url or f"http://{host}:{self.port}"
