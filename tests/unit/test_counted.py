"""Links that are replaced by ours: those of links alone, wherever they stand, and nothing else of a document."""

from __future__ import annotations

import html

from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.contexts import hrefs
from newsletter.rendering.counted import countable, counted
from newsletter.rendering.model import Rendered

URL, OURS = "https://news.example.org/a?b=1&c=2", "https://courier.example.org/c/ghjkmnpqrstv"
NONCE = "0123456789ab"


def rendered(document: str = "", text: str = "") -> Rendered:
    return Rendered("Subject", "Preheader", document, text, (), NONCE, "digest")


def replaced(document: str) -> str:
    return counted(rendered(document), {URL: OURS}).html


def test_links_are_replaced_in_every_way_of_writing_them() -> None:
    escaped = html.escape(URL)
    for tag in (
        f'<a href="{escaped}">',
        f"<A  class=x HREF = '{escaped}' title=\"{escaped}\">",
        f'<area href="{escaped}">',
        f'<!--[if mso]><v:roundrect href="{escaped}"><![endif]-->',
        f'<!--[if !mso]><!--><a href=" {URL} "><!--<![endif]-->',
    ):
        found = replaced(tag)
        assert found.count(OURS) == 1, tag
        assert "title" not in tag or f'title="{escaped}"' in found


def test_what_is_no_link_stays() -> None:
    escaped = html.escape(URL)
    for kept in (
        f"<p>{escaped}</p>",
        f'<img src="{escaped}" alt="{escaped}">',
        f'<a title="href=&quot;{escaped}&quot;" href="https://other.example.org/">',
        f"<style>a {{ background: url('{URL}') }} /* <a href=\"{URL}\"> */</style>",
        f'<!-- <a href="{escaped}"> -->',
        f'<a href="{escaped}x">',
        f'<form action="{escaped}"><link href="{escaped}">',
        f'<textarea><a href="{escaped}"></textarea>',
    ):
        assert replaced(kept) == kept


def test_an_address_in_text_is_replaced_up_to_what_is_not_of_it() -> None:
    text = f"See {URL}, or ({URL}). Not {URL}/more nor https://other.example.org/.\n{URL}\n"
    found = counted(rendered(text=text), {URL: OURS}).text
    assert found == f"See {OURS}, or ({OURS}). Not {URL}/more nor https://other.example.org/.\n{OURS}\n"


def test_a_bracket_that_belongs_to_an_address_stays_with_it() -> None:
    url = "https://news.example.org/port_(town)"
    assert counted(rendered(text=f"({url})"), {url: OURS}).text == f"({OURS})"


def test_only_addresses_of_the_web_that_are_the_same_for_everybody_are_counted() -> None:
    assert countable(URL, NONCE)
    assert countable("HTTP://news.example.org/", NONCE)
    for url in ("mailto:edith@example.org", "tel:+1", "#top", "", f"https://slot.invalid/mbq{NONCE}x00z", "/story"):
        assert not countable(url, NONCE)


_PIECES = st.sampled_from(
    [
        "<a ",
        "<!--",
        "-->",
        "<!--[if mso]>",
        "<![endif]-->",
        "href=",
        '"',
        "'",
        ">",
        "<style>",
        "</style>",
        " ",
        URL,
        "x=",
    ]
)


@given(st.lists(_PIECES | st.text(max_size=4), max_size=30).map("".join))
def test_whatever_a_document_is_nothing_but_addresses_changes(document: str) -> None:
    """What stands between the addresses that were found is left as it was."""
    places = list(hrefs(document))
    assert places == sorted(places)
    outside, at = [], 0
    for start, end in places:
        outside.append(document[at:start])
        at = end
    outside.append(document[at:])
    found = counted(rendered(document), {URL: OURS}).html
    for piece in outside:
        place = found.find(piece)
        assert place >= 0
        found = found[place + len(piece) :]
