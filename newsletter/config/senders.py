"""From whom mails come, and the keys that sign them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from newsletter.config.base import Model
from newsletter.config.kinds import Address, Domain, Line


def aligned(domain: str, sender: str) -> bool:
    """Whether a signature of ``domain`` speaks for a sender at another (RFC 9989, relaxed): same, above or below."""
    return sender == domain or sender.endswith(f".{domain}") or domain.endswith(f".{sender}")


class Dkim(Model):
    """A key that signs mails (RFC 6376), RSA or Ed25519, and the name under which the DNS shows its public half."""

    domain: Domain
    """The sender's domain, or one above or below it."""
    selector: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9])*(\.[A-Za-z0-9](-?[A-Za-z0-9])*)*$", max_length=63)
    ]
    key_file: Path | None = None
    """A private key in PEM; relative to the site."""
    key: SecretStr | None = None
    """The same as text: ``${NEWSLETTER_DKIM_KEY}``. This, or ``key_file``."""

    @model_validator(mode="after")
    def _one_key(self) -> Dkim:
        if (self.key_file is None) == (self.key is None):
            raise ValueError("write key_file or key, one of the two")
        return self


DkimKeys = Annotated[tuple[Dkim, ...], Field(max_length=4)]


class Sender(Model):
    """From whom a briefing comes. ``envelope`` takes the bounces; it is the address itself unless given."""

    name: Line
    address: Address
    reply_to: Address | None = None
    envelope: Address | None = None
    dkim: DkimKeys | None = None
    """The keys that sign this briefing; the publication's unless given. An empty list signs nothing."""
