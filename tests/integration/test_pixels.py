"""What sample mails look like in Chromium: the same by two inliners, whole without pictures, dark in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import css_inline
import numpy as np
import pytest
from PIL import Image

from newsletter.rendering import inline as inlining
from newsletter.rendering import page as pipeline
from newsletter.rendering.page import TemplateSet
from newsletter.testing.samples import VARIANTS
from tests import mails
from tools.browser import Browser, Scheme, browser

pytestmark = pytest.mark.needs("chromium")

OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as chromium:
        yield chromium


@pytest.fixture
def chromium(request: pytest.FixtureRequest) -> Browser:
    """Asked for late, so that `needs` speaks before a browser that is not there is started."""
    found: Browser = request.getfixturevalue("opened")
    return found


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def _by_css_inline(html: str, css: str) -> str:
    """The work of `newsletter.rendering.inline.inline`, by another engine (html5ever and Servo's selectors)."""
    sheets_left_alone = html.replace("<style", '<style data-css-inline="ignore"')
    inliner = css_inline.CSSInliner(extra_css=css, keep_style_tags=True, load_remote_stylesheets=False)
    return inliner.inline(sheets_left_alone).replace("<!doctype html>", "<!DOCTYPE html>", 1)


@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), (640, "light")])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_mail_inlined_by_premailer_looks_exactly_as_inlined_by_css_inline(
    chromium: Browser, monkeypatch: pytest.MonkeyPatch, variant: str, scheme: Scheme, width: int
) -> None:
    ours = mails.rendered(variant).html
    monkeypatch.setattr(inlining, "inline", _by_css_inline)
    monkeypatch.setattr(pipeline, "assert_inlined", lambda _before, _after: None)
    theirs = TemplateSet.load(mails.TEMPLATE).render(VARIANTS[variant]()).html
    assert ours != theirs
    first, second = (_pixels(chromium.shot(html, width=width, scheme=scheme)) for html in (ours, theirs))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("images", [True, False])
@pytest.mark.parametrize("width", [320, 375, 640])
@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_makes_a_mail_wider_than_the_window(chromium: Browser, variant: str, width: int, images: bool) -> None:
    with chromium.page(mails.html(variant), width=width, images=images) as page:
        assert page.evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 640])
@pytest.mark.parametrize("variant", ["ordinary", "right-to-left"])
def test_where_pictures_are_blocked_their_words_can_be_read(
    chromium: Browser, variant: str, width: int, scheme: Scheme
) -> None:
    with chromium.page(mails.html(variant), width=width, scheme=scheme, images=False) as page:
        shown = page.locator("img")
        assert shown.count() >= 2
        for index in range(shown.count()):
            picture = shown.nth(index)
            words = picture.get_attribute("alt") or ""
            with_words = _pixels(picture.screenshot())
            picture.evaluate("img => img.style.setProperty('color', 'transparent', 'important')")
            without = _pixels(picture.screenshot())
            ink = np.abs(with_words.astype(int) - without).max(axis=2) > 100
            assert ink.sum() > 5 * len(words)
            assert with_words.shape[0] >= 20


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_mail_is_dark_in_the_dark_and_light_in_the_light(chromium: Browser, variant: str) -> None:
    light, dark = (
        _pixels(chromium.shot(mails.html(variant), scheme=scheme, images=False)) for scheme in ("light", "dark")
    )
    assert light.shape == dark.shape
    assert np.median(light) > 230
    assert np.median(dark) < 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_rule_between_stories_is_there_in_both_schemes(chromium: Browser, scheme: Scheme) -> None:
    with chromium.page(mails.html("ordinary"), scheme=scheme) as page:
        rules = page.evaluate(
            """() => [...document.querySelectorAll('.r, .h')].map(cell => {
                const own = getComputedStyle(cell), page = getComputedStyle(cell.closest('.p'));
                return [own.borderTopWidth, own.borderTopColor, page.backgroundColor];
            })"""
        )
    assert len(rules) >= 9
    for width, line, ground in rules:
        assert float(width.removesuffix("px")) >= 1
        first, second = (np.array([int(n) for n in colour[4:-1].split(",")[:3]]) for colour in (line, ground))
        assert np.abs(first - second).max() >= 35
