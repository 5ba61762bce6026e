"""Addresses that mail does not reach: what an edition's failures and reports of other servers say, counted."""

from __future__ import annotations

import logging

from newsletter.audience import bounces
from newsletter.audience.bounces import Limit
from newsletter.delivery.failures import failures
from newsletter.delivery.rulebook import built_in
from newsletter.press.site import Site

_log = logging.getLogger(__name__)


def limit(site: Site) -> Limit:
    """When this site gives an address up."""
    return Limit(site.settings.bounces.limit, site.settings.bounces.half_life)


def count(site: Site, edition_id: int, key: str) -> int:
    """Counts what has failed for good in an edition; returns how many addresses are suppressed for it now.

    A page is a transaction of its own. May be called at any time, as often as wanted.
    """
    rules = {
        name: built_in().with_rules(one.limits.replies, f"backends.{name}.limits.replies")
        for name, one in site.settings.backends.items()
    }
    stopped = 0
    with site.database.reading() as session:
        for page in failures(session, edition_id, rules):
            if page:
                with site.database.writing() as writing:
                    stopped += bounces.count(writing, page, limit(site))
    if stopped:
        _log.info("suppressed", extra={"action": "bounce", "edition": key, "readers": stopped})
    return stopped
