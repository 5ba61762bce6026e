"""What became of everyone."""

from __future__ import annotations

from newsletter.delivery import report as ledger
from newsletter.delivery.models import Status
from newsletter.editions import store
from newsletter.press.site import Site


def report(site: Site, key: str) -> ledger.Report:
    """The report of an edition. Raises `NotFound`."""
    with site.database.reading() as session:
        edition_id = store.find(session, key).id
    return ledger.report(site.database, edition_id)


def deliveries(site: Site, key: str, status: Status | None = None, *, limit: int = 1000) -> list[ledger.Name]:
    """The readers behind the report's numbers, those of one status if given."""
    with site.database.reading() as session:
        edition_id = store.find(session, key).id
    return ledger.names(site.database, edition_id, status, limit=limit)
