"""Questions to the DNS, with a bound on each and on all of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

import dns.exception
import dns.name
import dns.resolver

from newsletter.errors import NewsletterError

SECONDS = 3.0
"""For one question, its repetitions included."""
MOST = 200
"""Questions that one examination may ask."""


Host = IPv4Address | IPv6Address


class Unanswered(NewsletterError):
    """The DNS gave no answer."""


class Lookup(Protocol):
    """Where questions are asked. Tests hand in one of their own."""

    def txt(self, name: str) -> list[str]:
        """The TXT records of a name, each as one text; none where there is no such name. Raises `Unanswered`."""

    def addresses(self, name: str, version: int) -> list[Host]:
        """The IPv4 or IPv6 addresses of a name; none where there is no such name. Raises `Unanswered`."""

    def exchangers(self, name: str) -> list[str]:
        """The names of the mail exchangers of a name (MX); none where there are none. Raises `Unanswered`."""

    def exists(self, name: str) -> bool:
        """Whether there is such a name, whatever stands there. Raises `Unanswered`."""


class Dns:
    """The resolvers of this machine, or the one server given as an IP address and a port."""

    def __init__(self, server: str = "", port: int = 53) -> None:
        """Raises `Unanswered` where this machine has no resolver."""
        try:
            self._resolver = dns.resolver.Resolver(configure=not server)
        except dns.resolver.NoResolverConfiguration:
            raise Unanswered("this machine has no resolver: write --nameserver ADDRESS") from None
        if server:
            self._resolver.nameservers = [server]
            self._resolver.port = port
        self._resolver.lifetime = SECONDS
        self._known: dict[tuple[str, str], list[str] | None] = {}

    def txt(self, name: str) -> list[str]:
        return self._ask(name, "TXT") or []

    def addresses(self, name: str, version: int) -> list[Host]:
        return [ip_address(text) for text in self._ask(name, "A" if version == 4 else "AAAA") or []]

    def exchangers(self, name: str) -> list[str]:
        # A lone dot says that there is none (RFC 7505).
        return [found for text in self._ask(name, "MX") or [] if (found := text.rstrip("."))]

    def exists(self, name: str) -> bool:
        return self._ask(name, "NS") is not None

    def _ask(self, name: str, kind: str) -> list[str] | None:
        """The records, None where there is no such name. Each question is asked once."""
        asked = name.lower().rstrip("."), kind
        if asked not in self._known:
            if len(self._known) >= MOST:
                raise Unanswered(f"more than {MOST} questions: {name} was not asked for any more")
            self._known[asked] = self._answer(*asked)
        return self._known[asked]

    def _answer(self, name: str, kind: str) -> list[str] | None:
        try:
            answer = self._resolver.resolve(f"{name}.", kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return None
        except dns.resolver.YXDOMAIN:
            return []
        except (dns.resolver.NoNameservers, dns.exception.Timeout, OSError) as error:
            raise Unanswered(f"{name}: the DNS gave no answer ({type(error).__name__}): try again") from None
        except (dns.exception.DNSException, UnicodeError) as error:
            raise Unanswered(f"{name} cannot be looked up: {error}") from None
        if answer.rrset is None:
            return []
        if kind == "TXT":
            # RFC 7208 section 3.3, RFC 6376 section 3.6.2.2: the strings of a record are joined without a space.
            return [b"".join(record.strings).decode("utf-8", "replace") for record in answer.rrset]
        return [(record.exchange if kind == "MX" else record).to_text().lower() for record in answer.rrset]
