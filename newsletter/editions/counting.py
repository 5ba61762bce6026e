"""The links of an edition that are counted: what stands for each in the mail, where it leads, how often somebody went.

A link has one code for all readers and all segments: a segment can be so small that it is nearly a person.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.editions.models import Edition, EditionLink

CODE = 12
"""Characters of a code: 48 bits."""
# Neither vowels, which make words, nor hex digits: no code can be taken for what stands for a reader's slot.
_LETTERS = "ghjkmnpqrstvwxyz"
_LABEL = 200


@dataclass(frozen=True, slots=True)
class Followed:
    """How often a link was followed: ``clicks`` by people, as far as can be told, ``by_scanners`` by machines."""

    label: str
    url: str
    clicks: int
    by_scanners: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where a code leads. ``began`` is when the edition's mails began to leave, in UTC."""

    link: int
    edition: int
    url: str
    began: datetime | None


def is_code(words: str) -> bool:
    """Whether something can be a code at all."""
    return len(words) == CODE and set(words) <= set(_LETTERS)


def register(session: Session, edition_id: int, links: Iterable[tuple[str, str]]) -> None:
    """Gives each of an edition's links, in the order of its mails, a code: ``(address, words)``; the first words of an
    address stand for it. In the transaction of the lock."""
    labels: dict[str, str] = {}
    for url, label in links:
        labels[url] = labels.get(url) or label
    for no, (url, label) in enumerate(labels.items(), start=1):
        code = "".join(secrets.choice(_LETTERS) for _ in range(CODE))
        session.add(EditionLink(edition_id=edition_id, no=no, code=code, url=url, label=label[:_LABEL]))


def codes(session: Session, edition_id: int) -> dict[str, str]:
    """By address, the code of every link of an edition that is counted; empty where none is."""
    rows = session.execute(select(EditionLink.url, EditionLink.code).where(EditionLink.edition_id == edition_id))
    return {row.url: row.code for row in rows}


def target(session: Session, code: str) -> Target | None:
    """Where a code leads; None for one that is not ours."""
    row = session.execute(
        select(EditionLink.id, EditionLink.edition_id, EditionLink.url, Edition.dated_at)
        .join(Edition, Edition.id == EditionLink.edition_id)
        .where(EditionLink.code == code)
    ).one_or_none()
    return None if row is None else Target(row.id, row.edition_id, row.url, row.dated_at)


def add(session: Session, counts: Mapping[int, tuple[int, int]]) -> None:
    """Adds to the counts of links, by number: ``(clicks, by scanners)``. Several processes may do so at once."""
    for link in sorted(counts):
        people, machines = counts[link]
        session.execute(
            update(EditionLink)
            .where(EditionLink.id == link)
            .values(clicks=EditionLink.clicks + people, by_scanners=EditionLink.by_scanners + machines)
            .execution_options(synchronize_session=False)
        )


def followed(session: Session, edition_id: int) -> tuple[Followed, ...]:
    """The counted links of an edition in the order of its mails; none where they are not counted."""
    rows = session.execute(
        select(EditionLink.label, EditionLink.url, EditionLink.clicks, EditionLink.by_scanners)
        .where(EditionLink.edition_id == edition_id)
        .order_by(EditionLink.no)
    )
    return tuple(Followed(*row) for row in rows)
