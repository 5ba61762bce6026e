"""The checks that look at how a mail is shown say what axe says in Chromium, of every mail of the corpus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from newsletter.checks.contrast import pale
from newsletter.checks.styled import DARK, LIGHT, Environment, Styled
from tests.corpus import BROKEN, GOOD
from tests.corpus.contrasts import CONTRASTS
from tools.browser import Browser, Scheme, browser

MAILS = {
    **GOOD,
    **{name: one.html for name, one in BROKEN.items()},
    **{f"contrast: {name}": lambda html=html: html for name, html in CONTRASTS.items()},
}
RULES = ["color-contrast"]
ENVIRONMENTS: dict[Scheme, Environment] = {"light": LIGHT, "dark": DARK}


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as chromium:
        yield chromium


@pytest.fixture
def chromium(request: pytest.FixtureRequest) -> Browser:
    found: Browser = request.getfixturevalue("opened")
    return found


def words(rules: list[dict[str, Any]], name: str) -> list[str]:
    return sorted(node["words"] for rule in rules if rule["id"] == name for node in rule["nodes"])


@pytest.mark.needs("node judges", "chromium")
@pytest.mark.parametrize("name", MAILS)
def test_axe_says_the_same(chromium: Browser, name: str) -> None:
    """Of contrast word for word; what axe leaves undecided (a picture behind, the same colour twice) may be found here."""
    html = MAILS[name]()
    styled = Styled(html)
    for scheme, said in chromium.reports(html, RULES).items():
        found = sorted(one.run.node.words for one in pale(styled, ENVIRONMENTS[scheme]))
        undecided = words(said["incomplete"], "color-contrast")
        assert [one for one in found if one not in undecided] == words(said["violations"], "color-contrast"), scheme
