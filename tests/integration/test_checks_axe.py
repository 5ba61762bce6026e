"""The checks that look at how a mail is shown and read out say what axe says in Chromium, of every mail of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from newsletter.checks import run
from newsletter.checks.assistive import problems
from newsletter.checks.contrast import pale
from newsletter.checks.styled import DARK, LIGHT, Environment, Styled
from tests.corpus import BROKEN, GOOD
from tests.corpus.accessible import BARRIERS, NO_BARRIER
from tests.corpus.contrasts import CONTRASTS
from tests.corpus.editions import edition
from tools.browser import Browser, Scheme, browser


def _pages() -> Iterator[tuple[str, Callable[[], str]]]:
    # Of the sample editions test_judges shows that axe finds nothing; the unit tests, that we find nothing.
    yield from ((name, make) for name, make in GOOD.items() if not name.startswith("sample"))
    yield from ((name, one.html) for name, one in BROKEN.items())
    written = {f"contrast, {name}": html for name, html in CONTRASTS.items()}
    written |= {f"barrier, {name}": html for name, (_, html) in BARRIERS.items()}
    written |= {f"no barrier, {name}": html for name, html in NO_BARRIER.items()}
    for name, html in written.items():
        yield name, lambda html=html: html


MAILS = dict(_pages())
ENVIRONMENTS: dict[Scheme, Environment] = {"light": LIGHT, "dark": DARK}

OURS = frozenset(
    """aria-hidden-body aria-hidden-focus aria-roles aria-valid-attr area-alt blink button-name definition-list dlitem
    empty-heading empty-table-header frame-title html-lang-valid image-redundant-alt input-button-name input-image-alt label
    link-in-text-block list listitem marquee meta-refresh meta-viewport presentation-role-conflict role-img-alt
    scope-attr-valid select-name svg-img-alt tabindex table-duplicate-name td-headers-attr
    valid-lang""".split()  # noqa: SIM905
)
"""Rules of axe that `accessibility` has by the same name."""
ELSEWHERE = {
    "document-title": "title",
    "heading-order": "headings",
    "html-has-lang": "language",
    "image-alt": "alt",
    "link-name": "link-text",
    "page-has-heading-one": "headings",
}
"""Rules of axe, and the check that looks at the same."""


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as chromium:
        yield chromium


@pytest.fixture
def chromium(request: pytest.FixtureRequest) -> Browser:
    """Asked for late, so that `needs` speaks before a browser that is not there is started."""
    found: Browser = request.getfixturevalue("opened")
    return found


def words(rules: list[dict[str, Any]], name: str) -> list[str]:
    return sorted(node["words"] for rule in rules if rule["id"] == name for node in rule["nodes"])


@pytest.mark.needs("node judges", "chromium")
@pytest.mark.parametrize("name", MAILS)
def test_axe_says_the_same(chromium: Browser, name: str) -> None:
    """Of contrast word for word (what axe leaves undecided may be found here), of the other rules by rule."""
    html = MAILS[name]()
    styled = Styled(html)
    ours = {problem.rule for problem in problems(styled) if problem.rule in OURS}
    elsewhere = {finding.code for finding in run(edition(html))} & set(ELSEWHERE.values())
    theirs, other = set(), set()
    schemes: list[Scheme] = ["light", "dark"] if "color-scheme" in html else ["light"]
    for scheme, said in chromium.reports(html, [*OURS, *ELSEWHERE, "color-contrast"], schemes).items():
        found = sorted(one.run.node.words for one in pale(styled, ENVIRONMENTS[scheme]))
        undecided = words(said["incomplete"], "color-contrast")
        assert [one for one in found if one not in undecided] == words(said["violations"], "color-contrast"), scheme
        theirs |= {rule["id"] for rule in said["violations"]} & OURS
        other |= {ELSEWHERE[rule["id"]] for rule in said["violations"] if rule["id"] in ELSEWHERE}
    assert ours == theirs
    if "aria-hidden-body" in ours:
        return  # axe sees nothing of such a mail
    # `language` also wants the edition's own language: that is no rule of axe.
    assert elsewhere - {"language"} == other - {"language"}
    assert "language" not in other - elsewhere


def test_every_rule_that_axe_has_too_is_broken_by_a_page_of_the_corpus() -> None:
    broken = {rule for rule, _ in BARRIERS.values()}
    assert OURS - {"blink"} <= broken
    assert set(ELSEWHERE) <= broken
