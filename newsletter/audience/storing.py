"""Storing rows of an import, some thousand to a transaction, each counted once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, text

from newsletter.audience.addresses import Address
from newsletter.audience.columns import ATTRIBUTES, FIELDS, Values
from newsletter.audience.consent import Decision
from newsletter.audience.formats import Standing, State
from newsletter.audience.leaving import BY_HAND
from newsletter.audience.models import ConsentEvent, Subscriber, Suppression
from newsletter.audience.suppression import Reason, Stop, suppress_all
from newsletter.clock import Clock
from newsletter.database import Database


class Row(NamedTuple):
    """One row that could be read. ``standing`` is None where the file says nothing of it."""

    address: Address
    hashed: bytes
    values: Values
    standing: Standing | None


@dataclass(frozen=True)
class Terms:
    """On what terms rows are stored. ``at`` is when people of this wording and source were first imported (UTC): what
    has no date in the file was decided before it."""

    consent_id: int
    at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    """By the label (case-folded) that a row must have to get it, a briefing: new readers without have left that one."""
    return_id: int | None = None
    """The words with which readers who left here have come back; without it they stay left."""


_ENDS = {
    State.LEFT: Reason.UNSUBSCRIBED,
    State.BOUNCED: Reason.BOUNCE,
    State.COMPLAINED: Reason.COMPLAINT,
    State.STOPPED: Reason.MANUAL,
}
_YES = (Decision.RETURNED.value, Decision.CONFIRMED.value)
_STORED = ("email_norm", *FIELDS, "attributes", "id")
_INSERTED = (
    "email email_norm address_hash first_name last_name country region language timezone frequency tags attributes "
    "consent_id created_at updated_at"
)
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(1024)
def _tags_json(tags: tuple[str, ...]) -> str:
    return _json(tags)


class Storing:
    """One import: what was counted, and which readers it has met."""

    def __init__(self, database: Database, terms: Terms, clock: Clock, known: int) -> None:
        """``known`` is the highest number of a reader before."""
        self._database, self._terms, self._clock = database, terms, clock
        self.counts: Counter[str] = Counter()
        # A reader met before in this file is one with a number above all that there were, or with a bit here.
        self._known = known
        self._met = bytearray(known // 8 + 1)

    def store(self, batch: list[Row]) -> None:
        """Stores a batch in one transaction."""
        if not batch:
            return
        with self._database.write_connection() as connection:
            if not self._database.is_sqlite:
                # One writer at a time, as in SQLite, so that what is looked up holds until it is stored.
                connection.execute(text("LOCK TABLE subscriber IN SHARE ROW EXCLUSIVE MODE"))
            ended = [row for row in batch if row.standing is not None and row.standing.state in _ENDS]
            if ended:
                self._stop(connection, ended)
                batch = [row for row in batch if row.standing is None or row.standing.state not in _ENDS]
            if self._terms.return_id is not None:
                self._bring_back(connection, batch, self._terms.return_id)
            self._store(connection, batch)

    def _stop(self, connection: Connection, rows: list[Row]) -> None:
        """Suppresses who is not mailed there any more; not who has said yes here since."""
        yes = select(ConsentEvent.address_hash, func.max(ConsentEvent.at, type_=ConsentEvent.at.type)).where(
            ConsentEvent.address_hash.in_({row.hashed for row in rows}), ConsentEvent.decision.in_(_YES)
        )
        since = {bytes(hashed): at for hashed, at in connection.execute(yes.group_by(ConsentEvent.address_hash))}
        stops = []
        for address, hashed, _, standing in rows:
            assert standing is not None
            at = standing.ended or self._terms.at
            if hashed in since and since[hashed] > at:
                self.counts["unchanged"] += 1
                continue
            self.counts["left" if standing.state is State.LEFT else "suppressed"] += 1
            at = min(at, self._clock.now())
            stops.append(Stop(hashed, "", address.email_norm, _ENDS[standing.state], standing.note, at))
        suppress_all(connection, stops)

    def _bring_back(self, connection: Connection, batch: list[Row], return_id: int) -> None:
        """Lifts the leaving, and nothing else, of those who said yes again."""
        hashes = {row.hashed for row in batch}
        left = delete(Suppression).where(
            Suppression.address_hash.in_(hashes),
            Suppression.briefing == "",
            Suppression.reason == Reason.UNSUBSCRIBED.value,
            Suppression.note != BY_HAND,
        )
        back = [bytes(row[0]) for row in connection.execute(left.returning(Suppression.address_hash))]
        if back:
            known = dict(
                connection.execute(
                    select(Subscriber.address_hash, Subscriber.id).where(Subscriber.address_hash.in_(back))
                ).all()
            )
            at = self._clock.now()
            self._log(connection, [(known.get(one, 0), one, Decision.RETURNED, at, return_id) for one in back])

    def _log(self, connection: Connection, events: list[tuple[int, bytes, Decision, datetime, int]]) -> None:
        rows = [
            {"at": at, "subscriber_id": number, "address_hash": hashed, "decision": decision.value, "briefing": "",
             "consent_id": consent}
            for number, hashed, decision, at, consent in events
        ]  # fmt: skip
        if rows:
            connection.execute(insert(ConsentEvent), rows)

    def _store(self, connection: Connection, batch: list[Row]) -> None:
        gone = self._suppressed(connection, batch)
        rows: dict[str, Row] = {}
        for row in batch:
            norm = row.address.email_norm
            if row.hashed in gone:
                self.counts["suppressed"] += 1
            elif (earlier := rows.get(norm)) is None:
                rows[norm] = row
            else:
                self.counts["duplicates"] += 1
                rows[norm] = earlier._replace(values=_over(earlier.values, row.values))
        at = _stored_instant(self._clock.now())
        changed = []
        for stored in _find(connection, rows, sqlite=self._database.is_sqlite):
            new = rows.pop(stored[0]).values
            old = [*stored[1 : ATTRIBUTES + 1], _loaded(stored[ATTRIBUTES + 1])]
            old[ATTRIBUTES - 1] = tuple(_loaded(old[ATTRIBUTES - 1]))
            values = _over(old, new)
            same = values == old
            if not same:
                changed.append((*_columns(values), at, stored[-1]))
            if self._meet(stored[-1]):
                self.counts["duplicates"] += 1
            else:
                self.counts["unchanged" if same else "updated"] += 1
        if changed:
            assignments = ", ".join(f"{name} = {{}}" for name in (*FIELDS, "attributes", "updated_at"))
            _executemany(connection, f"UPDATE subscriber SET {assignments} WHERE id = {{}}", changed)  # noqa: S608
        self.counts["added"] += len(rows)
        new_rows = (
            (address.email, address.email_norm, hashed, *_columns(values), self._terms.consent_id,
             self._since(standing, at), at)
            for address, hashed, values, standing in rows.values()
        )  # fmt: skip
        if self._database.is_sqlite:
            names = _INSERTED.replace(" ", ", ")
            marks = ", ".join(["{}"] * len(_INSERTED.split()))
            _executemany(connection, f"INSERT INTO subscriber ({names}) VALUES ({marks})", list(new_rows))  # noqa: S608
        else:
            _copy(connection, new_rows)
        if told := {norm: row for norm, row in rows.items() if row.standing is not None}:
            self._keep_dates(connection, told)

    def _since(self, standing: Standing | None, now: int) -> int:
        since = standing.since if standing is not None else None
        return now if since is None else min(_stored_instant(since), now)

    def _keep_dates(self, connection: Connection, rows: dict[str, Row]) -> None:
        """What the file says of new readers beside their fields: when they confirmed, what briefings they have not."""
        stops, confirmed = [], {}
        for norm, (_, hashed, _, standing) in rows.items():
            assert standing is not None
            if standing.confirmed is not None:
                confirmed[norm] = hashed, min(standing.confirmed, self._clock.now())
            has = {label.casefold() for label in standing.labels}
            wants = {briefing for label, briefing in self._terms.labels.items() if label in has}
            lacks = {briefing for briefing in self._terms.labels.values() if briefing not in wants}
            for briefing in lacks | set(standing.left):
                note = "not on its list there" if briefing in lacks else ""
                at = standing.since or self._terms.at
                stops.append(Stop(hashed, briefing, norm, Reason.UNSUBSCRIBED, note, min(at, self._clock.now())))
        suppress_all(connection, stops)
        if confirmed:
            found = _find(connection, confirmed, sqlite=self._database.is_sqlite)
            self._log(
                connection,
                [(row[-1], *confirmed[row[0]][:1], Decision.CONFIRMED, confirmed[row[0]][1], self._terms.consent_id)
                 for row in found],
            )  # fmt: skip

    def _suppressed(self, connection: Connection, batch: list[Row]) -> set[bytes]:
        everywhere = select(Suppression.address_hash).where(Suppression.briefing == "")
        if connection.execute(everywhere.limit(1)).first() is None:
            return set()
        hashes = {row.hashed for row in batch}
        return {bytes(row[0]) for row in connection.execute(everywhere.where(Suppression.address_hash.in_(hashes)))}

    def _meet(self, subscriber_id: int) -> bool:
        if subscriber_id > self._known:
            return True
        byte, bit = subscriber_id >> 3, 1 << (subscriber_id & 7)
        met = self._met[byte] & bit
        self._met[byte] |= bit
        return bool(met)


def _over(old: Values, new: Values) -> Values:
    """The values of a later row over those of an earlier one."""
    merged = [before if now is None else now for before, now in zip(old, new, strict=True)]
    if old[ATTRIBUTES] and new[ATTRIBUTES]:
        merged[ATTRIBUTES] = {**old[ATTRIBUTES], **new[ATTRIBUTES]}
    return merged


def _attributes_json(attributes: dict[str, Any] | None) -> str:
    # Piece by piece: the encoder is quick with a text, and slow to begin with anything else.
    parts = [
        f"{_json(name)}:{repr(value) if type(value) in (int, float) else _json(value)}"
        for name, value in (attributes or {}).items()
    ]
    return f"{{{','.join(parts)}}}"


def _columns(values: Values) -> tuple[str, ...]:
    """The values as the columns hold them."""
    *plain, tags, attributes = values
    return (*[value or "" for value in plain], _tags_json(tags or ()), _attributes_json(attributes))


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value  # PostgreSQL's driver has read its JSON already


def _stored_instant(at: datetime) -> int:
    return int(Subscriber.created_at.type.process_bind_param(at, None))


def _find(connection: Connection, norms: Iterable[str], *, sqlite: bool) -> list[Any]:
    condition = "IN (SELECT value FROM json_each(?))" if sqlite else "= ANY(%s)"
    query = f"SELECT {', '.join(_STORED)} FROM subscriber WHERE email_norm {condition}"  # noqa: S608
    return list(connection.exec_driver_sql(query, (_json(list(norms)) if sqlite else list(norms),)))


def _executemany(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(statement.replace("{}", mark), rows)


def _copy(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    driver: Any = connection.connection.driver_connection
    names = _INSERTED.replace(" ", ", ")
    with driver.cursor() as cursor, cursor.copy(f"COPY subscriber ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
