"""The report: what became of everyone whom an edition was frozen for, with the names behind every number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Row,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber, Suppression
from newsletter.backends.base import Outcome, Result
from newsletter.database import Database
from newsletter.delivery.figures import Counts, Line, Name, Reason, Report
from newsletter.delivery.models import PUT_BACK, BatchState, Status, attempt, batch, delivery, from_ms, lane
from newsletter.delivery.retry import Judgement, judge
from newsletter.editions.counting import followed
from newsletter.editions.findings import used
from newsletter.editions.models import Edition, Variant
from newsletter.errors import NotFound

NO_REPLY = "no reply"
NEVER_TRIED = "never tried"
ABORTED = "edition aborted"
ERASED = "erased"
CHOICE = "the reader's choice"
"""A break, or a frequency that leaves the day out."""
NOT_TRIED_AGAIN = "put back, and then never tried"

_WITH_REASON = [status for status in Status if status not in (Status.ACCEPTED, Status.PENDING)]
_FACTOR = 65_536
"""More than any SMALLINT."""


def report(database: Database, edition_id: int) -> Report:
    """Counts an edition's deliveries, in one view of the database. Raises `NotFound`."""
    with database.reading() as session:
        edition = session.get(Edition, edition_id)
        if edition is None:
            raise NotFound(f"there is no edition {edition_id}")
        variants = {
            row.no: row
            for row in session.execute(
                select(Variant.no, Variant.segment, Variant.backends).where(Variant.edition_id == edition_id)
            )
        }
        lines, found = _lines(session, edition_id, variants)
        counts = _sum(line.counts for line in lines)
        batched = session.scalar(select(func.sum(batch.c.n)).where(batch.c.edition_id == edition_id)) or 0
        problems = []
        if counts.total != edition.recipients:
            problems.append(f"{edition.recipients} were frozen, and the ledger accounts for {counts.total}")
        if found != counts.total:
            problems.append(f"{found - counts.total} deliveries have a status or a variant that there is not")
        if batched != edition.recipients:
            problems.append(f"{edition.recipients} were frozen, and the batches hold {batched}")
        return Report(
            edition=edition.key,
            state=edition.state,
            frozen=edition.recipients,
            freezing=not edition.snapshot_done,
            counts=counts,
            on_the_wire=wire(session, edition_id),
            next_due=session.scalar(
                select(func.min(batch.c.due_at, type_=batch.c.due_at.type)).where(
                    batch.c.edition_id == edition_id, batch.c.state != BatchState.DONE
                )
            ),
            lines=lines,
            reasons=_reasons(session, edition, variants),
            problems=tuple(problems),
            overridden=used(session, edition_id),
            links=followed(session, edition_id),
        )


def wire(session: Session, edition_id: int | None) -> int:
    """How many messages of an edition, of all if it is None, are with a server at this moment."""
    mine = true() if edition_id is None else batch.c.edition_id == edition_id
    return session.scalars(
        select(func.count())
        .select_from(lane.join(batch, batch.c.id == lane.c.batch_id))
        .where(mine, batch.c.state == BatchState.LEASED)
    ).one()


def names(
    database: Database,
    edition_id: int,
    status: Status | None = None,
    *,
    reason: str | None = None,
    segment: str | None = None,
    limit: int = 1_000,
    after: int = 0,
) -> list[Name]:
    """The readers behind a number of the report, by ascending subscriber id after ``after``, at most ``limit``.

    ``reason`` is one of the report's. Raises `NotFound`.
    """
    with database.reading() as session:
        edition = session.get(Edition, edition_id)
        if edition is None:
            raise NotFound(f"there is no edition {edition_id}")
        source, why = _with_reason(edition)
        statement = (
            select(
                delivery.c.subscriber_id,
                Subscriber.email,
                delivery.c.status,
                Variant.segment,
                Variant.backends,
                delivery.c.backend,
                why.label("why"),
                attempt.c.reply,
                delivery.c.attempts,
                delivery.c.at,
            )
            .select_from(source.join(Variant, _variant_of(edition_id)))
            .where(delivery.c.edition_id == edition_id, delivery.c.subscriber_id > after)
            .order_by(delivery.c.subscriber_id)
            .limit(limit)
        )
        if status is not None:
            statement = statement.where(delivery.c.status == status)
        if reason is not None:
            statement = statement.where(why == reason)
        if segment is not None:
            statement = statement.where(Variant.segment == segment)
        return [
            Name(
                subscriber=row.subscriber_id,
                email=row.email or "",
                status=Status(row.status).name.lower(),
                segment=row.segment,
                backend=chosen_backend(row.backends, row.backend, row.attempts > 0),
                reason=row.why,
                reply=row.reply or "",
                attempts=row.attempts,
                at=from_ms(row.at) if row.at else None,
            )
            for row in session.execute(statement)
        ]


def _lines(session: Session, edition_id: int, variants: dict[int, Any]) -> tuple[tuple[Line, ...], int]:
    # Every delivery is looked at. One number that holds all four is grouped in half the time that four columns take.
    tried = case((delivery.c.attempts > 0, 1), else_=0)
    packed = (
        (cast(delivery.c.variant, BigInteger) * _FACTOR + delivery.c.backend) * 2 + tried
    ) * _FACTOR + delivery.c.status
    inner = select(packed.label("packed")).where(delivery.c.edition_id == edition_id).subquery()
    rows = session.execute(select(inner.c.packed, func.count()).group_by(inner.c.packed).order_by(inner.c.packed)).all()
    known = {status.value: status.name.lower() for status in Status}
    tally: dict[tuple[str, str], dict[str, int]] = {}
    for number, n in rows:
        rest, status = divmod(number, _FACTOR)
        rest, was_tried = divmod(rest, 2)
        no, place = divmod(rest, _FACTOR)
        if status in known and (variant := variants.get(no)) is not None:
            where = variant.segment, chosen_backend(variant.backends, place, bool(was_tried))
            counts = tally.setdefault(where, {})
            counts[known[status]] = counts.get(known[status], 0) + n
    lines = tuple(Line(segment, backend, Counts(**counts)) for (segment, backend), counts in tally.items())
    return lines, sum(n for _, n in rows)


def reasons_of(session: Session, edition: Edition, *deliveries: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Of those of some deliveries of an edition that were tried, or given up, and are not accepted: ``status``, ``why``
    and their number ``n``."""
    source, why = _with_reason(edition)
    rows = select(delivery.c.status, why.label("why")).select_from(source)
    return _grouped(session, rows.where(*deliveries, delivery.c.status.in_(_WITH_REASON)))


def _reasons(session: Session, edition: Edition, variants: dict[int, Any]) -> tuple[Reason, ...]:
    source, why = _with_reason(edition)
    rows = _grouped(
        session,
        select(
            delivery.c.variant,
            delivery.c.backend,
            (delivery.c.attempts > 0).label("tried"),
            delivery.c.status,
            why.label("why"),
        )
        .select_from(source)
        .where(
            delivery.c.edition_id == edition.id,
            delivery.c.status.in_(_WITH_REASON),
        ),
        attempt.c.reply,
    )
    reasons = (
        Reason(
            status=Status(row.status).name.lower(),
            segment=variant.segment,
            backend=chosen_backend(variant.backends, row.backend, row.tried),
            reason=row.why,
            blame=judged.blame.value if judged else "",
            meaning=judged.reason.value if judged else "",
            count=row.n,
            reply=row.reply or "",
        )
        for row in rows
        for judged in (_judged(Status(row.status), row.why, row.reply or ""),)
        if (variant := variants.get(row.variant)) is not None
    )
    return tuple(sorted(reasons, key=lambda one: (-one.count, one.status, one.segment, one.backend, one.reason)))


def _judged(status: Status, reason: str, reply: str) -> Judgement | None:
    """What a server's reply means; None where none spoke."""
    code, _, enhanced = reason.partition(" ")
    if not code.isdecimal():
        return None
    result = Result.DEFERRED if status in (Status.DEFERRED, Status.EXPIRED) else Result.REJECTED
    return judge(Outcome(result, int(code), enhanced, reply))


def _grouped(session: Session, rows: Select[Any], example: ColumnElement[str] | None = None) -> Sequence[Row[Any]]:
    """The distinct rows in order, each with its number ``n``, and the greatest ``example`` of it as ``reply``.

    Grouped from outside: PostgreSQL does not see that an expression with parameters is the same one twice.
    """
    inner = (rows if example is None else rows.add_columns(example.label("example"))).subquery()
    keys = [column for column in inner.c if column.name != "example"]
    counted: list[ColumnElement[Any]] = [func.count().label("n")]
    if example is not None:
        counted.append(func.max(inner.c.example).label("reply"))
    return session.execute(select(*keys, *counted).group_by(*keys).order_by(*keys)).all()


def _with_reason(edition: Edition) -> tuple[FromClause, ColumnElement[str]]:
    """Deliveries beside their last attempt and their subscriber, and the expression that says why."""
    latest: Select[tuple[int]] = select(func.max(attempt.c.id)).where(
        attempt.c.edition_id == delivery.c.edition_id, attempt.c.subscriber_id == delivery.c.subscriber_id
    )
    source = delivery.outerjoin(attempt, attempt.c.id == latest.correlate(delivery).scalar_subquery()).outerjoin(
        Subscriber, Subscriber.id == delivery.c.subscriber_id
    )
    suppression = (
        select(func.min(Suppression.reason))
        .where(
            Suppression.address_hash == Subscriber.address_hash,
            or_(Suppression.briefing == "", Suppression.briefing == edition.briefing),
        )
        .correlate(Subscriber)
        .scalar_subquery()
    )
    why = case(
        (and_(delivery.c.status == Status.SUPPRESSED, Subscriber.id.is_(None)), ERASED),
        (delivery.c.status == Status.SUPPRESSED, func.coalesce(suppression, CHOICE)),
        (delivery.c.status == Status.WITHDRAWN, ABORTED),
        (delivery.c.status.in_([Status.ACCEPTED, Status.PENDING]), ""),
        (attempt.c.id.is_(None), NEVER_TRIED),
        (attempt.c.result == PUT_BACK, NOT_TRIED_AGAIN),
        (and_(attempt.c.code == 0, attempt.c.enhanced_code == ""), NO_REPLY),
        else_=func.trim(cast(attempt.c.code, String) + literal(" ") + attempt.c.enhanced_code),
    )
    return source, why


def _variant_of(edition_id: int) -> ColumnElement[bool]:
    return and_(Variant.edition_id == edition_id, Variant.no == delivery.c.variant)


def chosen_backend(backends: list[str], place: int, tried: bool) -> str:
    """The backend that a delivery's ``place`` means; empty where none has been tried."""
    return backends[place] if tried and place < len(backends) else ""


def _sum(all_counts: Any) -> Counts:
    tally: dict[str, int] = {}
    for counts in all_counts:
        for one in fields(counts):
            tally[one.name] = tally.get(one.name, 0) + getattr(counts, one.name)
    return Counts(**tally)
