"""A reader's own mail, read again on the web."""

from __future__ import annotations

from sqlalchemy import and_, select

from newsletter.audience.leaving import reader
from newsletter.delivery.ledger import Recipient
from newsletter.delivery.models import delivery
from newsletter.editions.models import Edition, Variant
from newsletter.errors import NotFound
from newsletter.press.messages import frozen, html_of
from newsletter.press.site import Site


def own_mail(site: Site, edition_id: int, number: int) -> str:
    """The HTML of an edition as it was frozen for a reader, with their own name and links.

    Raises `NotFound` where the edition is not frozen for this reader, or the reader was erased.
    """
    with site.database.reading() as session:
        row = session.execute(
            select(Edition, Variant)
            .join(delivery, and_(delivery.c.edition_id == Edition.id, delivery.c.subscriber_id == number))
            .join(Variant, and_(Variant.edition_id == Edition.id, Variant.no == delivery.c.variant))
            .where(Edition.id == edition_id)
        ).one_or_none()
        who = reader(session, number)
        if row is None or who is None:
            raise NotFound("this reader has no such mail")
        recipient = Recipient(number, who.email, who.first_name, 0)
    return html_of(site, row.Edition, frozen(row.Variant), recipient)
