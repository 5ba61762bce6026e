"""What an smtp backend is told in the config."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from newsletter.backends.options import Options
from newsletter.backends.smtp.wire import Limits
from newsletter.config.kinds import Duration

_PORTS = {"implicit": 465, "starttls": 587, "none": 25}
_HOST = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$|^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$"


def is_loopback(host: str) -> bool:
    """Whether a host's name or address can only mean this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Timeouts(Options):
    """How long each answer is waited for: RFC 5321 section 4.5.3.2."""

    connect: Duration = timedelta(seconds=30)
    """TCP and the TLS handshake."""
    greeting: Duration = timedelta(minutes=5)
    command: Duration = timedelta(minutes=5)
    """EHLO, AUTH, MAIL, RCPT, RSET."""
    data: Duration = timedelta(minutes=2)
    """The 354 to DATA."""
    block: Duration = timedelta(minutes=3)
    """Each portion of a message."""
    dot: Duration = timedelta(minutes=10)
    """The reply to the final dot. Shorter means more messages in doubt."""

    @property
    def limits(self) -> Limits:
        """Those for an open connection, as a `Wire` wants them."""
        spans = self.command, self.data, self.block, self.dot
        return Limits(*(span.total_seconds() for span in spans))

    @model_validator(mode="after")
    def _positive(self) -> Timeouts:
        if any(getattr(self, name) <= timedelta(0) for name in type(self).model_fields):
            raise ValueError("a timeout is longer than nothing: write for example 5m")
        return self


class SmtpOptions(Options):
    """Where the server is, and how we speak with it."""

    host: Annotated[str, Field(pattern=_HOST, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """465, 587 or 25 unless given, as ``tls`` says."""
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    """From the first byte on (RFC 8314); after a STARTTLS without which nothing goes on; or not at all."""
    ca_file: Path | None = None
    """PEM file of the authorities to trust in place of the system's, counted from the site's folder."""
    allow_plaintext: bool = False
    """Needed for ``tls: none`` to another machine, and for a password with it, which only this machine ever gets."""
    username: Annotated[str, Field(min_length=1, pattern=r"^[^\x00]+$")] | None = None
    password: SecretStr | None = None
    auth: Literal["auto", "plain", "login", "xoauth2"] = "auto"
    """How to log in. ``auto`` takes XOAUTH2 with a token, and with a password PLAIN or else LOGIN, as is offered."""
    token: SecretStr | None = None
    """An OAuth 2 access token, in place of a password."""
    token_file: Path | None = None
    """A file that holds such a token, counted from the site's folder and read for every connection: whoever renews the
    token writes it there."""
    hostname: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$|^\[[A-Za-z0-9:.]+\]$")] | None = None
    """What we call ourselves in EHLO: this machine's full name, or its address, unless given."""
    connections: Annotated[int, Field(ge=1, le=1000)] = 10
    messages_per_connection: Annotated[int, Field(ge=1)] = 1000
    chunking: bool = True
    """Whether messages go by BDAT where the server offers CHUNKING and PIPELINING (RFC 3030, 2920)."""
    in_flight: Annotated[int, Field(ge=1, le=100)] = 1
    """How many messages by BDAT may be under way at once on a connection. Each is a reader in doubt after a crash."""
    idle_timeout: Duration = timedelta(minutes=1)
    """How long a connection with nothing to do is kept."""
    timeouts: Timeouts = Timeouts()

    @property
    def where(self) -> str:
        """``host:port``, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port_number}"

    @property
    def port_number(self) -> int:
        return self.port or _PORTS[self.tls]

    @model_validator(mode="after")
    def _safe(self) -> SmtpOptions:
        secrets = sum(secret is not None for secret in (self.password, self.token, self.token_file))
        if secrets > 1:
            raise ValueError("password, token and token_file are three ways to log in: write one")
        if (self.username is None) != (secrets == 0):
            raise ValueError("username and password (or token) come together: write both, or neither")
        if self.auth != "auto" and (self.auth == "xoauth2") != (self.password is None):
            raise ValueError("auth: xoauth2 goes with a token or token_file, plain and login go with a password")
        if self.password is not None and "\0" in self.password.get_secret_value():
            raise ValueError("the password has a NUL, which no server takes")
        if self.tls == "none":
            if not is_loopback(self.host) and not self.allow_plaintext:
                raise ValueError(
                    "tls: none is for this machine only: write tls: implicit or starttls, or allow_plaintext: true"
                )
            if self.username is not None and not (is_loopback(self.host) and self.allow_plaintext):
                raise ValueError(
                    "a password never goes out in the clear: write tls: implicit or starttls "
                    "(on this machine allow_plaintext: true does)"
                )
        return self
