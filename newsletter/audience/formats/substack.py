"""Substack: one CSV of addresses, ``email_list.….csv`` in the zip of an export. A subscription is what somebody pays
for; who gets mail and does not pay has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from newsletter.audience.formats.base import Format, Person, Standing, State, date, iso, known, named, truth

_OTHERS = ("expiry", "plan", "type", "first_payment_at")


class _Substack(Format):
    key, title = "substack", "Substack"
    known_by = (frozenset({"email", "active_subscription"}),)
    columns: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("name", "active_subscription", "email_disabled", "created_at"), "-"),
        **{name: f"attributes.{name}" for name in _OTHERS},
    }

    def read(self, row: Mapping[str, str], file: str) -> Standing:
        disabled = truth(row.get("email_disabled", ""))
        return Standing(
            state=State.LEFT if disabled else State.SUBSCRIBED,
            since=date(row.get("created_at", "")),
            note="email disabled at Substack" if disabled else "",
            fields=known(**named(row.get("name", ""))),
            attributes={"active_subscription": truth(row.get("active_subscription", ""))},
        )

    def files(self, attributes: Sequence[str]) -> dict[str, list[str]]:
        columns = "email name active_subscription expiry plan email_disabled created_at first_payment_at"
        return {"email_list.csv": columns.split()}

    def write(self, person: Person, attributes: Sequence[str]) -> tuple[str, list[object]]:
        has = person.attributes
        return "email_list.csv", [
            person.email, person.name, bool(has.get("active_subscription")), has.get("expiry"), has.get("plan"),
            person.state is not State.SUBSCRIBED, iso(person.since), has.get("first_payment_at"),
        ]  # fmt: skip


SUBSTACK = _Substack()
