"""A mail made nobody's: what is a reader's is taken out with its words, and the rest can stand inside another page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.contexts import attributes, tags
from newsletter.rendering.model import Rendered, Slot
from newsletter.rendering.neutral import Neutral, Picture, neutral
from newsletter.rendering.slots import url_word, word

NONCE, HOME = "0123456789ab", "https://courier.example.org/archive/morning/2026-11-23"
SLOTS = (Slot("view_url"), Slot("unsubscribe_url"), Slot("first_name", before=", ", fallback=""))
VIEW, LEAVE, NAME = url_word(NONCE, 0), url_word(NONCE, 1), word(NONCE, 2)
TEXT = f"{VIEW} {LEAVE} {NAME}"


def made(body: str, head: str = "", attributes: str = "") -> Neutral:
    document = f'<!DOCTYPE html><html lang="en" dir="ltr"><head>{head}</head><body{attributes}>{body}</body></html>'
    return neutral(Rendered("S", "P", document, TEXT, SLOTS, NONCE, "d"), HOME)


def body(made: Neutral) -> str:
    return made.inside.partition("<div data-mail")[2].partition(">")[2].removesuffix("</div>")


def test_readers_links_go_with_their_words_and_with_what_parted_them() -> None:
    found = made(
        f'<p class="fl"><a class="m" href="{VIEW}">View</a> &nbsp;·&nbsp; <a href="{LEAVE}"><b>Un</b>subscribe</a></p>'
        f'<p>Good morning{NAME}.</p><p>Tired? <a href="{LEAVE}">Leave</a> or <a href="https://x.example/">stay</a>.</p>'
    )
    assert body(found) == (
        '<p class="fl"></p><p>Good morning.</p><p>Tired?  or <a href="https://x.example/">stay</a>.</p>'
    )
    assert NONCE not in found.document


def test_a_link_that_passes_on_a_readers_address_goes_as_well() -> None:
    found = made(f'<p>Tell it: <a href="https://share.example/?u={VIEW}">share</a> it</p>')
    assert body(found) == "<p>Tell it:  it</p>"


def test_what_only_outlook_reads_goes_and_what_the_others_read_stays() -> None:
    found = made(
        f'<!--[if mso]><v:rect href="{LEAVE}"><![endif]--><p>All</p><!--[if !mso]><!--><p>Most</p><!--<![endif]-->'
    )
    assert body(found) == "<p>All</p><p>Most</p>"


def test_a_readers_link_that_is_no_link_of_a_page_leads_to_the_page() -> None:
    found = made(f'<map><area href="{LEAVE}"></map>')
    assert body(found) == f'<map><area href="{HOME}"></map>'


def test_inside_another_page_an_element_stands_for_the_body() -> None:
    head = (
        '<style media="screen">html, body.c > p, :root { margin: 0 } .body, #body a, tbody { color: red }\n'
        "@media (prefers-color-scheme: dark) { body, .c { background: #000 } }</style>"
    )
    found = made("<p>x</p>", head, ' class="c rtl" style="background:#f3f3f1" onload="x" id="y"')
    assert found.inside.count("<style") == 1
    assert '<style media="screen">[data-mail], [data-mail].c > p, [data-mail] { margin: 0 }' in found.inside
    assert ".body, #body a, tbody { color: red }" in found.inside
    assert "{ [data-mail], .c { background: #000 } }" in found.inside
    assert '<div data-mail lang="en" dir="ltr" class="c rtl" style="background:#f3f3f1"><p>x</p></div>' in found.inside


def test_what_is_no_mails_is_left_out() -> None:
    found = made('<template shadowrootmode="open"></template><form action="/x"><base href="/"><p>x</p></form>')
    assert body(found) == "<p>x</p>"


def test_a_mail_without_colours_for_the_dark_is_told_from_one_with() -> None:
    assert made("", '<meta name="color-scheme" content="light dark">').dark
    assert not made("", '<meta name="color-scheme" content="light">').dark
    assert not made("<p>dark</p>").dark


def test_the_first_large_picture_stands_for_the_mail() -> None:
    small = '<img src="https://x.example/dot.png" width="20" alt="">'
    large = '<img width="552" alt="A &quot;wall&quot;" src="https://x.example/wall.jpg?a=1&amp;b=2">'
    assert made(small + large).picture == Picture("https://x.example/wall.jpg?a=1&b=2", 'A "wall"')
    assert made(small + '<img src="data:image/png;base64,x" width="552" alt="">').picture is None


_PIECES = st.sampled_from(
    ["<p>", "</p>", "<b>", "·", "Words", f'<a href="{VIEW}">', f'<a title=">" href=\'{LEAVE}\'>', "</a>", NAME,
     '<a href="https://x.example/">', "<!-- x -->", "<td>", f'<area href="{LEAVE}">', "</template>", "<template>"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=25).map("".join))
def test_whatever_a_mail_is_nothing_of_a_reader_is_left(document: str) -> None:
    found = made(document)
    for part in (found.document, found.inside):
        assert NONCE not in part
        assert ".invalid" not in part
        assert not [tag for tag in tags(part) if tag.name.strip("/") == "template" or not tag.name]
        for tag in tags(part):
            if tag.name == "a":
                assert attributes(part, tag)["href"] in ("https://x.example/", HOME)


def test_a_document_that_ends_in_a_readers_link_ends_before_it() -> None:
    found = neutral(Rendered("S", "P", f'<p>x</p><a href="{VIEW}">View</a>', TEXT, SLOTS, NONCE, "d"), HOME)
    assert found.document == "<p>x</p>"
