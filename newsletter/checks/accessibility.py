"""Who hears a mail, enlarges it or uses no mouse, gets all of it: the Email Markup Consortium's rules, and axe's."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.checks.assistive import Problem, problems
from newsletter.checks.clients.breaks import quoted
from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.checks.styled import LIGHT


@check("accessibility")
def accessibility(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        found: dict[tuple[str, str], list[Problem]] = {}
        for problem in problems(variant.styled):
            found.setdefault((problem.rule, problem.what), []).append(problem)
        for (_, what), alike in found.items():
            first, more = alike[0], len(alike) - 1
            place = "" if first.environment is LIGHT else f" {first.environment.name}"
            yield Finding(
                "accessibility",
                Severity.NOTE if first.minor else Severity.WARN,
                f"HTML part{place}, <{first.node.tag}> {quoted(first.node)}",
                what + (f" (and {more} more)" if more else ""),
                first.mend,
                (segment,),
            )
