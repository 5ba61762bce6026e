"""Editions for the checks that look at how a mail is shown: a good one, and bad ones that exactly one check catches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from newsletter.checks import CheckedVariant, CheckInput, Severity, StoryFact
from newsletter.testing.samples import ordinary
from tests import mails


def edition(html: str | None = None) -> CheckInput:
    """The ordinary sample edition, or the same with another HTML part."""
    view, rendered = ordinary(), mails.rendered("ordinary")
    if html is not None:
        rendered = replace(rendered, html=html)
    return CheckInput(
        key=view.key,
        date=view.date,
        state="ready",
        at=datetime(2026, 11, 23, 6, tzinfo=UTC),
        stories=tuple(
            StoryFact(story.key, story.headline, section.key, "", "usable")
            for section in view.sections
            for story in section.stories
        ),
        publication=view.publication,
        variants={view.segment: CheckedVariant(view, rendered)},
    )


def changed(old: str, new: str) -> CheckInput:
    """The good edition with a piece of its HTML put otherwise."""
    source = mails.rendered("ordinary").html
    assert old in source, "a mutation that changes nothing proves nothing"
    return edition(source.replace(old, new))


def added(html: str) -> CheckInput:
    """The good edition with something at its end, inside the element that has its language."""
    return changed("</div></body>", f"{html}</div></body>")


BLOCK, WARN, NOTE = Severity

BAD_EDITIONS: dict[str, tuple[str, Severity, Callable[[], CheckInput]]] = {
    "pale words": ("contrast", WARN, lambda: changed("color:#595959", "color:#8a8a8a")),
    "words that nobody can read": ("contrast", BLOCK, lambda: changed("color:#595959", "color:#eeeeee")),
    "dark words in the dark": (
        "contrast",
        BLOCK,
        lambda: changed(".s, .c a.n { color: #ededed", ".s, .c a.n { color: #1a1a1a"),
    ),
    "dark words in Outlook's dark": (
        "contrast",
        BLOCK,
        lambda: changed(
            "[data-ogsc] .m, [data-ogsc] img { color: #b3b3b3", "[data-ogsc] .m, [data-ogsc] img { color: #222222"
        ),
    ),
    "a table that is read out": (
        "accessibility",
        WARN,
        lambda: added("<table><tr><td>Tides</td></tr></table>"),
    ),
    "no language in the body": ("accessibility", WARN, lambda: changed('role="article" lang="en"', 'role="article"')),
    "the lead in WebP": ("support", BLOCK, lambda: changed("harbour.jpg?quality=75&amp;auto=webp", "harbour.webp")),
    "columns by flex": (
        "support",
        BLOCK,
        lambda: added(
            '<div style="display:flex;background:#ffffff;color:#1a1a1a"><div>One column</div><div>Another column</div></div>'
        ),
    ),
    "a button without room in Outlook": ("support", NOTE, lambda: changed("; mso-padding-alt:13px 22px", "")),
}
"""By what is wrong: the check's code, how bad it is, and what makes the edition."""
