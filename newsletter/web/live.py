"""What everybody who watches a send sees: one look a second, however many they are."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from newsletter import press
from newsletter.delivery.progress import Progress, Watch
from newsletter.press import Site
from newsletter.web.views import environment

SECONDS = 1.0
"""Between two looks at one edition."""
_EDITIONS = 16
"""How many editions are remembered: the rate wants the looks before."""


@dataclass(slots=True)
class _Seen:
    watch: Watch
    busy: threading.Lock = field(default_factory=threading.Lock)
    at: float = 0.0
    last: Progress | None = None
    pages: dict[bool, str] = field(default_factory=dict)
    """The last look as HTML, with links to names and without."""


class Live:
    """The sends of a site that somebody watches. May be asked from any thread."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.streams = 0
        """How many streams of events are open, of whatever; counted by the web server's loop alone."""
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, key: str) -> Progress:
        """How far an edition is, as of `SECONDS` ago at the most, or while somebody else looks a little longer.

        Raises `NotFound`.
        """
        return self._look(key)[1]

    def page(self, key: str, *, names: bool) -> tuple[Progress, str]:
        """The same, and as a part of a page, printed once for all. With ``names`` it links to the readers behind the
        numbers. Raises `NotFound`."""
        seen, progress = self._look(key)
        if (html := seen.pages.get(names)) is None:
            briefing = key.partition("/")[0]
            segments = self.site.segments
            known = [part.segment for part in progress.parts if part.segment in segments]
            html = (
                environment()
                .get_template("sending-live.html")
                .render(
                    key=key,
                    look=progress,
                    titles={segment: segments[segment].title for segment in known},
                    zone=self.site.settings.zone(briefing),
                    may_operate=names,
                )
            )
            seen.pages[names] = html
        return progress, html

    def _look(self, key: str) -> tuple[_Seen, Progress]:
        seen = self._of(key)
        if seen.last is not None and 0 <= self.site.clock.monotonic() - seen.at < SECONDS:
            return seen, seen.last
        # Whoever finds somebody looking takes what was seen before, so that no thread waits for the database twice.
        if not seen.busy.acquire(blocking=seen.last is None):
            assert seen.last is not None
            return seen, seen.last
        try:
            if seen.last is None or not 0 <= self.site.clock.monotonic() - seen.at < SECONDS:
                seen.last = seen.watch.look()
                seen.at = self.site.clock.monotonic()
                seen.pages = {}
            return seen, seen.last
        finally:
            seen.busy.release()

    def _of(self, key: str) -> _Seen:
        with self._lock:
            if (seen := self._seen.get(key)) is None:
                seen = self._seen[key] = _Seen(press.watching(self.site, key))
            self._seen.move_to_end(key)
            while len(self._seen) > _EDITIONS:
                self._seen.popitem(last=False)
            return seen
