"""What failures say about addresses, counted in groups: nobody there is one too many, the rest is scored and fades.

A failure that says hard stops the address at once. A soft one counts for one, at most once on a day of UTC, and fades
by half in each half-life; an address whose score comes to the limit is stopped. Counting the same failures again
changes nothing: what is not newer, by day, than the last one that was counted is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience.models import Bounce
from newsletter.audience.suppression import Reason, Stop, suppress_all


class Failure(NamedTuple):
    """A message that was not taken, and says something about the address. ``words`` are the server's."""

    address_hash: bytes
    email_norm: str
    at: datetime
    hard: bool
    words: str


@dataclass(frozen=True, slots=True)
class Limit:
    """When an address is given up."""

    score: float
    half_life: timedelta

    def after(self, before: Bounce | None, at: datetime) -> float:
        """The score with one more soft failure at an instant."""
        if before is None:
            return 1.0
        return 1.0 + before.score * math.exp2(-(max(at - before.at, timedelta()) / self.half_life))


def count(session: Session, failures: Iterable[Failure], limit: Limit) -> int:
    """Counts failures, the earliest first, in the caller's transaction; returns how many addresses are stopped now."""
    last: dict[bytes, Failure] = {}
    for one in failures:
        known = last.get(one.address_hash)
        if known is None or (one.hard, one.at) > (known.hard, known.at):
            last[one.address_hash] = one
    if not last:
        return 0
    before = {row.address_hash: row for row in session.scalars(select(Bounce).where(Bounce.address_hash.in_(last)))}
    scored, stops = [], []
    for hashed, one in last.items():
        row = before.get(hashed)
        if row is not None and (one.at <= row.at if one.hard else one.at.date() <= row.at.date()):
            continue
        score = limit.score if one.hard else limit.after(row, one.at)
        scored.append({"address_hash": hashed, "score": score, "at": one.at})
        if score >= limit.score:
            stops.append(Stop(hashed, "", one.email_norm, Reason.BOUNCE, one.words, one.at))
    if scored:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(Bounce)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["address_hash"],
                set_={"score": statement.excluded.score, "at": statement.excluded.at},
            ),
            scored,
        )
    return len(suppress_all(session.connection(), stops))
