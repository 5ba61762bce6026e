"""What must hold in every mail of the Briefing template, whatever the edition holds."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import lxml.html
import pytest

from newsletter.rendering.page import TemplateSet
from newsletter.testing.samples import VARIANTS, ordinary
from tests import mails

every_variant = pytest.mark.parametrize("variant", VARIANTS)


def _page(variant: str) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(mails.html(variant))


@every_variant
def test_language_and_direction_stand_on_the_page_and_on_its_first_element(variant: str) -> None:
    page, edition = _page(variant), VARIANTS[variant]()
    for element in (page, page.body[0]):
        assert (element.get("lang"), element.get("dir")) == (edition.language, edition.direction)


@every_variant
def test_there_is_one_h1_and_no_heading_skips_a_level(variant: str) -> None:
    levels = [int(heading.tag[1]) for heading in _page(variant).iter("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@every_variant
def test_every_picture_has_words_unless_it_is_decorative_and_then_no_link(variant: str) -> None:
    decorative = {story.image.url for story in VARIANTS[variant]().stories if story.image and story.image.decorative}
    for picture in _page(variant).iter("img"):
        assert picture.get("width")
        assert not picture.get("width").startswith("0")
        if picture.get("src") in decorative:
            assert picture.get("alt") == ""
            assert picture.getparent().tag != "a"
        else:
            assert picture.get("alt").strip()


@every_variant
def test_layout_tables_say_that_they_are_no_tables(variant: str) -> None:
    assert {table.get("role") for table in _page(variant).iter("table")} == {"presentation"}


@every_variant
def test_every_link_says_something(variant: str) -> None:
    for link in _page(variant).iter("a"):
        assert link.text_content().strip() or link[0].get("alt")


@every_variant
def test_no_element_of_words_is_empty(variant: str) -> None:
    for element in _page(variant).iter("p", "h1", "h2", "h3", "li", "ul"):
        assert element.text_content().strip() or element.find(".//img") is not None


@every_variant
def test_every_story_is_in_both_parts_in_the_order_of_the_edition(variant: str) -> None:
    edition = VARIANTS[variant]()
    plain = re.sub(r"\s+", " ", mails.text(variant))
    for words in (re.sub(r"\s+", " ", _page(variant).body.text_content()), plain):
        at = 0
        for story in edition.stories:
            at = words.index(story.headline, at) + 1
            if story.url and words is plain:
                assert story.url in words


@every_variant
def test_both_parts_hold_the_ways_out_the_address_and_why(variant: str) -> None:
    edition = VARIANTS[variant]()
    page = _page(variant)
    links = [link.get("href") for link in page.iter("a")]
    html, text = re.sub(r"\s+", "", page.body.text_content()), mails.text(variant)
    assert links.count(mails.RITA.unsubscribe_url) == 2
    for url in (mails.RITA.unsubscribe_url, mails.RITA.preferences_url, mails.RITA.view_url):
        assert url in links
        assert url in text
    for words in (edition.publication.postal_address, edition.publication.contact, edition.reason):
        assert re.sub(r"\s+", "", words) in html
        assert re.sub(r"\s+", "", words) in re.sub(r"\s+", "", text)


@every_variant
def test_lines_of_the_text_have_at_most_72_columns_unless_one_word_is_longer(variant: str) -> None:
    for line in mails.text(variant).split("\n"):
        assert len(line) <= 72 or len(line.split()) == 1
        assert line == line.rstrip()


def test_a_heading_of_a_body_stands_one_level_under_the_headline_of_its_story() -> None:
    page = _page("rich")
    seen = [(heading.tag, heading.text_content()) for heading in page.iter("h2", "h3", "h4")]
    for headline, level in (("Voters back the harbour plan", 2), ("The quays, drawn", 3), ("The bonds, explained", 3)):
        at = seen.index((f"h{level}", headline))
        assert seen[at + 1] == (f"h{level + 1}", "What is built first")


def test_the_preheader_comes_first_in_the_page_and_is_not_in_the_text() -> None:
    body = _page("ordinary").body.text_content()
    assert body.strip().startswith(ordinary().preheader)
    assert ordinary().preheader not in re.sub(r"\s+", " ", mails.text("ordinary"))


def test_a_reader_without_a_name_is_greeted_without_a_comma() -> None:
    html, text = mails.compiled("ordinary").documents(replace(mails.RITA, first_name=""))
    assert "Good morning." in html
    assert "Good morning.\n" in text
    assert "Good morning, Rita." in mails.html("ordinary")


def test_a_picture_without_words_of_its_own_takes_its_caption_or_the_headline() -> None:
    edition = ordinary()
    lead = edition.stories[0]
    assert lead.image
    for image, words in (
        (replace(lead.image, alt=""), lead.image.caption),
        (replace(lead.image, alt="", caption=""), lead.headline),
    ):
        section = replace(edition.sections[0], stories=(replace(lead, image=image),))
        html = TemplateSet.load(mails.TEMPLATE).render(replace(edition, sections=(section,))).html
        assert f'alt="{words}"' in html


def test_a_small_picture_is_not_blown_up() -> None:
    edition = ordinary()
    lead = edition.stories[0]
    assert lead.image
    section = replace(edition.sections[0], stories=(replace(lead, image=replace(lead.image, width=320, height=180)),))
    html = TemplateSet.load(mails.TEMPLATE).render(replace(edition, sections=(section,))).html
    assert re.search(r'<img[^>]* width="320"[^>]*max-width:320px', html)


def test_the_accents_of_the_publication_colour_light_and_dark() -> None:
    edition = ordinary()
    own = replace(edition.publication, accent="#0a5a4b", accent_dark="#7fd6c2")
    html = TemplateSet.load(mails.TEMPLATE).render(replace(edition, publication=own)).html
    assert html.count("#0a5a4b") >= 5
    assert html.count("#7fd6c2") == 4
    assert "#a3161c" not in html


def test_twenty_five_stories_fit_into_60_kb_of_html() -> None:
    assert len(VARIANTS["long"]().stories) == 25
    assert len(mails.html("long").encode()) <= 60_000


def test_the_style_sheets_fit_into_what_gmail_reads() -> None:
    assert sum(len(sheet.encode()) for sheet in re.findall(r"(?s)<style.*?</style>", mails.html("long"))) < 8_192


def test_both_parts_speak_with_the_same_words() -> None:
    html, text = (
        re.search(r"(?s)\{% set tongues = (\{.*?\n\}) %\}", (mails.TEMPLATE / "partials" / name).read_text("utf-8"))
        for name in ("words.mjml", "words.txt")
    )
    assert html
    assert text
    assert html[1] == text[1]


@pytest.mark.parametrize(
    ("language", "word"),
    [("de-AT", "Abbestellen"), ("fr", "Se désabonner"), ("es-MX", "Darse de baja"), ("nn", "Unsubscribe")],
)
def test_the_frame_speaks_the_language_of_the_edition_or_english(language: str, word: str) -> None:
    rendered = TemplateSet.load(mails.TEMPLATE).render(replace(ordinary(), language=language))
    assert rendered.html.count(f">{word}</a>") == 2
    assert f"{word}:\n" in rendered.text
