"""What the checks say of an edition as it would go out now."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.checks import CheckedVariant, Finding, run
from newsletter.checks.built import build
from newsletter.checks.gather import gather
from newsletter.editions import store
from newsletter.press.audience import audience, largest_reader
from newsletter.press.messages import headers
from newsletter.press.render import variants
from newsletter.press.site import Site


def check(site: Site, key: str, rendered: Mapping[str, CheckedVariant] | None = None) -> list[Finding]:
    """Every finding, the blocking ones first. ``rendered`` saves rendering again what the caller has."""
    rendered = rendered if rendered is not None else variants(site, key)
    with site.database.reading() as session:
        edition = store.find(session, key)
        at = max(edition.due_at, site.clock.now())
        reader = largest_reader(site, session, edition.briefing)
        subject = gather(
            session,
            edition,
            site.publication,
            rendered,
            at=at,
            messages={
                segment: build(variant.rendered, headers(site, edition, segment, at), reader)
                for segment, variant in rendered.items()
            },
            audience=audience(site, session, edition),
        )
    return run(subject)
