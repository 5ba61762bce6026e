"""Ghost: one CSV of members. Whether somebody gets mail is one yes or no; which newsletters, it does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from newsletter.audience import vocabulary
from newsletter.audience.formats.base import Format, Person, Standing, State, date, iso, known, named, truth
from newsletter.text import one_line

_OTHERS = ("stripe_customer_id", "tiers", "gift_id")


class _Ghost(Format):
    key, title = "ghost", "Ghost"
    known_by = (frozenset({"email", "subscribed_to_emails"}),)
    columns: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("id", "name", "note", "subscribed_to_emails", "complimentary_plan", "created_at", "deleted_at", "labels"),
            "-",
        ),
        **{name: f"attributes.{name}" for name in _OTHERS},
    }

    def read(self, row: Mapping[str, str], file: str) -> Standing:
        deleted = date(row.get("deleted_at", ""))
        wanted = truth(row.get("subscribed_to_emails", ""))
        labels = tuple(part.strip() for part in row.get("labels", "").split(",") if part.strip())
        fields: dict[str, object] = known(**named(row.get("name", "")))
        if tags := vocabulary.tags(",".join(labels)):
            fields["tags"] = tags
        note = one_line(row.get("note", ""))
        return Standing(
            state=State.SUBSCRIBED if wanted and deleted is None else State.LEFT,
            since=date(row.get("created_at", "")),
            ended=deleted,
            note="deleted at Ghost" if deleted else "" if wanted else "wants no emails at Ghost",
            labels=labels,
            fields=fields,
            attributes={
                **({"note": note[:1000]} if note else {}),
                **({"complimentary_plan": True} if truth(row.get("complimentary_plan", "")) else {}),
            },
        )

    def files(self, attributes: Sequence[str]) -> dict[str, list[str]]:
        return {"members.csv": ["id", "email", "name", "note", "subscribed_to_emails", "complimentary_plan",
                                "stripe_customer_id", "created_at", "deleted_at", "labels", "tiers"]}  # fmt: skip

    def write(self, person: Person, attributes: Sequence[str]) -> tuple[str, list[object]]:
        has = person.attributes
        return "members.csv", [
            "", person.email, person.name, has.get("note"), person.state is State.SUBSCRIBED,
            bool(has.get("complimentary_plan")), has.get("stripe_customer_id"), iso(person.since), "",
            ",".join(person.tags), has.get("tiers"),
        ]  # fmt: skip


GHOST = _Ghost()
