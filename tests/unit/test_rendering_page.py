"""A frozen variant: the same bytes every time, slots where readers differ, and nothing from a story that comes to life."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from newsletter.errors import NewsletterError
from newsletter.rendering.invariants import RenderingError
from newsletter.rendering.model import BulletView, ImageView, SectionView, Slot
from newsletter.rendering.page import TemplateSet
from newsletter.rendering.specimen import SPECIMENS
from newsletter.text import clean
from tests.unit.rendering_support import PLAIN, edition, html_of, make, story


@pytest.fixture(scope="module")
def plain() -> TemplateSet:
    return TemplateSet.load(PLAIN)


def body(folder: Path, jinja: str, **files: str) -> TemplateSet:
    return TemplateSet.load(make(folder, f"<mj-raw><tr><td>{jinja}</td></tr></mj-raw>", **files))


def test_same_inputs_same_bytes(plain: TemplateSet) -> None:
    assert plain.render(SPECIMENS[0]) == plain.render(SPECIMENS[0])


def test_another_process_renders_the_same_bytes(plain: TemplateSet) -> None:
    """Nothing hangs on the order of a set or on a random hash seed."""
    script = (
        "import sys; from pathlib import Path; from newsletter.rendering.page import TemplateSet; "
        "from newsletter.rendering.specimen import SPECIMENS; print(TemplateSet.load(Path(sys.argv[1])).render(SPECIMENS[0]).digest)"
    )
    for seed in ("1", "2"):
        out = subprocess.run(
            [sys.executable, "-c", script, str(PLAIN)], env={"PYTHONHASHSEED": seed}, cwd=Path(__file__).parents[2],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert out.stdout.strip() == plain.render(SPECIMENS[0]).digest


def test_the_digest_covers_what_a_reader_gets(plain: TemplateSet) -> None:
    r = plain.render(replace(SPECIMENS[0], subject=" A  subject ", preheader="What\nfor"))
    assert (r.subject, r.preheader) == ("A subject", "What for")
    slots = [[s.name, s.before, s.after, s.fallback] for s in r.slots]
    written = json.dumps([r.subject, r.preheader, r.html, r.text, slots], separators=(",", ":"))
    assert r.digest == hashlib.sha256(written.encode()).hexdigest()
    assert plain.render(replace(SPECIMENS[0], subject="Another", preheader="What for")).digest != r.digest


# Slots


def test_slots_are_numbered_by_first_use_and_shared_by_both_parts(tmp_path: Path) -> None:
    jinja = (
        '<a href="{{ slot_url("view_url") }}">v</a> {{ slot("first_name", before=", ", fallback="!") }} '
        '<a href="{{ slot_url("unsubscribe_url") }}">u</a> {{ slot("first_name", before=", ", fallback="!") }}'
    )
    text = '{{ slot("first_name") }} {{ slot_url("unsubscribe_url") }}\n{{ slot("first_name", before=", ", fallback="!") }}\n'
    r = body(tmp_path, jinja, page__txt=text).render(edition())
    assert r.slots == (Slot("view_url"), Slot("first_name", ", ", "", "!"), Slot("unsubscribe_url"), Slot("first_name"))
    assert f'href="https://slot.invalid/mbq{r.nonce}x00z"' in r.html
    assert r.html.count(f"mbq{r.nonce}x01z") == 2
    assert r.text == f"mbq{r.nonce}x03z https://slot.invalid/mbq{r.nonce}x02z\nmbq{r.nonce}x01z\n"
    assert len(r.nonce) == 12
    assert set(r.nonce) <= set("0123456789abcdef")


def test_the_nonce_differs_by_edition_segment_and_template(tmp_path: Path, plain: TemplateSet) -> None:
    other = TemplateSet.load(make(tmp_path))
    nonces = {
        plain.render(edition()).nonce,
        plain.render(edition(key="morning/2026-11-24")).nonce,
        plain.render(edition(segment="europe")).nonce,
        other.render(edition()).nonce,
    }
    assert len(nonces) == 4


def test_a_nonce_that_a_story_contains_is_not_used(plain: TemplateSet) -> None:
    """Whoever works out the nonce and writes it into a story finds another one used."""
    first = plain.render(edition()).nonce
    hostile = edition(story(dek=f"mbq{first}x00z"))
    r = plain.render(hostile)
    assert r.nonce != first
    assert f"mbq{first}x00z" in r.html
    again = edition(story(dek=f"{first} {r.nonce}"))
    assert plain.render(again).nonce not in (first, r.nonce)


def test_a_slot_may_stand_under_a_condition_on_the_edition(tmp_path: Path) -> None:
    r = body(
        tmp_path, '{% if edition.greeting %}{{ edition.greeting }}{{ slot("first_name", before=", ") }}{% endif %}'
    ).render(edition())
    assert f"Good morningmbq{r.nonce}x00z" in r.html


# Text of stories stays text

CANARIES = [
    "{{ 7*7 }}", "{% if x %}", "{# gone #}", "{{ slot('first_name') }}", "<mj-raw>x</mj-raw>", "<mj-text/>", "</td></table>", "<script>alert(1)</script>",
    "<!--[if mso]>x<![endif]-->", "-->", '<!--" onerror="alert(1)" -->', "<![CDATA[x]]>", "&amp; &lt; &nbsp;", '"quoted" \\ and \'single\'', "a < b > c", "jq0x00000z",
    "Dé\u00a0jà vu", "عربي \u200f و English", "👨‍👩‍👧‍👦 👍🏽", "re\u0301sume\u0301 \ufe0f", "10\u202f000 \u2009€ soft\u00adhyphen", ' height="auto" vertical-align="middle"', "<!doctype html>",
    "https://slot.invalid/mbq000000000000x00z", 'data-premailer="ignore"',
]  # fmt: skip


@pytest.mark.parametrize("words", CANARIES)
def test_what_a_story_says_is_what_a_reader_reads(plain: TemplateSet, words: str) -> None:
    """In a heading, in an attribute, in safe HTML and in plain text, whatever syntax the words resemble."""
    page = edition(
        story(headline=words, url="https://courier.example.org/a", body_html=html_of(words), body_text=words,
              image=ImageView("https://courier.example.org/a.jpg", words))
    )  # fmt: skip
    r = plain.render(page)
    document = lxml.html.document_fromstring(r.html)
    assert document.xpath("//h3")[0].text_content() == words
    assert document.xpath("//h3/a/@title") == [words]
    assert document.xpath("//img/@alt") == [words]
    assert words in document.xpath("//td[@class='story']/p")[-1].text_content()
    assert words in r.text


def test_a_line_break_in_an_alternative_text_stays_one(plain: TemplateSet) -> None:
    r = plain.render(edition(story(image=ImageView("https://courier.example.org/a.jpg", "one\ntwo"))))
    assert lxml.html.document_fromstring(r.html).xpath("//img/@alt") == ["one\ntwo"]


def test_attributes_of_the_template_survive_mrml(tmp_path: Path) -> None:
    """mrml would print these as backslash escapes, and close an attribute at a quotation mark."""
    written = '<mj-text><p title=\'a "b" \\ c\u00a0d <e>\u200d&amp;\' style="color: red;\n  margin: 0;">x</p></mj-text>'
    r = TemplateSet.load(make(tmp_path, written)).render(edition())
    p = lxml.html.document_fromstring(r.html).xpath("//p")[0]
    assert p.get("title") == 'a "b" \\ c\u00a0d <e>\u200d&'
    assert p.get("style") == "margin:0; color:red"


def test_words_of_the_template_survive_mrml(tmp_path: Path) -> None:
    """A > after a typographic character makes mrml panic, in words and in style sheets; a title is printed as an attribute too."""
    page = make(tmp_path, "<mj-text><b>“>”</b> €> >>\n→ x > y &gt; &amp; ✓</mj-text>") / "page.mjml"
    head = '<mj-head><mj-title>Say “hi”\u00a0"x" \\ {{ edition.key }} {{ edition.lead.body_html }} &amp; ></mj-title><mj-style>/* “ */ .a::before { content: "“>é\u00a0" } b > i { margin: 0 }</mj-style></mj-head>'
    page.write_text(page.read_text().replace("<mj-body>", head + "<mj-body>"))
    r = TemplateSet.load(tmp_path).render(edition(story(body_html=Markup('"<i>'))))
    document = lxml.html.document_fromstring(r.html)
    assert "“>” €> >>\n→ x > y > & ✓" in document.text_content()
    title = 'Say “hi”\u00a0"x" \\ morning/2026-11-23 "<i> & >'
    assert document.xpath("//title")[0].text == title
    assert document.xpath("//div[@role='article']/@aria-label") == [title]
    assert '.a::before { content: "“>é\u00a0" } b > i' in r.html


def test_an_unwritten_alternative_text_is_empty_not_missing(tmp_path: Path) -> None:
    r = TemplateSet.load(make(tmp_path, '<mj-image src="https://courier.example.org/a.png" />')).render(edition())
    assert lxml.html.document_fromstring(r.html).xpath("//img/@alt") == [""]


def test_a_comparison_in_the_template_is_no_tag(tmp_path: Path) -> None:
    jinja = '{% if edition.minutes < 3 and 1 > 0 and edition.key != "x>y" %}few{% else %}many{% endif %}{{ {"a": {"b": "}}"}}["a"]["b"] }}'
    assert "few}}" in body(tmp_path, jinja).render(edition()).html


def test_safe_html_cannot_end_an_attribute(tmp_path: Path) -> None:
    """Safe HTML may hold quotation marks in its text; printed in an attribute they are escaped, in MJML and in macros."""
    macro = '{% macro m(s) %}<i title="{{ s.body_html }}">m</i>{% endmacro %}'
    page = body(
        tmp_path,
        '{% from "m.html" import m %}<b title="{{ edition.lead.body_html }}">b</b>{{ m(edition.lead) }}',
        m__html=macro,
    )
    r = page.render(edition(story(body_html=Markup('a &amp; " onclick="x()" <i>b</i>'))))
    document = lxml.html.document_fromstring(r.html)
    for name in ("b", "i"):
        assert document.xpath(f"//{name}[@title]/@title") == ['a & " onclick="x()" <i>b</i>']
    assert not document.xpath("//@onclick")


def test_control_characters_become_what_was_meant(plain: TemplateSet) -> None:
    """A C1 character would make Gmail clip the mail, and a NUL ends what libxml2 reads."""
    r = plain.render(
        edition(story(headline="Maren\x92s harbour\x00", dek="a\ud800b", body_html=Markup("<p>it&#146;s</p>")))
    )
    assert "Maren’s harbour</h3>" in r.html
    assert "it’s" in r.html
    assert "Maren’s harbour\n" in r.text


def test_words_between_inline_elements_keep_their_blank(plain: TemplateSet) -> None:
    r = plain.render(
        edition(
            story(body_html=Markup("<p>\n<em>one</em>\n<strong>two</strong>\n</p>\n<pre>\n<b>a</b>\n<i>b</i>\n</pre>"))
        )
    )
    document = lxml.html.document_fromstring(r.html)
    assert document.xpath("//td[@class='story']/p")[-1].text_content().split() == ["one", "two"]
    assert document.xpath("//pre")[0].text_content().strip() == "a\nb"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JaVaScRiPt:x", " javascript:x", "java\nscript:x", "data:text/html,x", "vbscript:x", "/a", "//x.example/a", "file:///etc/passwd", "cid:1"],
)  # fmt: skip
def test_no_story_links_where_a_mail_may_not(plain: TemplateSet, url: str) -> None:
    for hostile in (
        story(url=url),
        story(image=ImageView(url, "a")),
        story(body_html=Markup('<p><a href="{}">a</a></p>').format(url)),
        story(body_html=Markup("<p><a href='{}'>a</a></p>").format(url)),
        story(body_html=Markup('<p><A HREF = "{}">a</A></p>').format(url)),
    ):
        with pytest.raises(RenderingError, match="write a whole http, https or mailto URL"):
            plain.render(edition(hostile))


@pytest.mark.parametrize(
    "url",
    ["http://x.example/", "https://x.example/?a=b&c=“d”", "HTTPS://x.example", "mailto:rita@example.org?subject=a%20b"],
)
def test_a_story_may_link_to_the_web_and_to_a_mailbox(plain: TemplateSet, url: str) -> None:
    r = plain.render(edition(story(url=url)))
    assert url in r.text
    assert lxml.html.document_fromstring(r.html).xpath("//h3/a")


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>",
        "<link rel=stylesheet href='https://x.example'>",
        "<b onclick='x'>a</b>",
        "<b a='b'onclick=x>a</b>",
        "<iframe src='https://x.example'></iframe>",
    ],
)
def test_html_that_claims_to_be_safe_and_is_not_stops_the_edition(plain: TemplateSet, html: str) -> None:
    with pytest.raises(RenderingError):
        plain.render(edition(story(body_html=Markup(html))))


def test_html_that_parsers_split_stops_the_edition(plain: TemplateSet) -> None:
    """libxml2 empties a link around a table, and loses what is nested too deep: better no mail than half a mail."""
    for html in (
        '<a href="https://x.example"><table><tr><td>a</td></tr></table></a>',
        "<div>" * 400 + "x" + "</div>" * 400,
    ):
        with pytest.raises(RenderingError, match="Inlining"):
            plain.render(edition(story(body_html=Markup(html))))


ANYTHING = st.text(max_size=60) | st.lists(
    st.sampled_from([*CANARIES, "{{", "}}", "{%", "%}", "<", ">", '"', "'", "&", "\\", "\n", "\u00a0", "\u200d", "\u202e", "\x92", "\x00", "mbq", "{#", "<p>", "=", "-"]),
    max_size=8,
).map("".join)  # fmt: skip


def squashed(words: str) -> str:
    return "".join(words.split())


@given(headline=ANYTHING, kicker=ANYTHING, dek=ANYTHING, words=ANYTHING, label=ANYTHING, alt=ANYTHING, title=ANYTHING)
def test_any_text_comes_out_as_it_went_in(
    headline: str, kicker: str, dek: str, words: str, label: str, alt: str, title: str
) -> None:
    """Whatever Unicode a story holds, the page parses to the same text (cleaned), and no element or attribute is born of it."""
    written = story(
        headline=headline, kicker=kicker, dek=dek, body_html=html_of(words), body_text=words, url="https://courier.example.org/a",
        bullets=(BulletView(label, html_of(words), words),), image=ImageView("https://courier.example.org/a.jpg", alt),
    )  # fmt: skip
    page = edition(sections=(SectionView("top", title, "lead", (written,)),))
    plain = TemplateSet.load(PLAIN)
    r = plain.render(page)
    assert not set(r.html) & {chr(c) for c in (*range(9), *range(0x80, 0xA0))}
    document = lxml.html.document_fromstring(r.html)
    assert squashed(document.xpath("//h3")[0].text_content()) == squashed(clean(headline))
    assert squashed(document.xpath("//h3/a/@title")[0]) == squashed(clean(headline))
    assert squashed(document.xpath("//img/@alt")[0]) == squashed(clean(alt))
    assert squashed(document.xpath("//li/strong")[0].text_content()) == squashed(clean(label)) + ":"
    assert squashed(document.xpath("//li/p")[0].text_content()) == squashed(clean(words))
    wanted = plain.render(edition(sections=(SectionView("top", title and "x", "lead", (replace(
        written, headline="x", kicker=kicker and "x", dek=dek and "x", body_html=html_of("x"), bullets=(BulletView("x", html_of("x"), "x"),)),)),)))  # fmt: skip
    shape = [e.tag for e in document.iter()]
    assert shape == [e.tag for e in lxml.html.document_fromstring(wanted.html).iter()]
    assert squashed(clean(words)) in squashed(r.text)


@given(st.text(max_size=200))
def test_any_template_text_is_refused_or_rendered(tmp_path: Path, words: str) -> None:
    """Whatever stands in a template, there is an error with a line, or a mail: never another exception, never a crash."""
    folder = make(tmp_path, f"<mj-text>{words}</mj-text>".encode("utf-8", "replace").decode())
    try:
        TemplateSet.load(folder).render(edition())
    except NewsletterError as error:
        said = str(error)
    else:
        return
    assert said


@given(ANYTHING)
def test_any_address_stays_in_its_attribute(tail: str) -> None:
    """An address may hold any character: the parsed link begins as written, and nothing is added to its element."""
    r = TemplateSet.load(PLAIN).render(edition(story(url="https://x.example/" + tail)))
    (link,) = lxml.html.document_fromstring(r.html).xpath("//h3/a")
    assert set(link.attrib) == {"href", "title", "style"}
    assert link.get("href").startswith("https://x.example/")
    assert link.text == "Voters back the harbour plan"


def test_an_unexpected_error_in_the_template_is_located(tmp_path: Path) -> None:
    page = body(tmp_path, "{% if edition.briefing == 'Bad' %}\n{{ 1 // 0 }}{% endif %}")
    with pytest.raises(NewsletterError, match=r"page\.mjml:7: integer division"):
        page.render(edition(briefing="Bad"))


def test_nothing_is_fetched_and_no_style_sheet_is_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Font names that mrml would answer with a link to a font service leave no trace, and no socket is opened."""
    monkeypatch.setattr("socket.socket", None)
    text = '<mj-text font-family="Roboto, Ubuntu, Open Sans, Lato, Droid Sans, sans-serif">a</mj-text>'
    html = TemplateSet.load(make(tmp_path, text)).render(edition()).html
    assert "Roboto" in html
    assert "<link" not in html
    assert "@import" not in html
    assert "googleapis" not in html
