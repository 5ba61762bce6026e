"""The first story is new: one from the day before yesterday says that nobody looked at this edition."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.clock import format_duration

OLDEST = timedelta(hours=48)
"""Before the send; where editions are further apart, the time between two of them."""
_AHEAD = timedelta(hours=1)
"""What the clocks of two machines may differ by."""


@check("lead-age")
def lead_age(subject: CheckInput) -> Iterable[Finding]:
    published = {story.slug: story.published_at for story in subject.stories}
    oldest = max(OLDEST, subject.date - subject.last.date if subject.last else OLDEST)
    for segment, variant in subject.variants.items():
        lead = variant.view.lead
        at = published.get(lead.key) if lead else None
        if lead is None or at is None:
            continue
        if (age := subject.at - at) > oldest:
            hours = format_duration(timedelta(hours=round(age / timedelta(hours=1))))
            message = f"it was published {hours} before the send ({at:%Y-%m-%d %H:%M} UTC)"
        elif age < -_AHEAD:
            message = f"it says that it was published at {at:%Y-%m-%d %H:%M} UTC, which is after the send"
        else:
            continue
        mend = "pin another story as the lead, or correct the story's date"
        yield Finding("lead-age", Severity.WARN, f"story {lead.key}", message, mend, (segment,))
