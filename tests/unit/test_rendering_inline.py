"""Content CSS on the elements: the same declarations as another engine writes, and nothing of the mail lost on the way."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest

import css_inline
import lxml.html
import pytest

from newsletter.rendering.inline import inline, squeezed
from newsletter.rendering.invariants import RenderingError, assert_inlined, words
from newsletter.rendering.page import SlotWords, TemplateSet
from newsletter.rendering.specimen import SPECIMENS
from tests.unit.rendering_support import PLAIN

PAGE = """<!doctype html><html lang="en"><head><title>t</title><style type="text/css">
@media (prefers-color-scheme:dark) { .ink { color: #fff !important; } }
[data-ogsc] .ink { color: #fff !important; } u + .body a { color: red; } p { margin: 13px 0; }
</style><style media="screen and (min-width:480px)">.a { width: 50% !important; }</style></head><body>
<!--[if mso | IE]><table><tr><td style="width:600px;"><![endif]--><div class="ink"><h1>T</h1><p class="k">one <a href="https://x.example/é">two</a></p>
<p style="color: blue">three</p><img src="https://x.example/a.png" alt="" width="600"></div><!--[if mso | IE]></td></tr></table><![endif]-->
<!--[if mso | IE]><p><![endif]--><p>four</p><!--[if mso | IE]></p><![endif]--></body></html>"""
CSS = "p { margin: 0 0 16px; color: #1a1a1a; } .k { color: #a3161c; margin: 0 } a { color: #0b5394; } h1, img { margin: 0; width: 100% }"


def filled(template_set: TemplateSet) -> str:
    return template_set._fill(template_set._html, SPECIMENS[0], SlotWords("0" * 12)).lstrip()


def declarations(element: lxml.html.HtmlElement) -> dict[str, str]:
    """What an inline style says, the last declaration of a property winning."""
    pairs = [part.split(":", 1) for part in element.get("style", "").split(";") if ":" in part]
    return {name.strip().lower(): re.sub(r",\s+", ",", value.strip()).replace('"', "'") for name, value in pairs}


@pytest.mark.parametrize("of", ["page", "template"])
def test_another_engine_writes_the_same_styles(of: str) -> None:
    """css-inline (Rust, with the selector engine of Firefox) is the oracle: every element has the same declarations."""
    plain = TemplateSet.load(PLAIN)
    html, css = (PAGE, CSS) if of == "page" else (filled(plain), plain.css)
    engine = css_inline.CSSInliner(
        extra_css=css, load_remote_stylesheets=False, keep_style_tags=True, keep_link_tags=True
    )
    theirs = engine.inline(re.sub("<style", '<style data-css-inline="ignore"', html))
    mine, oracle = (
        list(lxml.html.document_fromstring(h).iter(lxml.html.etree.Element)) for h in (inline(html, css), theirs)
    )
    styled = 0
    for ours, other in zip_longest(mine, oracle):
        assert ours.tag == other.tag
        assert declarations(ours) == declarations(other), lxml.html.tostring(ours)[:200]
        styled += bool(declarations(ours))
    assert styled > 5


def test_what_premailer_loses_by_default_stays() -> None:
    out = inline(PAGE, CSS)
    assert_inlined(PAGE, out)
    assert out.startswith("<!DOCTYPE html>")
    assert out.count("!important") == PAGE.count("!important")
    assert "[data-ogsc]" in out
    assert "data-premailer" not in out
    assert '<p style="margin:0 0 16px; color:blue">three</p>' in out
    assert 'width="600"' in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda h: h.replace("<!DOCTYPE html>", ""), "doctype"),
        (lambda h: h.replace("width:600px", "width:601px"), "comment for Outlook"),
        (lambda h: h.replace("#fff !important", "#fff"), "style sheet"),
        (lambda h: re.sub(r"<img[^>]*>", "", h), "number of <img>"),
        (lambda h: h.replace(">two</a>", "></a>two"), "emptied a link"),
        (lambda h: h.replace("three", "tree"), "changed the words after “.*one"),
    ],
)  # fmt: skip
def test_each_loss_is_noticed(change: object, said: str) -> None:
    out = inline(PAGE, CSS)
    changed = change(out)  # type: ignore[operator]
    assert changed != out
    with pytest.raises(RenderingError, match=said):
        assert_inlined(PAGE, changed)


def test_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("requests.get", None)
    monkeypatch.setattr("socket.socket", None)
    html = PAGE.replace(
        "</head>",
        '<link rel="stylesheet" href="https://x.example/a.css"><link rel="stylesheet" href="/etc/hosts"></head>',
    )
    assert "localhost" not in inline(html, CSS)


def test_squeezing_takes_no_word_and_no_blank_between_words() -> None:
    html = "<div>\n  <p>\n<em>a</em>\n <b>b</b>\n</p>\n</div>\n<pre><i>a</i>\n\n<i>b</i></pre>\n<!--[if mso | IE]>x<![endif]-->\n<!--[if mso | IE]>y<![endif]-->\n<p>c</p>"
    out = squeezed(html)
    assert out == (
        "<div><p><em>a</em>\n<b>b</b></p></div>\n<pre><i>a</i>\n\n<i>b</i></pre>\n<!--[if mso | IE]>xy<![endif]--><p>c</p>"
    )
    assert words(out) == words(html)


def test_threads_get_the_same_bytes() -> None:
    plain = TemplateSet.load(PLAIN)
    with ThreadPoolExecutor(4) as pool:
        digests = set(pool.map(lambda _: plain.render(SPECIMENS[0]).digest, range(16)))
    assert len(digests) == 1
