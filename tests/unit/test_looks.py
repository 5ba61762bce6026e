"""A mail as programs show it: dark by its own rules, recoloured by force, told to be light."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.looks import LOOKS, Look, look
from newsletter.rendering.page import TemplateSet
from newsletter.testing.samples import VARIANTS
from tests.mails import TEMPLATE

MAIL = (
    "<html><head><meta name='color-scheme' content='light dark'><style>p{color:#000}"
    "@media (prefers-color-scheme: dark){p{color:#fff}} @media ( prefers-color-scheme:LIGHT ){i{color:red}}</style></head>"
    '<body bgcolor="#ffffff"><picture><source media="(prefers-color-scheme: dark)" srcset="d.png"></picture>'
    '<p style="color:#1a1a1a; background:#fff url(white.png)">In (prefers-color-scheme: dark) the sea is style="color:#000"'
    "</p></body></html>"
)


def styles(html: str) -> str:
    return " ".join(re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL))


def test_light_answers_that_no_dark_is_wanted_in_styles_and_sources_and_leaves_the_words() -> None:
    out = look(MAIL, "light")
    assert "prefers-color-scheme" not in styles(out)
    assert "@media (min-width: 1000000px){p{color:#fff}}" in out
    assert "@media (min-width: 0){i{color:red}}" in out
    assert '<source media="(min-width: 1000000px)"' in out
    assert "In (prefers-color-scheme: dark) the sea" in out
    assert "color-scheme:light!important" in out


def test_dark_follows_the_mails_own_rules() -> None:
    out = look(MAIL, "dark")
    assert "@media (min-width: 0){p{color:#fff}}" in out
    assert "color-scheme:dark!important" in out


def test_a_mail_that_knows_no_dark_stays_light_where_its_own_rules_count() -> None:
    assert "color-scheme:light!important" in look("<head></head><p>Sea", "dark")


def test_forced_dark_turns_grounds_dark_and_words_light_and_leaves_pictures_and_words() -> None:
    out = look(MAIL, "inverted")
    assert 'bgcolor="#212121"' in out
    assert 'style="color:#e4e4e4; background:#212121 url(white.png)"' in out
    assert 'the sea is style="color:#000"' in out
    assert "p{color:#ffffff}" in out
    assert "@media (min-width: 1000000px)" in out, "such programs do not know the mail's own dark"


@pytest.mark.parametrize(
    ("colour", "ground", "ink"),
    [
        ("#fff", "#212121", "#fff"),
        ("white", "#212121", "white"),
        ("#000000", "#000000", "#ffffff"),
        ("rgb(255, 255, 255)", "#212121", "rgb(255, 255, 255)"),
        ("rgba(100%,100%,100%,.5)", "rgba(33,33,33,0.5)", "rgba(100%,100%,100%,.5)"),
        ("#ffffff80", "rgba(33,33,33,0.501961)", "#ffffff80"),
        ("transparent", "transparent", "transparent"),
        ("#12345", "#12345", "#12345"),
        ("rgb(1)", "rgb(1)", "rgb(1)"),
    ],
)
def test_every_way_to_write_a_colour_is_understood_or_left_alone(colour: str, ground: str, ink: str) -> None:
    out = look(f'<p style="background-color:{colour};color:{colour}">', "inverted")
    assert out.endswith(f'<p style="background-color:{ground};color:{ink}">')


def test_a_rule_is_moved_to_the_other_side_whichever_it_is_on() -> None:
    out = look('<p style="border-top:1px solid #111111"><p style="border-top:1px solid #eeeeee">', "inverted")
    assert "solid #eeeeee" not in out
    assert "solid #111111" not in out


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("wanted", LOOKS)
def test_nothing_but_colours_and_the_head_differs(wanted: Look, name: str) -> None:
    """Words, links and pictures of every sample are what they were."""

    def bare(html: str) -> str:
        html = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
        return re.sub(r"#[0-9a-f]{3,6}\b", "#", html.replace('<base target="_blank">', ""))

    html = TemplateSet.load(TEMPLATE).render(VARIANTS[name]()).html
    assert bare(look(html, wanted)) == bare(html)


@given(html=st.text(alphabet="<>\"'=;:#() \nastyleheadcolor0f{}@/", max_size=200))
def test_anything_can_be_looked_at(html: str) -> None:
    for wanted in LOOKS:
        assert look(html, wanted).count('<base target="_blank">') == 1
