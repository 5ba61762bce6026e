"""Mailchimp: a zip with one CSV for each kind of contact, subscribed, unsubscribed, cleaned and non-subscribed, which
the file's name and its columns tell. Its times have no zone and are taken for UTC."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import ClassVar

from newsletter.audience import vocabulary
from newsletter.audience.columns import FIELDS, field_value
from newsletter.audience.formats.base import Format, Person, Standing, State, date

_IGNORED = (
    "member_rating optin_time optin_ip confirm_time confirm_ip latitude longitude gmtoff dstoff timezone cc region "
    "last_changed leid euid tags unsub_time unsub_campaign_title unsub_campaign_id unsub_reason unsub_reason_other "
    "clean_time clean_campaign_title clean_campaign_id status"
)
_GUESSED = {"cc": "country", "region": "region", "timezone": "timezone"}
"""What Mailchimp guesses of an IP address: taken where it can be meant, and no reason to refuse anybody."""
_NAMES = {"nonsubscribed": State.UNCONFIRMED, "unsubscribed": State.LEFT, "cleaned": State.BOUNCED,
          "subscribed": State.SUBSCRIBED}  # fmt: skip
_STATES = {**_NAMES, "pending": State.UNCONFIRMED, "transactional": State.UNCONFIRMED, "archived": State.LEFT}
_HEAD, _DATES = ["Email Address", "First Name", "Last Name", "Language", "Frequency"], ["OPTIN_TIME", "CONFIRM_TIME"]


class _Mailchimp(Format):
    key, title = "mailchimp", "Mailchimp"
    known_by = (frozenset({"optin_time", "leid"}), frozenset({"optin_time", "member_rating"}),
                frozenset({"optin_time", "tags"}))  # fmt: skip
    columns: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(_IGNORED.split(), "-"),
        "first name": "first_name",
        "last name": "last_name",
        "email address": "email",
        "notes": "attributes.notes",
        "address": "attributes.address",
    }

    def read(self, row: Mapping[str, str], file: str) -> Standing:
        state = _state(row, file)
        labels = _labels(row.get("tags", ""))
        fields = {}
        for column, name in _GUESSED.items():
            if cell := row.get(column, "").strip():
                try:
                    fields[name] = field_value(name, cell)
                except ValueError:
                    continue
        if tags := vocabulary.tags(",".join(label.replace(",", " ") for label in labels)):
            fields["tags"] = tags
        confirmed = date(row.get("confirm_time", ""))
        reason = row.get("unsub_reason", "").strip()
        if state is State.LEFT and reason.lower() in ("spam", "abuse", "abuse complaint", "n/a (abuse)"):
            state = State.COMPLAINED
        kind = {State.LEFT: "unsubscribed", State.BOUNCED: "cleaned", State.COMPLAINED: "complained"}.get(state, "")
        return Standing(
            state=state,
            since=date(row.get("optin_time", "")) or confirmed,
            confirmed=confirmed,
            ended=date(row.get("unsub_time", "") or row.get("clean_time", "") or row.get("last_changed", "")),
            note=f"{kind} at Mailchimp{f': {reason}' if reason else ''}" if kind else "",
            labels=labels,
            fields=fields,
        )

    def files(self, attributes: Sequence[str]) -> dict[str, list[str]]:
        head, tail = [*_HEAD, *attributes, *_DATES], ["TIMEZONE", "CC", "REGION", "TAGS"]
        return {
            "subscribed_members.csv": [*head, *tail],
            "unsubscribed_members.csv": [*head, "UNSUB_TIME", "UNSUB_REASON", *tail],
            "cleaned_members.csv": [*head, "CLEAN_TIME", *tail],
        }

    def write(self, person: Person, attributes: Sequence[str]) -> tuple[str, list[object]]:
        has = {name: person.fields.get(name, "") for name in FIELDS}
        head: list[object] = [
            person.email,
            *(has[name] for name in ("first_name", "last_name", "language", "frequency")),
        ]
        head += [person.attributes.get(name) for name in attributes]
        head += [_time(person.since), _time(person.confirmed)]
        tail = [has["timezone"], has["country"], has["region"], ",".join(f'"{tag}"' for tag in person.tags)]
        if person.state is State.SUBSCRIBED:
            return "subscribed_members.csv", [*head, *tail]
        if person.state is State.BOUNCED:
            return "cleaned_members.csv", [*head, _time(person.ended), *tail]
        reason = "Abuse complaint" if person.state is State.COMPLAINED else ""
        return "unsubscribed_members.csv", [*head, _time(person.ended), reason, *tail]


def _state(row: Mapping[str, str], file: str) -> State:
    if status := row.get("status", "").strip().lower().replace("-", ""):
        if status not in _STATES:
            raise ValueError(f"status: “{status[:40]}” is none of {', '.join(_STATES)}")
        return _STATES[status]
    name = file.lower().replace("-", "").replace("_", "")
    for words, state in _NAMES.items():
        if name.startswith(words) or f"{words}members" in name or f"{words}email" in name:
            return state
    if "unsub_time" in row:
        return State.LEFT
    return State.BOUNCED if "clean_time" in row else State.SUBSCRIBED


def _labels(cell: str) -> tuple[str, ...]:
    """``"VIP","Blog"``: a row of CSV in a cell."""
    if not cell.strip():
        return ()
    found = next(csv.reader(io.StringIO(cell, newline=""), skipinitialspace=True), [])
    return tuple(name.strip() for name in found if name.strip())


def _time(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


MAILCHIMP = _Mailchimp()
