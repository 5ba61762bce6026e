"""Markdown to HTML and text, and HTML to Markdown."""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from newsletter.stories import fromhtml, markup
from newsletter.text import clean

ALLOWED = {"p", "em", "strong", "a", "ul", "ol", "li", "blockquote", "br", "h4"}


def test_markdown_becomes_html() -> None:
    text = "One *two* **three**  \nfour [five](https://news.example.org/?a=1&b=2).\n\n# Six\n\n- a\n- b\n\n> q"
    assert str(markup.block_html(text)) == (
        '<p>One <em>two</em> <strong>three</strong><br>\nfour <a href="https://news.example.org/?a=1&amp;b=2">five</a>.'
        "</p>\n<h4>Six</h4>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<blockquote>\n<p>q</p>\n</blockquote>"
    )


def test_inline_markdown_has_no_block() -> None:
    assert str(markup.inline_html("# One\n- *two* & [x](mailto:edith@example.org)")) == (
        '# One - <em>two</em> &amp; <a href="mailto:edith@example.org">x</a>'
    )


def test_plain_text_reads_well() -> None:
    text = "One *two*\nthree [four](https://news.example.org/?a=1&b=2).\n\n<https://news.example.org/>\n\n3. a\n4. b\n   - c\n\n> q\n>\n> r"
    assert markup.plain(text) == (
        "One two three four (https://news.example.org/?a=1&b=2).\n\nhttps://news.example.org/\n\n"
        "3. a\n4. b\n   - c\n\n> q\n>\n> r"
    )
    assert markup.plain(text, links=False).startswith("One two three four.")


def test_plain_inline_is_one_line() -> None:
    assert markup.plain_inline("One\n**two** [x](https://news.example.org/)") == "One two x (https://news.example.org/)"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "[x](javascript:alert(1))", "[x](data:text/html,x)", "<img src=x onerror=alert(1)>",
        "[x](vbscript:x)", "![x](https://news.example.org/x.png)", "[x](/relative)", "<https://omar:pw@example.org>",
        '[x](https://news.example.org/"onmouseover="x)', "&lt;script&gt;", "<a href='javascript:x'>x</a>",
    ],
)  # fmt: skip
def test_nothing_dangerous_comes_out(text: str) -> None:
    for html in (str(markup.block_html(text)), str(markup.inline_html(text))):
        _is_safe(html)
        assert "<script" not in html
        assert "<img" not in html
        assert not re.search(r'href="(?!https://news\.example\.org/)', html)


def _is_safe(html: str) -> None:
    if not html.strip():
        return
    for element in lxml_html.fragment_fromstring(html, create_parent="main").iterdescendants():
        assert element.tag in ALLOWED
        assert set(element.attrib) <= {"href"}
        if element.tag == "a":
            assert re.match(r"(https?|mailto):", element.get("href", ""))
            assert not [inner for inner in element.iterdescendants() if inner.tag in ALLOWED - {"em", "strong", "br"}]


words = st.text(alphabet="ab *_[]()!<>&#1.-+=~`\\\"'“,:/|\n", max_size=30)


@given(st.one_of(words, st.text(max_size=60)))
def test_any_text_becomes_safe_html(text: str) -> None:
    text = clean(text)
    _is_safe(str(markup.block_html(text)))
    _is_safe(str(markup.inline_html(text)))
    markup.plain(text)
    markup.problems(text)


@given(st.text(alphabet="ab *_[]()!<>&#1.-+=~`\\\"'“,:/|", max_size=30))
def test_escaped_text_stands_for_itself(text: str) -> None:
    wanted = " ".join(text.split())
    escaped = markup.escape_start(markup.escape(wanted))
    assert markup.plain(escaped) == wanted
    assert not markup.problems(escaped)


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>One</p><p>two<br>three", "One\n\ntwo\\\nthree"),
        ("plain &amp; simple", "plain \\& simple"),
        ("<b>Yes.</b> <i>“No”</i>", "**Yes**. “*No*”"),
        ('<a href="https://news.example.org/a_(b)?x=1&amp;y=*2">here <b>now</b></a>', "[here **now**](https://news.example.org/a\\_\\(b\\)?x=1\\&y=\\*2)"),
        ('<a href="javascript:x">a</a><a href="/rel">b</a>', "ab"),
        ("<ul><li>a<li>b<ol><li>c</ol></ul>", "- a\n- b\n\n  1. c"),
        ("<h2>Head <em>x</em></h2>", "#### Head *x*"),
        ("<blockquote><p>a<p>b</blockquote>", "> a\n>\n> b"),
        ("<table><tr><td>a<td>b</table>", "a\n\nb"),
        ("<div>a<div>b</div>c</div>", "a\n\nb\n\nc"),
        ("<p>a</p><script>x</script><style>y</style><figure>z<figcaption>w</figcaption></figure>", "a"),
        ("<a href='https://news.example.org/'><p>a</p><p>b</p></a>", "a\n\nb"),
        ("1. no list<br>- nor this<br># nor this", "1\\. no list\\\n\\- nor this\\\n\\# nor this"),
        ("it\x92s", "it’s"),
        ("", ""),
        ("<!-- x -->", ""),
    ],
)  # fmt: skip
def test_html_becomes_markdown(html: str, markdown: str) -> None:
    assert fromhtml.markdown(html) == markdown


_leaf = st.text(alphabet="ab *_[]()!<>&#1.-+=~`\\\"'“,:/|", max_size=12).map(
    lambda text: text.replace("&", "&amp;").replace("<", "&lt;")
)
_NAMES = ["p", "div", "b", "em", "i", "strong", "a", "ul", "ol", "li", "blockquote", "h2", "td", "table", "span"]
_html = st.recursive(
    _leaf,
    lambda children: st.one_of(
        st.lists(children, max_size=4).map("".join),
        st.tuples(st.sampled_from(_NAMES), children).map(
            lambda pair: f"<{pair[0]}{' href=https://a.example/(_)' if pair[0] == 'a' else ''}>{pair[1]}</{pair[0]}>"
        ),
        st.just("<br>"),
    ),
    max_leaves=12,
)


@given(_html)
def test_no_word_is_lost_or_made_up_on_the_way_from_html_to_html(html: str) -> None:
    """HTML to Markdown to HTML has the same characters, and the Markdown is fit to be stored."""
    markdown = fromhtml.markdown(html)
    assert markup.problems(markdown) == []
    back = fromhtml.text(str(markup.block_html(markdown)))
    assert back.replace(" ", "") == fromhtml.text(html).replace(" ", "")


@given(st.text(alphabet="<>/ab=\"' &;!-p", max_size=60))
def test_any_tag_soup_can_be_read(html: str) -> None:
    assert markup.problems(fromhtml.markdown(html)) == []
    fromhtml.text(html)
    fromhtml.pictures(html)


def test_pictures_are_found_with_their_texts() -> None:
    html = (
        '<p><img src="https://images.example.org/a.jpg" alt="A &amp; b" width="600" height="x"><img src="javascript:x">'
    )
    assert fromhtml.pictures(html) == [fromhtml.Picture("https://images.example.org/a.jpg", "A & b", 600, 0)]


@pytest.mark.parametrize(
    "html", ["<div>" * 50_000, "<blockquote>" * 40_000, "<path/>" * 40_000 + "<div></div>" * 10_000, "x" * 600_000]
)
def test_hostile_html_takes_no_long_time(html: str) -> None:
    begun = time.perf_counter()
    with contextlib.suppress(ValueError):
        fromhtml.markdown(html)
    assert time.perf_counter() - begun < 20


def test_nesting_is_limited() -> None:
    assert fromhtml.markdown("<div>" * 60 + "x" + "</div>" * 60) == "x"
    with pytest.raises(ValueError, match="60 deep"):
        fromhtml.markdown("<div>" * 61 + "x")
    assert "x" in fromhtml.markdown("<blockquote>" * 20 + "x")
