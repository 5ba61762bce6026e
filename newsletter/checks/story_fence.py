"""A story that says who may get it goes to nobody else, and the segments that it names are there."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.editions.candidates import shut_out


@check("story-fence", final="decide it where it is decided: correct the story's only_to or never_to, or leave it out")
def story_fence(subject: CheckInput) -> Iterable[Finding]:
    for story in subject.stories:
        where = f"section {story.section}, story {story.slug}"
        for segment, variant in subject.variants.items():
            shown = any(one.key == story.slug for section in variant.view.sections for one in section.stories)
            if shown and any(shut_out(fence, segment) for fence in story.fences):
                yield Finding(
                    "story-fence",
                    Severity.BLOCK,
                    where,
                    f"“{story.headline}” says that {segment} never gets it",
                    "assemble again, take its newer version, or leave it out for them",
                    (segment,),
                )
        named = {name for fence in story.fences for names in fence.values() for name in names}
        for name in sorted(named - subject.segments):
            yield Finding(
                "story-fence",
                Severity.WARN,
                where,
                f"only_to or never_to names “{name}”, which is no segment: it keeps the story from nobody by that name",
                "write a key of subscribers/segments.yaml",
            )
