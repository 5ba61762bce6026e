"""Clicks on the links of mails: counted for each link, for nobody in particular, a few seconds' worth in one commit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping

from newsletter.checks import CheckedVariant
from newsletter.editions import counting, store
from newsletter.editions.counting import CODE, Followed, Target
from newsletter.press.scanners import Click, Scanners
from newsletter.press.site import Site
from newsletter.rendering.counted import countable, counted
from newsletter.rendering.model import Rendered

_log = logging.getLogger(__name__)

FLUSH = 5.0
"""Seconds between two commits of counts. A process that is killed loses the clicks of that time."""
_SETTLE = 2.0
"""Seconds after which a click is no machine's any more for what its network did next."""
_MOST_TARGETS = 10_000


def links_of(rendered: Mapping[str, CheckedVariant]) -> Iterator[tuple[str, str]]:
    """``(address, words)`` of every link of an edition that can be counted, in order.

    The words of a picture come last: a headline says better what is behind an address that both lead to.
    """
    every = [
        link
        for variant in rendered.values()
        for link in variant.page.links
        if countable(link.href, variant.rendered.nonce)
    ]
    for link in every:
        words = link.text
        for alt in filter(None, link.alts):
            words = words.replace(alt, "")
        yield link.href, words.strip()
    for link in every:
        yield link.href, link.text.strip()


def as_counted(site: Site, rendered: Rendered, codes: Mapping[str, str]) -> Rendered:
    """A variant as it goes out: with the codes of its edition's links, where they are counted."""
    base = f"{site.settings.publication.base_url}/c/"
    return counted(rendered, {url: base + code for url, code in codes.items()})


def as_measured(site: Site, briefing: str, variant: CheckedVariant) -> Rendered:
    """A variant that is not locked yet, with links as long as they will be."""
    if not site.counts_clicks(briefing):
        return variant.rendered
    return as_counted(site, variant.rendered, {url: "g" * CODE for url, _ in links_of({"": variant})})


def clicks(site: Site, key: str) -> tuple[Followed, ...]:
    """How often each link of an edition was followed; none where that is not counted. Raises `NotFound`."""
    with site.database.reading() as session:
        return counting.followed(session, store.find(session, key).id)


class ClickCounter:
    """Follows codes, and counts. Made once for a process that serves; may be used from threads."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._scanners = Scanners(site.clock)
        self._lock = threading.Lock()
        self._targets: dict[str, Target] = {}
        self._fresh: list[Click] = []
        self._counts: dict[int, tuple[int, int]] = {}

    def follow(
        self, code: str, *, agent: str = "", address: str = "", prefetch: bool = False, head: bool = False
    ) -> str:
        """Where a code leads; empty for one that is not ours. Counts the click, unless it is only a ``head``.

        ``agent`` is what asks, by its own word, ``address`` from where; neither is kept.
        """
        if not counting.is_code(code) or (target := self._target(code)) is None:
            return ""
        with self._lock:
            click = self._scanners.seen(target, agent=agent, address=address, prefetch=prefetch, head=head)
            if not head:
                self._fresh.append(click)
        return target.url

    def _target(self, code: str) -> Target | None:
        if (known := self._targets.get(code)) is not None:
            return known
        with self._site.database.reading() as session:
            found = counting.target(session, code)
        # One whose edition has not begun to leave is looked up again: it has no beginning yet.
        if found is not None and found.began is not None:
            with self._lock:
                if len(self._targets) >= _MOST_TARGETS:
                    self._targets.clear()
                self._targets[code] = found
        return found

    def flush(self, *, last: bool = False) -> int:
        """Commits what has settled, with ``last`` everything; returns how many clicks. Blocks on the database."""
        with self._lock:
            until = float("inf") if last else self._site.clock.monotonic() - _SETTLE
            for click in self._fresh:
                if click.at <= until:
                    people, machines = self._counts.get(click.link, (0, 0))
                    self._counts[click.link] = (people + (not click.scanner), machines + click.scanner)
            self._fresh = [click for click in self._fresh if click.at > until]
            counts, self._counts = self._counts, {}
        if not counts:
            return 0
        try:
            with self._site.database.writing() as session:
                counting.add(session, counts)
        except Exception:
            # Counted at the next flush, if the database can be written to then.
            with self._lock:
                for link, (people, machines) in counts.items():
                    more = self._counts.get(link, (0, 0))
                    self._counts[link] = (people + more[0], machines + more[1])
            _log.exception("clicks wait", extra={"action": "clicks"})
            return 0
        return sum(people + machines for people, machines in counts.values())
