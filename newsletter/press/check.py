"""What the checks say of an edition as it would go out now."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.checks import CheckedVariant, Finding, run
from newsletter.checks.gather import gather
from newsletter.editions import store
from newsletter.press.render import variants
from newsletter.press.site import Site


def check(site: Site, key: str, rendered: Mapping[str, CheckedVariant] | None = None) -> list[Finding]:
    """Every finding, the blocking ones first. ``rendered`` saves rendering again what the caller has."""
    rendered = rendered if rendered is not None else variants(site, key)
    with site.database.reading() as session:
        edition = store.find(session, key)
        at = max(edition.due_at, site.clock.now())
        subject = gather(session, edition, site.publication, rendered, at=at, clients=site.settings.clients)
    return run(subject)
