"""What is held, withheld, killed, embargoed or expired does not go out, whatever was so when it was chosen."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.editions.candidates import why_unusable


@check("story-status", final="decide it where it is decided: release the story, wait for its embargo, or leave it out")
def story_status(subject: CheckInput) -> Iterable[Finding]:
    for story in subject.stories:
        if why := why_unusable(story.status, story.embargo_until, story.expires_at, subject.at):
            yield Finding(
                "story-status",
                Severity.BLOCK,
                f"section {story.section}, story {story.slug}",
                f"“{story.headline}” may not go out: {why}",
                "assemble again, or exclude it",
                (story.segment,) if story.segment else (),
            )
