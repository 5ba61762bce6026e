"""No reader meets a story twice in one edition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check


@check("same-story")
def same_story(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        stories = variant.view.stories
        for key, count in Counter(story.key for story in stories).items():
            if count > 1:
                yield Finding(
                    "same-story",
                    Severity.BLOCK,
                    f"story {key}",
                    f"it stands in the edition {count} times",
                    "exclude it from one of its sections",
                    (segment,),
                )
        one = {story.key: story for story in stories}.values()
        for what, values in (
            ("headline", Counter(story.headline.strip().casefold() for story in one)),
            ("link", Counter(story.url for story in one if story.url)),
        ):
            for value, count in values.items():
                if count > 1:
                    keys = [s.key for s in one if value in (s.headline.strip().casefold(), s.url)]
                    yield Finding(
                        "same-story",
                        Severity.WARN,
                        f"stories {', '.join(keys)}",
                        f"they have the same {what}",
                        "exclude all but one",
                        (segment,),
                    )
