"""Which clicks are a machine's: mail scanners follow every link of a mail, often before its reader has seen it.

What this goes by is forgotten within minutes. A network is known by a hash whose key is thrown away each day, and
nothing of it is written anywhere.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections import deque
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b

from newsletter.clock import Clock
from newsletter.editions.counting import Target

EARLY = timedelta(seconds=10)
"""So soon after an edition began to leave nobody has read it."""
_HEAD_FOR = 600.0
"""Seconds for which a HEAD speaks against what comes from the same network."""
_WITHIN = 1.0
_MANY = 3
"""So many links of one edition from one network within that many seconds: no person clicks like that."""
_MOST_KEPT = 20_000
"""Networks and HEADs that are kept in mind."""
_MOST_AT_ONCE = 100
"""Clicks of one network on one edition that are looked at together."""

_MACHINES = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|scan|preview|prefetch|monitor|headless|phantomjs|facebookexternalhit|whatsapp"
    r"|barracuda|proofpoint|mimecast|symantec|messagelabs|trend ?micro|sophos|forcepoint|websense|fireeye|trellix"
    r"|ironport|bitdefender|zscaler|palo ?alto|safelinks|fortinet|fortimail|checkpoint|avanan|cloudmark|spamhaus"
    r"|ms-office|microsoft office|microsoft-cryptoapi|google-safety|googleimageproxy|yahoomailproxy"
    r"|curl/|wget|python|go-http-client|java/|libwww|httpclient|okhttp|node-fetch|axios|guzzle|ruby|perl",
    re.IGNORECASE,
)


@dataclass(slots=True, eq=False)
class Click:
    """A click of the last moments. ``at`` is in monotonic seconds, ``network`` a hash, empty where it says nothing."""

    at: float
    network: bytes
    edition: int
    link: int
    scanner: bool


class Scanners:
    """Judges clicks as they come, and the ones just before them again. For one thread at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._day: date | None = None
        self._salt = b""
        self._recent: dict[tuple[bytes, int], deque[Click]] = {}
        self._heads: dict[tuple[bytes, int], float] = {}

    def seen(self, target: Target, *, agent: str, address: str, prefetch: bool, head: bool) -> Click:
        """A click, judged. One that came shortly before is judged again where this one says what it was."""
        now = self._clock.monotonic()
        click = Click(now, self._network(address), target.edition, target.link, scanner=False)
        if head:
            self._remember(click)
            return click
        click.scanner = prefetch or not agent.strip() or bool(_MACHINES.search(agent)) or self._early(target)
        if not click.network:
            return click
        if now - self._heads.get((click.network, click.link), -_HEAD_FOR) < _HEAD_FOR:
            click.scanner = True
        if len(self._recent) >= _MOST_KEPT:
            self._recent.clear()
        same = self._recent.setdefault((click.network, click.edition), deque(maxlen=_MOST_AT_ONCE))
        while same and now - same[0].at > _WITHIN:
            same.popleft()
        same.append(click)
        if len({one.link for one in same}) >= _MANY:
            for one in same:
                one.scanner = True
        return click

    def _early(self, target: Target) -> bool:
        return target.began is None or self._clock.now() < target.began + EARLY

    def _remember(self, click: Click) -> None:
        if click.network:
            if len(self._heads) >= _MOST_KEPT:
                self._heads.clear()
            self._heads[click.network, click.link] = click.at

    def _network(self, address: str) -> bytes:
        """A hash of the network that an address is in: 24 bits of an IPv4 address, 48 of an IPv6 one.

        Empty for an address that is not of the internet: behind a proxy that the configuration does not name,
        everybody has the same one.
        """
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return b""
        if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped:
            known = known.ipv4_mapped
        if not known.is_global:
            return b""
        if (today := self._clock.now().date()) != self._day:
            self._day, self._salt = today, os.urandom(32)
            self._recent.clear()
            self._heads.clear()
        return blake2b(known.packed[: 3 if known.version == 4 else 6], key=self._salt, digest_size=16).digest()
