"""A person is erased: from the audience, and from the ledger's words; its counts stay."""

from __future__ import annotations

import logging

from newsletter.audience import erasure
from newsletter.audience.consent import Said
from newsletter.delivery.reader import forget
from newsletter.press.site import Site

_log = logging.getLogger(__name__)


def erase(site: Site, email: str, said: Said) -> bool:
    """Deletes everything about a person, and returns whether there was one. ``said`` is by which words and by which way
    it was asked for.

    What stays: the salted hash of their addresses on the suppression list, so that no import brings them back; the
    consent log by that hash; and a row for each edition that they got, which has a number and no name, so that reports
    still add up. They get nothing that is not on the wire yet. Raises `AddressRefused`.
    """
    with site.database.writing() as session:
        number = erasure.erase(session, email, said, site.clock)
        if number is not None:
            forget(session, number)
    if number is not None:
        _log.info("erased", extra={"action": "erase", "reader": number, "way": said.source})
    return number is not None
