"""The links of an edition, asked over the network because somebody wants to know."""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from newsletter.checks.online import Answer, Link, Verdict, ask, collect
from newsletter.editions import store
from newsletter.errors import Refused
from newsletter.press.render import variants
from newsletter.press.site import Site
from newsletter.stories.importers.fetch import Guard

_log = logging.getLogger(__name__)

_REMEMBERED = 16
"""How many editions' answers are kept in memory."""
_ORDER = [Verdict.BROKEN, Verdict.DOUBTFUL, Verdict.NOT_ASKED, Verdict.GOOD]


def links(site: Site, key: str, guard: Guard | None = None) -> Iterator[Answer]:
    """What each link and picture of an edition answers now, as the answers arrive; see `checks.online.ask`.

    ``guard`` is the importers' unless given: it connects to public addresses only, at every redirect. Raises
    `NotFound`, `Refused` and `TemplateError` before the first request.
    """
    found = collect(variants(site, key))
    return ask(found, guard or Guard(site.clock))


@dataclass(frozen=True, slots=True)
class Asked:
    """One asking of an edition's links, as far as it is."""

    by: str
    at: datetime
    version: int
    """The edition's, when it began."""
    of: int
    """How many links there are."""
    answers: tuple[Answer, ...] = ()
    """What somebody should look at comes first."""
    over: bool = False

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many of each verdict."""
        counted = Counter(answer.verdict for answer in self.answers)
        return {verdict: counted[verdict] for verdict in _ORDER if counted[verdict]}


@dataclass(slots=True)
class LinkDesk:
    """Asks the links of one edition at a time, beside everything else, and remembers what they answered for as long as
    the process lasts. May be asked from any thread."""

    site: Site
    _asked: OrderedDict[str, Asked] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, key: str, by: str) -> None:
        """Begins to ask. Raises `Refused` while the links of any edition are being asked, and as `links` does."""
        found = collect(variants(self.site, key))
        with self.site.database.reading() as session:
            version = store.find(session, key).version
        with self._lock:
            if busy := [other for other, asked in self._asked.items() if not asked.over]:
                raise Refused(f"the links of {busy[0]} are being asked: begin when that is over")
            self._asked[key] = Asked(by, self.site.clock.now(), version, len(found), over=not found)
            self._asked.move_to_end(key)
            while len(self._asked) > _REMEMBERED:
                self._asked.popitem(last=False)
        if found:
            threading.Thread(target=self._ask, args=(key, found), name="links", daemon=True).start()

    def look(self, key: str) -> Asked | None:
        """How far the last asking of an edition's links is; None where nobody asked."""
        with self._lock:
            return self._asked.get(key)

    def is_old(self, key: str) -> bool:
        """Whether an edition was changed after its links were asked for."""
        asked = self.look(key)
        with self.site.database.reading() as session:
            return asked is not None and store.find(session, key).version != asked.version

    def _ask(self, key: str, found: tuple[Link, ...]) -> None:
        answers: list[Answer] = []
        try:
            for answer in ask(found, Guard(self.site.clock)):
                answers.append(answer)
                self._tell(key, answers)
        except Exception:
            _log.exception("asking the links broke off", extra={"action": "links", "edition": key})
        finally:
            self._tell(key, answers, over=True)

    def _tell(self, key: str, answers: list[Answer], *, over: bool = False) -> None:
        ordered = sorted(answers, key=lambda answer: _ORDER.index(answer.verdict))
        with self._lock:
            self._asked[key] = replace(self._asked[key], answers=tuple(ordered), over=over)
