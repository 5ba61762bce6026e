"""The links of an edition, asked over the network because somebody wants to know."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.checks.online import Answer, ask, collect
from newsletter.press.render import variants
from newsletter.press.site import Site
from newsletter.stories.importers.fetch import Guard


def links(site: Site, key: str, guard: Guard | None = None) -> Iterator[Answer]:
    """What each link and picture of an edition answers now, as the answers arrive; see `checks.online.ask`.

    ``guard`` is the importers' unless given: it connects to public addresses only, at every redirect. Raises
    `NotFound`, `Refused` and `TemplateError` before the first request.
    """
    found = collect(variants(site, key))
    return ask(found, guard or Guard(site.clock))
