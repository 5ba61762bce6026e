"""Addresses that mail does not reach: what an edition's failures and reports of other servers say, counted."""

from __future__ import annotations

import logging

from newsletter.audience import bounces, leaving
from newsletter.audience.bounces import Failure, Limit
from newsletter.audience.suppression import Reason, suppress
from newsletter.backends.base import Outcome, Result
from newsletter.delivery.failures import failures, harm_of, words
from newsletter.delivery.reasons import Harm
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


def bounce(site: Site, reader: int, outcome: Outcome) -> bool:
    """Counts what another server reports of a mail that it had taken, the day on which it is read being its day;
    returns whether it speaks against the address. Of a reader who was erased nothing is kept."""
    harm = harm_of(outcome, tried_on=outcome.result is Result.DEFERRED)
    if harm is Harm.NONE:
        return False
    with site.database.writing() as session:
        if (row := leaving.reader(session, reader)) is not None:
            failure = Failure(row.address_hash, row.email_norm, site.clock.now(), harm is Harm.HARD, words(outcome))
            bounces.count(session, [failure], limit(site))
    return True


def complain(site: Site, reader: int) -> None:
    """Sends nothing any more to a reader who called a mail spam."""
    with site.database.writing() as session:
        row = leaving.reader(session, reader)
        if row is not None and suppress(session, row.email, Reason.COMPLAINT, site.clock, note="a provider's report"):
            _log.info("suppressed", extra={"action": "complaint", "reader": reader})
