"""Plain text: at most 72 columns, nothing broken that must not break."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from newsletter.rendering.filters import attribute, cleaned, plain, tidy, wrap
from newsletter.text import clean

LONG_URL = "https://courier.example.org/2026/11/23/" + "a-long-slug-" * 8


def test_wrap_breaks_at_blanks_alone() -> None:
    assert wrap("one two three-four", 9) == "one two\nthree-four"
    assert wrap(f"See {LONG_URL} now", 20) == f"See\n{LONG_URL}\nnow"
    assert wrap("10\u00a0000 and 20\u00a0000", 8) == "10\u00a0000\nand\n20\u00a0000"


def test_wrap_keeps_lines_and_hangs_list_items() -> None:
    text = "A line.\n\n- one two three four\n12. five six seven\n• eight nine ten"
    assert wrap(text, 14) == "A line.\n\n- one two\n  three four\n12. five six\n    seven\n• eight nine\n  ten"


def test_wrap_indents() -> None:
    assert wrap("one two three", 9, "> ") == "> one two\n> three"


def test_plain_makes_text_of_safe_html_and_leaves_text_alone() -> None:
    assert plain(Markup("<p>One &amp; <b>two</b><br>three</p><ul><li>four</li></ul>")) == "One & two\nthree\nfour"
    assert plain("1 < 2 <b>") == "1 < 2 <b>"


def test_attribute_escapes_text_whole_and_of_safe_html_what_could_end_it() -> None:
    assert attribute('a & "b" <c>') == "a &amp; &#34;b&#34; &lt;c&gt;"
    assert attribute(Markup("a &amp; \"b\" <c> 'd'")) == "a &amp; &#34;b&#34; &lt;c&gt; &#39;d&#39;"


def test_tidy_leaves_one_empty_line_and_no_trailing_blanks() -> None:
    assert tidy("\n\na  \n \t\n\n\n\nb\n\n\n") == "a\n\nb\n"
    assert tidy("") == "\n"


@given(st.text(alphabet=st.sampled_from("ab- .\n\t\u00a0é"), max_size=600))
def test_tidy_holds_72_columns_and_loses_no_word(text: str) -> None:
    out = tidy(text)
    assert out.split() == text.split()
    assert out.endswith("\n")
    assert "\n\n\n" not in out
    for line in out.split("\n"):
        assert line == line.rstrip(" \t")
        assert len(line) <= 72 or " " not in line.strip(" \t-")
    assert tidy(out) == out


@given(st.text(max_size=80) | st.text(alphabet=st.sampled_from("a\x00\x92\r\n\u2028\ufeff\ud800 é"), max_size=20))
def test_cleaned_is_clean(text: str) -> None:
    assert cleaned(text) == clean(text)
