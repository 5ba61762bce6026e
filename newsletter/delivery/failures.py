"""Failures of an edition that say something about addresses, read in pages when there is time: never while a message
is on its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from newsletter.audience.bounces import Failure
from newsletter.audience.models import Subscriber
from newsletter.backends.base import Outcome, Result
from newsletter.delivery.models import Status, attempt, delivery
from newsletter.delivery.reasons import Harm
from newsletter.delivery.retry import judge
from newsletter.delivery.rulebook import Rulebook

PAGE = 1_000
_RESULTS = (Result.REJECTED.value, Result.DEFERRED.value)


def failures(session: Session, edition_id: int, rules: Mapping[str, Rulebook]) -> Iterator[list[Failure]]:
    """What failed for good in an edition and speaks against its address, in pages by subscriber.

    ``rules`` are those of each backend by name. By the last attempt alone: rejected counts by its reason, expired at
    most as soft. Policy, reputation, content and whatever is the backend's own are not among them.
    """
    after = 0
    # Every page begins behind the last one: the attempts are the bound.
    while True:
        rows = session.execute(
            select(
                *(attempt.c[name] for name in ("subscriber_id", "at", "result", "code", "enhanced_code", "reply")),
                attempt.c.backend,
                delivery.c.status,
                Subscriber.address_hash,
                Subscriber.email_norm,
            )
            .join(
                delivery,
                and_(
                    delivery.c.edition_id == attempt.c.edition_id,
                    delivery.c.subscriber_id == attempt.c.subscriber_id,
                    delivery.c.attempts == attempt.c.n,
                ),
            )
            .join(Subscriber, Subscriber.id == attempt.c.subscriber_id)
            .where(
                attempt.c.edition_id == edition_id,
                attempt.c.subscriber_id > after,
                attempt.c.result.in_(_RESULTS),
                delivery.c.status.in_((Status.REJECTED, Status.EXPIRED)),
            )
            .order_by(attempt.c.subscriber_id)
            .limit(PAGE)
        ).all()
        found = []
        for row in rows:
            outcome = Outcome(Result(row.result), row.code, row.enhanced_code, row.reply)
            harm = harm_of(outcome, rules.get(row.backend), tried_on=row.status == Status.EXPIRED)
            if harm is not Harm.NONE:
                found.append(Failure(row.address_hash, row.email_norm, row.at, harm is Harm.HARD, words(outcome)))
        yield found
        if len(rows) < PAGE:
            return
        after = rows[-1].subscriber_id


def harm_of(outcome: Outcome, rules: Rulebook | None = None, *, tried_on: bool = False) -> Harm:
    """What an outcome says about the address when there are no further tries.

    With ``tried_on`` it was tried again until its time was over: a 5xx among those was the backend's.
    """
    if tried_on and (outcome.result is Result.REJECTED or outcome.code >= 500):
        return Harm.NONE
    return judge(outcome, rules).harm


def words(outcome: Outcome) -> str:
    """An outcome as a suppression's note: reply code, enhanced status and the server's words."""
    code, rest = str(outcome.code or ""), outcome.reply.strip()
    rest = rest.removeprefix(code).lstrip(" -").removeprefix(outcome.enhanced).strip()
    return " ".join(part for part in (code, outcome.enhanced, rest) if part)
