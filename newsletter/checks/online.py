"""Links asked over the network: only when somebody wants it, politely, and each answer as it comes.

No check does this. A link of a reader's own is never followed, so nobody is signed off by it.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import urldefrag, urlsplit

from newsletter.checks.links import addresses
from newsletter.checks.registry import CheckedVariant
from newsletter.errors import ImportRefused
from newsletter.stories.importers.fetch import Guard

MOST = 300
"""Addresses that are asked in one go."""
AT_ONCE = 8
"""Requests under way."""
APART = 0.5
"""Seconds between two requests to one host, which never has two under way."""
LONGEST = 180.0
"""Seconds for all of them."""
HEAVY = 1_000_000
"""Bytes of a picture."""
_CLOSED = frozenset({401, 402, 403, 406, 429, 451, 503})
"""What servers say to programs that they do not know, too."""


class Verdict(StrEnum):
    """What a reader who follows a link will find."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    """Somebody should look at it."""
    BROKEN = "broken"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Link:
    """An address of an edition, once. ``where`` is the first place, ``segments`` are all whose variants have it."""

    address: str
    where: str
    segments: tuple[str, ...]
    picture: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a link."""

    link: Link
    verdict: Verdict
    message: str
    status: int | None = None
    """Of HTTP; None where there was no answer."""
    leads_to: str = ""
    """Where redirects led; empty where there were none."""
    content_type: str = ""
    length: int | None = None
    """Bytes, where the server says so."""


def collect(variants: Mapping[str, CheckedVariant]) -> tuple[Link, ...]:
    """The addresses of an edition that can be asked, each once, in the order in which readers meet them.

    What begins with something else than http or https, and every link of a reader's own, is left out.
    """
    found: dict[str, Link] = {}
    for segment, variant in variants.items():
        for where, address, _, _ in addresses(variant):
            address = urldefrag(address).url
            if not address.lower().startswith(("http://", "https://")):
                continue
            picture = where.startswith("picture")
            known = found.setdefault(address, Link(address, where, (), picture))
            more = () if segment in known.segments else (segment,)
            found[address] = replace(known, segments=known.segments + more, picture=known.picture or picture)
    return tuple(found.values())


def ask(links: Iterable[Link], guard: Guard) -> Iterator[Answer]:
    """Asks links over the network; the answers come in the order in which they arrive.

    `AT_ONCE`, `APART`, `MOST` and `LONGEST` bound it; what is beyond them is told as not asked. Whoever stops reading
    stops the asking: what is under way ends by itself within the guard's time.
    """
    run = _Run(guard, *_by_host(links))
    yield from run.answers()


def _by_host(links: Iterable[Link]) -> tuple[dict[str, deque[Link]], list[Link]]:
    waiting: dict[str, deque[Link]] = {}
    beyond: list[Link] = []
    for number, link in enumerate(links):
        if number >= MOST:
            beyond.append(link)
        else:
            waiting.setdefault(_host(link.address), deque()).append(link)
    return waiting, beyond


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


@dataclass
class _Run:
    guard: Guard
    waiting: dict[str, deque[Link]]
    beyond: list[Link]
    free_at: dict[str, float] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)
    came: queue.Queue[tuple[str, Answer]] = field(default_factory=queue.Queue)

    def answers(self) -> Iterator[Answer]:
        end = self.guard.clock.monotonic() + LONGEST
        # Every turn begins a request, or takes an answer, or waits for one of the two: `end` is its bound.
        while (self.waiting or self.under_way) and self.guard.clock.monotonic() < end:
            pause = self._begin()
            left = end - self.guard.clock.monotonic()
            try:
                host, answer = self.came.get(timeout=max(0.001, min(pause, left)))
            except queue.Empty:
                continue
            self.under_way.discard(host)
            yield answer
        for link in (*(link for links in self.waiting.values() for link in links), *self.beyond):
            yield Answer(link, Verdict.NOT_ASKED, f"more than {MOST} links, or more than {LONGEST:g} seconds")

    def _begin(self) -> float:
        """Begins what may be begun; returns the seconds until something more may be."""
        now, soonest = self.guard.clock.monotonic(), LONGEST
        for host in list(self.waiting):
            if len(self.under_way) >= AT_ONCE:
                return soonest
            if host in self.under_way:
                continue
            if (free_at := self.free_at.get(host, now)) > now:
                soonest = min(soonest, free_at - now)
                continue
            link = self.waiting[host].popleft()
            if not self.waiting[host]:
                del self.waiting[host]
            self.under_way.add(host)
            self.free_at[host] = now + APART
            threading.Thread(target=self._ask, args=(host, link), daemon=True, name="link").start()
        return soonest

    def _ask(self, host: str, link: Link) -> None:
        try:
            answer = _answer(link, self.guard)
        except Exception as error:  # whatever it is, the one who waits for it must hear of it
            answer = Answer(link, Verdict.DOUBTFUL, f"it could not be asked: {type(error).__name__}")
        self.came.put((host, answer))


def _answer(link: Link, guard: Guard) -> Answer:
    try:
        probed = guard.probe(link.address)
    except ImportRefused as error:
        return Answer(link, Verdict.BROKEN, error.message)
    verdict, message = _judge(link, probed.status, probed.content_type, probed.length)
    leads_to = probed.url if probed.url != link.address else ""
    return Answer(link, verdict, message, probed.status, leads_to, probed.content_type, probed.length)


def _judge(link: Link, status: int, content_type: str, length: int | None) -> tuple[Verdict, str]:
    if status in _CLOSED:
        return Verdict.DOUBTFUL, f"answered {status}: open it in a browser, it may be closed to programs only"
    if not 200 <= status < 300:
        return Verdict.BROKEN, f"answered {status}"
    if link.picture and content_type and not content_type.startswith("image/"):
        return Verdict.BROKEN, f"is {content_type}, which is no picture"
    if link.picture and length is not None and length > HEAVY:
        return Verdict.DOUBTFUL, f"is a picture of {length / 1e6:.1f} MB: give the story one of less than 1 MB"
    return Verdict.GOOD, f"answered {status}"
