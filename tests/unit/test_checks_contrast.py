"""What the check of contrast sees in colours that meet at an element. That axe says the same is shown in a real browser."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.checks import Finding, Severity
from newsletter.checks.assistive import problems
from newsletter.checks.contrast import contrast_of_words, pale
from newsletter.checks.styled import DARK, LIGHT, OUTLOOK_DARK, Colour, Styled, contrast
from newsletter.checks.styled.sheets import applies, sheet
from newsletter.checks.support import breaks
from tests.corpus.editions import edition
from tests.corpus.pages import HARBOUR, page


def findings(html: str) -> list[Finding]:
    return list(contrast_of_words(edition(html)))


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [((0, 0, 0), (1, 1, 1), 21), ((1, 1, 1), (1, 1, 1), 1), ((119 / 255,) * 3, (1, 1, 1), 4.48)],
)
def test_the_ratio_is_that_of_wcag(one: tuple[float, ...], other: tuple[float, ...], ratio: float) -> None:
    assert contrast(Colour(*one), Colour(*other)) == pytest.approx(ratio, abs=0.005)


def test_a_finding_names_the_words_the_colours_and_what_is_needed() -> None:
    (finding,) = findings(page(f'<p style="color:#8a8a8a">{HARBOUR}</p>'))
    assert finding.where == "HTML part in the light, “Twelve years, four mayors and one ballot…”"
    assert finding.message == "#8a8a8a on #ffffff is 3.45:1"
    assert finding.mend.startswith("these words need 4.5:1")


def test_the_same_colours_are_one_finding_however_often_they_meet() -> None:
    assert len(findings(page(f'<div style="color:#8a8a8a"><p>{HARBOUR}</p><p>{HARBOUR}</p></div>'))) == 1


def test_words_that_nobody_can_read_hold_the_edition_up() -> None:
    assert [one.severity for one in findings(page(f'<p style="color:#eeeeee">{HARBOUR}</p>'))] == [Severity.BLOCK]


def test_over_a_picture_the_colour_counts_that_stands_in_for_it() -> None:
    (finding,) = findings(page(f'<p style="background:#ffffff url(x.png);color:#999999">{HARBOUR}</p>'))
    assert finding.message.endswith("where the picture behind it is not loaded")
    assert findings(page(f'<p style="background-image:url(x.png);color:#ffffff">{HARBOUR}</p>')) == []


def test_a_browsers_dark_canvas_is_dark_where_the_mail_says_that_it_knows_the_dark() -> None:
    """Axe takes every canvas for white, so that this cannot be compared with it."""
    html = page(
        f'<p>{HARBOUR}</p><p style="color:#333333">Dark words</p>',
        style="margin:0",
        head='<meta name="color-scheme" content="light dark">',
    )
    assert [one.run.node.words for one in pale(Styled(html), DARK)] == ["Dark words"]
    assert list(pale(Styled(html.replace("light dark", "light")), DARK)) == []


def test_in_outlooks_dark_mode_only_what_rules_for_it_set_on_both_sides_is_judged() -> None:
    text = "[data-ogsc] p { color: #333333; }"
    ground = "[data-ogsb] p { background-color: #121212; }"
    for head, found in ((text, 0), (ground, 0), (text + ground, 1)):
        html = page(f"<p>{HARBOUR}</p>", head=f"<style>{head}</style>")
        assert len(list(pale(Styled(html), OUTLOOK_DARK))) == found
        assert list(pale(Styled(html), LIGHT)) == []


@pytest.mark.parametrize(
    ("media", "dark", "width", "true"),
    [
        ("screen", False, 640, True),
        ("print", False, 640, False),
        ("only screen and (max-width: 480px)", False, 640, False),
        ("only screen and (max-width: 480px)", False, 375, True),
        ("not print", False, 640, True),
        ("(min-width: 30em)", False, 479, False),
        ("(width <= 480px)", False, 480, True),
        ("(prefers-color-scheme: dark)", True, 640, True),
        ("print, (prefers-color-scheme: dark)", True, 640, True),
        ("(prefers-color-scheme: light)", True, 640, False),
        ("(hover: hover)", False, 640, False),
        ("", False, 640, True),
    ],
)
def test_a_media_query_is_true_where_a_browser_takes_it_so(media: str, dark: bool, width: float, true: bool) -> None:
    assert applies(media, dark=dark, width=width) is true


def test_an_at_rule_in_an_at_rule_is_seen() -> None:
    assert sheet("@media screen { @media (max-width: 480px) { p { color: red } } }").nested
    assert not sheet("@media screen { p { color: red } } @font-face { font-family: A }").nested


@pytest.mark.parametrize("deep", [500, 5000])
def test_a_deep_page_is_read_as_far_as_it_is_sane(deep: int) -> None:
    styled = Styled(page("<div>" * deep + f'<p style="color:#eeeeee">{HARBOUR}</p>' + "</div>" * deep))
    assert list(pale(styled, LIGHT)) == []


CSS = st.lists(
    st.sampled_from(
        re.findall(
            r"\S+",
            """color background font-size font : ; , { } ( ) @media @supports [data-ogsc] .a #b p > + ~ * :not(.a) :nth-child(2n+1)
        var(--x) --x calc( 1rem 1e9px -0 # #fff #ffff rgba(0,0,0,.5) hsl(1deg 2% 3%) oklch(1 2 3) url(x) linear-gradient(red,blue)
        !important display flex grid none position absolute " ' \\ /* */ <!-- --> é \x00""",
        )
    ),
    max_size=30,
).map(" ".join)


@given(CSS, CSS)
def test_whatever_a_style_sheet_says_it_is_read(rules: str, style: str) -> None:
    attribute = style.replace('"', "&quot;")
    html = page(
        f'<p class="a" id="b" style="{attribute}">{HARBOUR}<a href="https://courier.example.org/">On</a></p>',
        head=f"<style>{rules}</style>",
    )
    styled = Styled(html)
    for environment in (LIGHT, DARK, OUTLOOK_DARK):
        assert all(1 <= one.ratio <= 21 for one in pale(styled, environment))
    assert isinstance(breaks(styled), list)
    assert isinstance(list(problems(styled)), list)
