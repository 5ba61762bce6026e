"""What the check of accessibility finds, rule by rule. That axe says the same is shown in a real browser."""

from __future__ import annotations

import pytest

from newsletter.checks import Finding, Severity
from newsletter.checks.accessibility import accessibility
from newsletter.checks.assistive import problems
from newsletter.checks.contrast import pale
from newsletter.checks.styled import DARK, LIGHT, OUTLOOK_DARK, Styled
from newsletter.testing.samples import VARIANTS
from tests import mails
from tests.corpus.accessible import BARRIERS, NO_BARRIER
from tests.corpus.editions import edition
from tests.corpus.pages import FERRY, page

OTHERS = frozenset(
    ("document-title", "heading-order", "html-has-lang", "image-alt", "link-name", "page-has-heading-one")
)
"""Rules that other checks have."""


def findings(html: str) -> list[Finding]:
    return list(accessibility(edition(html)))


@pytest.mark.parametrize("name", [name for name, (rule, _) in BARRIERS.items() if rule not in OTHERS])
def test_a_barrier_breaks_exactly_its_rule(name: str) -> None:
    rule, html = BARRIERS[name]
    assert {problem.rule for problem in problems(Styled(html))} == {rule}


@pytest.mark.parametrize("name", NO_BARRIER)
def test_what_is_no_barrier_breaks_no_rule(name: str) -> None:
    assert list(problems(Styled(NO_BARRIER[name]))) == []


@pytest.mark.parametrize("name", VARIANTS)
def test_no_sample_mail_has_a_barrier_or_pale_words(name: str) -> None:
    styled = Styled(mails.html(name))
    assert list(problems(styled)) == []
    assert [one for environment in (LIGHT, DARK, OUTLOOK_DARK) for one in pale(styled, environment)] == []


def test_a_barrier_that_stands_often_is_one_finding_with_its_number() -> None:
    (finding,) = findings(page(f"<table><tr><td>{FERRY}</td></tr></table>" * 3))
    assert finding.severity == Severity.WARN
    assert finding.message == "a table for the layout is read out as a table (and 2 more)"
    assert finding.where.startswith("HTML part, <table> “A ferry")


def test_a_link_by_colour_alone_in_the_dark_is_told_of_as_such() -> None:
    head = "<style>@media (prefers-color-scheme: dark) { p { color: #ededed; background: #121212; } a { color: #d0d0ff !important; } }</style>"
    link = '<a href="https://courier.example.org/a" style="color:#0066cc;text-decoration:none">All of it</a>'
    (finding,) = findings(page(f"<p>{FERRY} {link}</p>", head=head, style="color:#000000"))
    assert finding.where.startswith("HTML part in the dark, <a>")


def test_thousands_of_links_in_one_paragraph_are_read() -> None:
    """Line by line and each once: to look at the whole paragraph for each of them would take minutes."""
    link = '<a href="https://courier.example.org/a" style="color:#1a1a8a;text-decoration:none">on</a>'
    (finding,) = findings(page(f"<p>{f'and so {link} ' * 5000}</p>"))
    assert finding.message.endswith("(and 4999 more)")
