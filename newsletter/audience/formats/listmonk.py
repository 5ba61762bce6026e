"""listmonk: one CSV of all subscribers, their attributes as JSON. What somebody is to a list is not in it: listmonk
exports one list and one status at a time. A column ``subscription_status``, as its API has it, is read where there
is one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from newsletter.audience.columns import FIELDS, MAX_ATTRIBUTE, field_value
from newsletter.audience.formats.base import Format, Person, Standing, State, date, named
from newsletter.audience.vocabulary import attribute_name
from newsletter.text import one_line

_STATES = {
    "enabled": State.SUBSCRIBED,
    "disabled": State.STOPPED,
    "blocklisted": State.LEFT,
    "blacklisted": State.LEFT,
}
_ON_LIST = {"confirmed": State.SUBSCRIBED, "unconfirmed": State.UNCONFIRMED, "unsubscribed": State.LEFT}
_DEEPEST = 3
_MOST_DIGITS = 10**15


class _Listmonk(Format):
    key, title = "listmonk", "listmonk"
    known_by = (frozenset({"email", "name", "attributes", "status"}),)
    columns = dict.fromkeys(
        ("uuid", "name", "attributes", "status", "created_at", "updated_at", "subscription_status", "lists"), "-"
    )

    def read(self, row: Mapping[str, str], file: str) -> Standing:
        status = row.get("status", "").strip().lower()
        if status not in _STATES:
            raise ValueError(f"status: “{status[:40]}” is none of enabled, disabled, blocklisted")
        on_list = row.get("subscription_status", "").strip().lower()
        if on_list and on_list not in _ON_LIST:
            raise ValueError(f"subscription_status: “{on_list[:40]}” is none of {', '.join(_ON_LIST)}")
        state = _STATES[status]
        if state is State.SUBSCRIBED and on_list:
            state = _ON_LIST[on_list]
        fields, attributes = _attributes(row.get("attributes", ""))
        if "first_name" not in fields and "last_name" not in fields:
            fields = {**named(row.get("name", "")), **fields}
        since, changed = date(row.get("created_at", "")), date(row.get("updated_at", ""))
        return Standing(
            state=state,
            since=since,
            confirmed=since if on_list == "confirmed" else None,
            ended=None if state in (State.SUBSCRIBED, State.UNCONFIRMED) else changed,
            note="" if state is State.SUBSCRIBED else f"{on_list or status} at listmonk",
            labels=tuple(part.strip() for part in row.get("lists", "").split(",") if part.strip()),
            fields=fields,
            attributes=attributes,
        )

    def files(self, attributes: Sequence[str]) -> dict[str, list[str]]:
        return {"subscribers.csv": ["email", "name", "attributes", "status", "created_at", "updated_at"]}

    def write(self, person: Person, attributes: Sequence[str]) -> tuple[str, list[object]]:
        own: dict[str, Any] = {**person.attributes, **{name: value for name, value in person.fields.items() if value}}
        if person.tags:
            own["tags"] = list(person.tags)
        status = {State.SUBSCRIBED: "enabled", State.STOPPED: "disabled"}.get(person.state, "blocklisted")
        changed = person.ended or person.since
        return "subscribers.csv", [
            person.email, person.name, json.dumps(own, ensure_ascii=False), status, _go(person.since), _go(changed),
        ]  # fmt: skip


def _go(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} +0000 UTC"


def _attributes(cell: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that a JSON object has by our names, and the rest as attributes."""
    if not cell.strip():
        return {}, {}
    try:
        data = json.loads(cell)
    except (ValueError, RecursionError):
        raise ValueError("attributes: no JSON: write an object such as {}") from None
    if not isinstance(data, dict):
        raise ValueError("attributes: no JSON object: write for example {}")
    fields: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, value in data.items():
        if name in FIELDS and isinstance(value, str | list) and value:
            words = ",".join(map(str, value)) if isinstance(value, list) else value
            fields[name] = field_value(name, words)
        else:
            attributes.update((key, one) for key, one in _flat(name, value, 1) if one != "")
    return fields, attributes


def _flat(name: str, value: Any, depth: int) -> Iterator[tuple[str, str | int | float | bool]]:
    """Names and plain values: an object's in it by both names, a list as one text."""
    if value is None:
        return
    if isinstance(value, dict) and depth < _DEEPEST:
        for inner, one in value.items():
            yield from _flat(f"{name}_{inner}", one, depth + 1)
        return
    if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < _MOST_DIGITS):
        yield attribute_name(name), value
    else:
        plain = isinstance(value, list) and all(isinstance(one, str | int | float) for one in value)
        words = ", ".join(map(str, value)) if plain else value if isinstance(value, str) else json.dumps(value)
        words = one_line(words)
        if len(words) > MAX_ATTRIBUTE:
            raise ValueError(f"attributes: {name[:40]} is longer than {MAX_ATTRIBUTE} characters")
        yield attribute_name(name), words


LISTMONK = _Listmonk()
