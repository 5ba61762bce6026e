"""Our own export: `subscribers.export` writes it, with each reader's date and what they left."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.audience.formats.base import Format, Standing, State, date
from newsletter.audience.suppression import Reason

_STATES = {Reason.UNSUBSCRIBED: State.LEFT, Reason.BOUNCE: State.BOUNCED, Reason.COMPLAINT: State.COMPLAINED,
           Reason.MANUAL: State.STOPPED, Reason.ERASED: State.LEFT}  # fmt: skip


class _Ours(Format):
    key, title = "newsletter", "newsletter"
    known_by = (frozenset({"email", "consent source", "suppressed"}),)
    columns = dict.fromkeys(("created", "consent", "consent source", "suppressed"), "-")

    def read(self, row: Mapping[str, str], file: str) -> Standing:
        state, left = State.SUBSCRIBED, []
        for part in filter(None, (part.strip() for part in row.get("suppressed", "").split(","))):
            briefing, _, reason = part.rpartition("=")
            if reason not in list(Reason):
                raise ValueError(f"suppressed: “{reason[:40]}” is none of {', '.join(Reason)}")
            if briefing:
                left.append(briefing)
            else:
                state = _STATES[Reason(reason)]
        return Standing(state=state, since=date(row.get("created", "")), left=tuple(left))


OURS = _Ours()
